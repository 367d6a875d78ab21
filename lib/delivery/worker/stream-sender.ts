import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { TlsFiles, TlsVariables } from '../tls-files.ts';
import { tlsTrouble } from '../tls-trouble.ts';
import { SecureFiles } from './secure-files.ts';

/** An idle connection is probed after this long, milliseconds, so that a peer that vanished is noticed. */
const KEEP_ALIVE_MILLIS = 30_000;

/**
 * In TLS 1.3 a client is through with the handshake before the server has looked at its certificate: what it writes then
 * is gone when the server refuses it. The server's first ticket says that it did not; one that sends none is waited for
 * this long, milliseconds.
 */
const ADMITTED_MILLIS = 1000;

/** `files` are for `tls://`. */
export interface StreamSenderOptions {
  /** `tcp://host:port` or `tls://host:port`. */
  readonly url: string;
  readonly files: TlsFiles;
  readonly variables: TlsVariables;
  /** Limit of a connection's making and of each write. */
  readonly timeoutMillis: number;
}

/** One connection that stays open, made when something is to be written and made again when it broke. */
export class StreamSender {
  private readonly options: StreamSenderOptions;
  private readonly host: string;
  private readonly port: number;
  private readonly secure: SecureFiles | undefined;
  private connection: Promise<Socket> | undefined;
  private socket: Socket | undefined;
  /** Ends what is under way. */
  private readonly aborts = new Set<(reason: Error) => void>();

  constructor(options: StreamSenderOptions) {
    const { hostname, port, protocol } = new URL(options.url);
    this.options = options;
    this.host = hostname.replace(/^\[|\]$/g, '');
    this.port = Number(port);
    if (protocol === 'tls:') this.secure = new SecureFiles(options.files, options.variables);
  }

  /**
   * Resolves when the operating system has taken all of it.
   * @throws the error of the connection, or one that says that the peer took nothing in time; then all may be written again
   */
  async write(bytes: Buffer): Promise<void> {
    await this.within(async (fail) => {
      const socket = await this.usable();
      const broken = (): void => fail(new Error('the connection was closed by the other side'));
      socket.once('error', fail);
      socket.once('close', broken);
      try {
        await new Promise<void>((resolve, reject) => {
          socket.write(bytes, (error) => (error == null ? resolve() : reject(error)));
        });
      } finally {
        socket.off('error', fail);
        socket.off('close', broken);
      }
    });
  }

  /** Runs `work`, which fails when it takes too long or when delivery ends; the connection goes with it. */
  private async within(work: (fail: (reason: Error) => void) => Promise<void>): Promise<void> {
    const { timeoutMillis } = this.options;
    let abort: (reason: Error) => void = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = reject;
    });
    this.aborts.add(abort);
    const timer = setTimeout(() => abort(new Error(`nothing taken within ${timeoutMillis} ms`)), timeoutMillis);
    try {
      await Promise.race([work(abort), aborted]);
    } catch (error) {
      this.drop();
      throw this.explained(error);
    } finally {
      clearTimeout(timer);
      this.aborts.delete(abort);
    }
  }

  /** A connection that the other side has not closed, as far as is known here. */
  private async usable(): Promise<Socket> {
    if (this.connection !== undefined) {
      // Its end may be waiting to be read, and what is written then is lost. After the second of these the event loop has
      // looked once, wherever in its turn we are.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      if (this.socket?.readable === false || this.socket?.destroyed === true) this.drop();
    }
    this.connection ??= this.connect();
    return this.connection;
  }

  private connect(): Promise<Socket> {
    const { host, port } = this;
    const context = this.secure?.current();
    return new Promise((resolve, reject) => {
      const socket: Socket = this.secure
        ? connectTls({
            host,
            port,
            ...(isIP(host) === 0 && { servername: host }),
            ...(context && { secureContext: context }),
          })
        : connectTcp({ host, port });
      socket.setKeepAlive(true, KEEP_ALIVE_MILLIS);
      socket.setNoDelay(true);
      if (this.secure === undefined) socket.once('connect', () => resolve(socket));
      else whenAdmitted(socket as TLSSocket, () => resolve(socket));
      socket.on('error', reject);
      socket.on('close', () => {
        reject(new Error('the connection was closed by the other side'));
        if (this.socket === socket) this.drop();
      });
      // Nothing is expected to come, and what comes must not pile up.
      socket.resume();
      this.socket = socket;
    });
  }

  private explained(error: unknown): unknown {
    const { code } = error as NodeJS.ErrnoException;
    const { variables } = this.options;
    const trouble = tlsTrouble(code ?? '', { place: `${this.host}:${this.port}`, variables, told: code ?? '' });
    return trouble === undefined ? error : new Error(`${trouble.text}; ${trouble.fix}`, { cause: error });
  }

  private drop(): void {
    this.connection = undefined;
    this.socket?.destroy();
    this.socket = undefined;
  }

  /** Ends what is under way and closes the connection; what it has taken still leaves. */
  close(): void {
    const idle = this.aborts.size === 0;
    for (const abort of this.aborts) abort(new Error('delivery ends'));
    if (!idle) return;
    this.socket?.destroySoon();
    this.connection = undefined;
  }
}

function whenAdmitted(socket: TLSSocket, admitted: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  // Not in the event: it comes from inside of a read, and what is written there never leaves.
  socket.once('session', () => setImmediate(admitted));
  socket.once('secureConnect', () => {
    if (socket.getProtocol() === 'TLSv1.3') timer = setTimeout(admitted, ADMITTED_MILLIS);
    else admitted();
  });
  socket.once('close', () => clearTimeout(timer));
}

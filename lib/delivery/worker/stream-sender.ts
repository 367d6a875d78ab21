import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** An idle connection is probed after this long, milliseconds, so that a peer that vanished is noticed. */
const KEEP_ALIVE_MILLIS = 30_000;

export interface StreamSenderOptions {
  /** `tcp://host:port` or `tls://host:port`. */
  readonly url: string;
  /** PEM file of the certificate authority, for `tls://`. */
  readonly caFile?: string | undefined;
  /** Limit of a connection's making and of each write. */
  readonly timeoutMillis: number;
}

/** One connection that stays open, made when something is to be written and made again when it broke. */
export class StreamSender {
  private readonly options: StreamSenderOptions;
  private readonly host: string;
  private readonly port: number;
  private readonly secure: boolean;
  private connection: Promise<Socket> | undefined;
  private socket: Socket | undefined;
  /** Ends what is under way. */
  private readonly aborts = new Set<(reason: Error) => void>();

  constructor(options: StreamSenderOptions) {
    const { hostname, port, protocol } = new URL(options.url);
    this.options = options;
    this.host = hostname.replace(/^\[|\]$/g, '');
    this.port = Number(port);
    this.secure = protocol === 'tls:';
  }

  /**
   * Resolves when the operating system has taken all of it.
   * @throws the error of the connection, or one that says that the peer took nothing in time; then all may be written again
   */
  async write(bytes: Buffer): Promise<void> {
    await this.within(async (fail) => {
      const socket = await this.connected();
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
      throw error;
    } finally {
      clearTimeout(timer);
      this.aborts.delete(abort);
    }
  }

  private connected(): Promise<Socket> {
    this.connection ??= this.connect();
    return this.connection;
  }

  private connect(): Promise<Socket> {
    const { host, port } = this;
    return new Promise((resolve, reject) => {
      const socket = this.secure
        ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...this.authorities() })
        : connectTcp({ host, port });
      socket.setKeepAlive(true, KEEP_ALIVE_MILLIS);
      socket.setNoDelay(true);
      socket.once(this.secure ? 'secureConnect' : 'connect', () => resolve(socket));
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

  private authorities(): { ca?: string } {
    return this.options.caFile === undefined ? {} : { ca: readFileSync(this.options.caFile, 'utf8') };
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

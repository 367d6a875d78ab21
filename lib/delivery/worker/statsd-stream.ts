import { connect, type Socket } from 'node:net';
import { fullJitter } from '../../core/backoff.ts';
import { type PacketOutcome, WaitingPackets } from './waiting-packets.ts';

/** Bytes that a peer which does not read may let pile up; packets beyond are dropped and counted. */
const MAX_UNSENT_BYTES = 1024 ** 2;
/** Pause before a connection is tried again: at first, and at most, milliseconds. */
const RETRY_BASE_MILLIS = 250;
const RETRY_CAP_MILLIS = 30_000;
/** A connection that is not there after this long is given up, milliseconds. */
const CONNECT_MILLIS = 5000;

/** How the reader of a stream tells packets apart. */
export type StreamFraming = 'lines' | 'length-prefix';

export interface StatsdStreamOptions {
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
  /** `lines`: a line end behind each packet. `length-prefix`: its length before it, 4 bytes, least first (DogStatsD over a stream socket). */
  readonly framing: StreamFraming;
  readonly onOutcome: PacketOutcome;
  /** Told the code of a failed connection (`ECONNREFUSED`), undefined when it is there. */
  readonly onState?: (code: string | undefined) => void;
  /** Tests only. */
  readonly retryBaseMillis?: number;
}

function framed(packet: string, framing: StreamFraming): Buffer {
  if (framing === 'lines') return Buffer.from(`${packet}\n`);
  const bytes = Buffer.from(packet);
  const frame = Buffer.allocUnsafe(4 + bytes.length);
  frame.writeUInt32LE(bytes.length, 0);
  bytes.copy(frame, 4);
  return frame;
}

/**
 * Sends StatsD packets over a stream, TCP or a Unix socket. While there is no connection a bounded number waits; what is
 * more, and what a broken connection had not taken, is dropped and counted. Never holds the process.
 */
export class StatsdStream {
  private readonly options: StatsdStreamOptions;
  private socket: Socket | undefined;
  private connected = false;
  private closed = false;
  private attempts = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting: WaitingPackets;

  constructor(options: StatsdStreamOptions) {
    this.options = options;
    this.waiting = new WaitingPackets(options.onOutcome);
  }

  send(packets: readonly string[]): void {
    if (this.closed) {
      this.options.onOutcome(packets.length, packets.length);
      return;
    }
    if (this.connected) {
      this.write(packets);
      return;
    }
    this.waiting.add(packets);
    if (this.socket === undefined && this.timer === undefined) this.open();
  }

  private open(): void {
    const { address } = this.options;
    let socket: Socket;
    try {
      socket = 'path' in address ? connect({ path: address.path }) : connect({ ...address, autoSelectFamily: true });
    } catch {
      // An address that none can be: an empty path, a path longer than the system takes.
      this.lost('EINVAL');
      return;
    }
    this.socket = socket;
    let code = 'ECONNRESET';
    socket.unref();
    socket.setNoDelay(true);
    // A reader that says something is not listened to; without reading, its end would not be seen.
    socket.resume();
    socket.setTimeout(CONNECT_MILLIS, () => {
      if (this.connected) return;
      code = 'ETIMEDOUT';
      socket.destroy();
    });
    socket.on('connect', () => {
      if (socket !== this.socket) return;
      this.connected = true;
      this.attempts = 0;
      socket.setTimeout(0);
      this.options.onState?.(undefined);
      this.write(this.waiting.take());
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? code;
    });
    socket.on('close', () => {
      if (socket === this.socket) this.lost(code);
    });
  }

  private write(packets: readonly string[]): void {
    const { socket } = this;
    if (socket === undefined) return;
    for (const packet of packets) {
      if (socket.writableLength > MAX_UNSENT_BYTES) {
        this.options.onOutcome(1, 1);
        continue;
      }
      socket.write(framed(packet, this.options.framing), (error) => {
        this.options.onOutcome(1, error === null || error === undefined ? 0 : 1);
      });
    }
  }

  private lost(code: string): void {
    this.socket = undefined;
    this.connected = false;
    if (this.closed) return;
    this.options.onState?.(code);
    this.attempts += 1;
    const base = this.options.retryBaseMillis ?? RETRY_BASE_MILLIS;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        if (this.waiting.length > 0) this.open();
      },
      base + fullJitter(this.attempts, base, RETRY_CAP_MILLIS),
    );
    this.timer.unref();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.waiting.drop();
    const { socket } = this;
    if (socket === undefined) return;
    if (this.connected) socket.end(() => socket.destroy());
    else socket.destroy();
  }
}

import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';

/** Packets that wait for the address at most. */
const MAX_WAITING = 1000;
/** An address that could not be found or reached is asked for again after this long, milliseconds. */
const RETRY_MILLIS = 10_000;
/** A name is looked up again after this long, milliseconds: the agent may have moved. */
const RENEW_MILLIS = 60_000;

export interface StatsdSenderOptions {
  /** `udp://host:port`. */
  readonly url: string;
  readonly onOutcome: (handled: number, failed: number) => void;
  readonly nowMillis?: () => number;
}

/**
 * Sends StatsD datagrams, best effort. The socket is connected: one look-up for many packets, and a closed port is
 * told to us (ICMP) instead of being success for ever.
 */
export class StatsdSender {
  private readonly host: string;
  private readonly port: number;
  private readonly options: StatsdSenderOptions;
  private readonly now: () => number;
  private socket: Socket | undefined;
  private connected = false;
  private openedAt = 0;
  private retryAt = 0;
  private waiting: string[] = [];

  constructor(options: StatsdSenderOptions) {
    const url = new URL(options.url);
    this.host = url.hostname.replace(/^\[|\]$/g, '');
    this.port = Number(url.port === '' ? 8125 : url.port);
    this.options = options;
    this.now = options.nowMillis ?? Date.now;
  }

  send(packets: readonly string[]): void {
    const now = this.now();
    if (this.socket !== undefined && isIP(this.host) === 0 && now - this.openedAt > RENEW_MILLIS) this.drop();
    if (this.socket === undefined) {
      if (now < this.retryAt) {
        this.options.onOutcome(packets.length, packets.length);
        return;
      }
      this.open(now);
    }
    if (this.connected) {
      this.write(packets);
      return;
    }
    const room = Math.max(0, MAX_WAITING - this.waiting.length);
    this.waiting.push(...packets.slice(0, room));
    const over = packets.length - Math.min(room, packets.length);
    if (over > 0) this.options.onOutcome(over, over);
  }

  private open(now: number): void {
    const socket = createSocket(isIP(this.host) === 6 ? 'udp6' : 'udp4');
    this.socket = socket;
    this.openedAt = now;
    socket.on('error', () => {
      if (socket !== this.socket) return;
      // Connected: the answer to a packet that was sent before, which nobody takes (ICMP port unreachable).
      if (this.connected) this.options.onOutcome(0, 1);
      else this.fail();
    });
    socket.on('connect', () => {
      if (socket !== this.socket) return;
      this.connected = true;
      const { waiting } = this;
      this.waiting = [];
      this.write(waiting);
    });
    try {
      socket.connect(this.port, this.host);
    } catch {
      this.fail();
    }
  }

  private write(packets: readonly string[]): void {
    for (const packet of packets) {
      this.socket?.send(packet, (error) => this.options.onOutcome(1, error === null ? 0 : 1));
    }
  }

  private fail(): void {
    const lost = this.waiting.length;
    this.waiting = [];
    this.drop();
    this.retryAt = this.now() + RETRY_MILLIS;
    if (lost > 0) this.options.onOutcome(lost, lost);
  }

  private drop(): void {
    const { socket } = this;
    this.socket = undefined;
    this.connected = false;
    try {
      socket?.close();
    } catch {
      // Closed by its own error already.
    }
  }

  close(): void {
    this.drop();
  }
}

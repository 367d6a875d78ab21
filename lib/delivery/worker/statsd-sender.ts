import { createSocket, type Socket } from 'node:dgram';
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { type PacketOutcome, WaitingPackets } from './waiting-packets.ts';

/** An address that could not be found or reached is asked for again after this long, milliseconds. */
const RETRY_MILLIS = 10_000;
/** A name is looked up again after this long, milliseconds: the agent may have moved. */
const RENEW_MILLIS = 60_000;

/** Gives all addresses of a name. */
export type Lookup = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface StatsdSenderOptions {
  readonly host: string;
  readonly port: number;
  readonly onOutcome: PacketOutcome;
  /** Told the code of a failure: `ENOTFOUND` of the name, `ECONNREFUSED` of a port that nobody listens at. */
  readonly onState?: (code: string) => void;
  /** Tests only. */
  readonly nowMillis?: () => number;
  readonly lookup?: Lookup;
}

const systemLookup: Lookup = (host, done) => dnsLookup(host, { all: true }, done);

/** Agents listen at 127.0.0.1 more often than at `::1`, which `localhost` is as well. */
function preferred(addresses: readonly LookupAddress[]): LookupAddress | undefined {
  return addresses.find(({ family }) => family === 4) ?? addresses[0];
}

/**
 * Sends StatsD datagrams, best effort. The socket is connected: one look-up for many packets, and a closed port is
 * told to us (ICMP) instead of being success for ever. What a look-up said stays for a minute, that it said nothing for ten
 * seconds; while it is asked anew, and when then nothing is found, packets go where they went before.
 */
export class StatsdSender {
  private readonly options: StatsdSenderOptions;
  private readonly now: () => number;
  private readonly waiting: WaitingPackets;
  private socket: Socket | undefined;
  /** A look-up or a connection is under way. */
  private opening = false;
  private closed = false;
  /** When the address is asked for again. */
  private askAt = 0;

  constructor(options: StatsdSenderOptions) {
    this.options = options;
    this.now = options.nowMillis ?? Date.now;
    this.waiting = new WaitingPackets(options.onOutcome);
  }

  send(packets: readonly string[]): void {
    if (!this.opening && !this.closed && this.now() >= this.askAt) this.open();
    if (this.socket !== undefined) this.write(this.socket, packets);
    else if (this.opening) this.waiting.add(packets);
    else this.options.onOutcome(packets.length, packets.length);
  }

  private open(): void {
    const { host, lookup = systemLookup } = this.options;
    this.opening = true;
    const family = isIP(host);
    if (family !== 0) {
      this.connect({ address: host, family });
      return;
    }
    lookup(host, (error, addresses) => {
      const found = error === null ? preferred(addresses) : undefined;
      if (found === undefined) this.failed(error?.code ?? 'ENOTFOUND');
      else if (!this.closed) this.connect(found);
    });
  }

  private connect({ address, family }: LookupAddress): void {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The answer to a packet that was sent before, which nobody takes (ICMP port unreachable).
      if (socket === this.socket) {
        this.options.onOutcome(0, 1);
        this.options.onState?.(error.code ?? 'ECONNREFUSED');
      } else if (this.opening) {
        closeQuietly(socket);
        this.failed(error.code ?? 'EHOSTUNREACH');
      }
    });
    socket.on('connect', () => {
      this.opening = false;
      if (this.closed) {
        closeQuietly(socket);
        return;
      }
      closeQuietly(this.socket);
      this.socket = socket;
      this.askAt = isIP(this.options.host) === 0 ? this.now() + RENEW_MILLIS : Number.POSITIVE_INFINITY;
      this.write(socket, this.waiting.take());
    });
    try {
      socket.connect(this.options.port, address);
    } catch {
      closeQuietly(socket);
      this.failed('EINVAL');
    }
  }

  private failed(code: string): void {
    this.opening = false;
    this.askAt = this.now() + RETRY_MILLIS;
    this.waiting.drop();
    if (!this.closed) this.options.onState?.(code);
  }

  private write(socket: Socket, packets: readonly string[]): void {
    for (const packet of packets) socket.send(packet, (error) => this.options.onOutcome(1, error === null ? 0 : 1));
  }

  close(): void {
    this.closed = true;
    this.opening = false;
    this.askAt = Number.POSITIVE_INFINITY;
    this.waiting.drop();
    closeQuietly(this.socket);
    this.socket = undefined;
  }
}

function closeQuietly(socket: Socket | undefined): void {
  try {
    socket?.close();
  } catch {
    // Closed by its own error already.
  }
}

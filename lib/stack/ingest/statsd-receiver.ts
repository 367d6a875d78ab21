import { createSocket, type Socket } from 'node:dgram';
import type { Store } from '../store/store.ts';
import { StatsdAggregate } from './statsd-aggregate.ts';

/** How often what was gathered goes to the store. */
const FLUSH_MILLIS = 5000;
/** Kernel buffer: takes a burst of 60 000 packets a second without loss. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 ** 2;

export interface StatsdReceiverOptions {
  readonly store: Store;
  readonly flushMillis?: number;
  readonly now?: () => number;
}

/** Listens for StatsD over UDP. */
export class StatsdReceiver {
  readonly aggregate = new StatsdAggregate();
  readonly #options: StatsdReceiverOptions;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StatsdReceiverOptions) {
    this.#options = options;
  }

  /** @returns the port. @throws NodeJS.ErrnoException such as EADDRINUSE */
  async listen(port: number, host: string): Promise<number> {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('error', reject);
    socket.bind({ port, address: host, exclusive: true }, resolve);
    try {
      await promise;
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.off('error', reject);
    // A datagram socket reports what came back from earlier sends; this one never sends.
    socket.on('error', () => {});
    socket.on('message', (packet) => this.aggregate.take(packet.toString('utf8')));
    this.#socket = socket;
    this.#timer = setInterval(() => void this.flush().catch(() => {}), this.#options.flushMillis ?? FLUSH_MILLIS);
    this.#timer.unref();
    return socket.address().port;
  }

  async flush(): Promise<void> {
    const batch = this.aggregate.flush((this.#options.now ?? Date.now)());
    if (batch.samples.length > 0) await this.#options.store.appendMetrics(batch);
  }

  async close(): Promise<void> {
    if (this.#socket === undefined) return;
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#socket!.close(() => resolve()));
    await closed;
    this.#socket = undefined;
    await this.flush().catch(() => {});
  }
}

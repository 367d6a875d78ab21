import type { StockPackages } from './stock-packages.ts';

interface HotShots {
  readonly socket: { unref?: () => void } | undefined;
  sendMessage(message: string, callback: (error?: Error | null) => void): void;
  close(callback: () => void): void;
}

/** hot-shots as a carrier of datagrams that are ready: unbuffered, so that each leaves in the call. */
export class StockStatsd {
  private readonly packages: StockPackages;
  private readonly url: URL;
  private client: HotShots | undefined;
  sent = 0;
  failed = 0;

  constructor(packages: StockPackages, url: string) {
    this.packages = packages;
    this.url = new URL(url);
  }

  send(packets: readonly string[]): void {
    this.client ??= this.open();
    for (const packet of packets) {
      this.client.sendMessage(packet, (error) => {
        if (error === undefined || error === null) this.sent += 1;
        else this.failed += 1;
      });
    }
  }

  private open(): HotShots {
    const StatsD = this.packages.load('hot-shots');
    const client: HotShots = new StatsD({
      host: this.url.hostname.replace(/^\[|\]$/g, ''),
      port: this.url.port === '' ? 8125 : Number(this.url.port),
      protocol: 'udp',
      maxBufferSize: 0,
      // One look-up for many packets; without, each packet makes one.
      cacheDns: true,
      // Else each error is a line on the app's console.
      errorHandler: () => {},
    });
    client.socket?.unref?.();
    return client;
  }

  close(): void {
    this.client?.close(() => {});
    this.client = undefined;
  }
}

import type { StatsdDestination } from '../delivery-options.ts';
import { StatsdSender } from './statsd-sender.ts';
import { StatsdStream } from './statsd-stream.ts';

/** Where StatsD listens unless the address says otherwise. */
const DEFAULT_PORT = 8125;

export interface StatsdTransport {
  send(packets: readonly string[]): void;
  close(): void;
}

export interface StatsdTransportOptions extends StatsdDestination {
  readonly onOutcome: (handled: number, failed: number) => void;
  /** Takes one sentence when a stream cannot be reached. */
  readonly onTrouble: (sentence: string) => void;
}

/**
 * Why a Unix socket was not reached. Node speaks to stream sockets alone: for a datagram socket, which is what a DogStatsD
 * agent opens by default, the kernel answers EPROTOTYPE.
 */
function unixTrouble(path: string, code: string): string {
  if (code === 'EPROTOTYPE') {
    return `StatsD: got a datagram socket at ${path}, wanted a stream socket, because Node has no Unix datagrams; set DD_DOGSTATSD_STREAM_SOCKET of the agent and give its path, or use udp://`;
  }
  return `StatsD: ${path} does not take packets (${code}); they wait, and are dropped and counted beyond 1000. Start the agent or correct SIGHTLINE_STATSD_URL`;
}

/** The carrier for `udp://host:port`, `tcp://host:port` or `unix:///path`. */
export function createStatsdTransport(options: StatsdTransportOptions): StatsdTransport {
  const { url, lengthPrefix, onOutcome, onTrouble } = options;
  const parsed = new URL(url);
  if (parsed.protocol === 'udp:') return new StatsdSender({ url, onOutcome });
  if (parsed.protocol === 'unix:') {
    const path = decodeURIComponent(parsed.pathname);
    return new StatsdStream({
      address: { path },
      framing: lengthPrefix === true ? 'length-prefix' : 'lines',
      onOutcome,
      onState(code) {
        if (code !== undefined) onTrouble(unixTrouble(path, code));
      },
    });
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = Number(parsed.port === '' ? DEFAULT_PORT : parsed.port);
  return new StatsdStream({
    address: { host, port },
    framing: 'lines',
    onOutcome,
    onState(code) {
      if (code !== undefined)
        onTrouble(
          `StatsD: tcp://${parsed.host} does not take packets (${code}); they wait, and are dropped and counted beyond 1000. Start the server or correct SIGHTLINE_STATSD_URL`,
        );
    },
  });
}

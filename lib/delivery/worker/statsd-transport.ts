import type { StatsdDestination } from '../delivery-options.ts';
import { StatsdSender } from './statsd-sender.ts';
import { StatsdStream } from './statsd-stream.ts';
import { MAX_WAITING, type PacketOutcome } from './waiting-packets.ts';

/** Where StatsD listens unless the address says otherwise. */
const DEFAULT_PORT = 8125;

export interface StatsdTransport {
  send(packets: readonly string[]): void;
  close(): void;
}

export interface StatsdTransportOptions extends StatsdDestination {
  readonly onOutcome: PacketOutcome;
  /** Takes one sentence when nobody takes packets, the same one each time. */
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
  return `StatsD: ${path} does not take packets (${code}); they wait, and beyond ${MAX_WAITING} are dropped and counted. Start the agent or correct SIGHTLINE_STATSD_URL`;
}

function pathOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** The carrier for `udp://host:port`, `tcp://host:port` or `unix:///path`. */
export function createStatsdTransport(options: StatsdTransportOptions): StatsdTransport {
  const { url, lengthPrefix, onOutcome, onTrouble } = options;
  const parsed = new URL(url);
  if (parsed.protocol === 'unix:') {
    const path = pathOf(parsed);
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
  const meanwhile = parsed.protocol === 'udp:' ? 'they' : `they wait, and beyond ${MAX_WAITING}`;
  const onState = (code: string | undefined): void => {
    if (code === undefined) return;
    onTrouble(
      `StatsD: ${parsed.protocol}//${parsed.host} does not take packets (${code}); ${meanwhile} are dropped and counted. Start the server or correct SIGHTLINE_STATSD_URL`,
    );
  };
  return parsed.protocol === 'udp:'
    ? new StatsdSender({ host, port, onOutcome, onState })
    : new StatsdStream({ address: { host, port }, framing: 'lines', onOutcome, onState });
}

import type { Destination, RealServers } from './destinations.ts';
import type { ProxyMode } from './faulty-proxy.ts';

/** What a fault strikes. */
export interface Target {
  readonly destination: Destination;
  /** Where the destination is the servers themselves. */
  readonly real: RealServers | undefined;
}

/** One row of the matrix: what goes wrong, and when. */
export interface Fault {
  readonly name: string;
  /** true: it is there before the program starts; else in the middle of the run. */
  readonly fromStart?: boolean;
  /** true: it does not end. */
  readonly lasting?: boolean;
  /** A backend took what it did not acknowledge: where the protocol has no ID of a record, it comes again. */
  readonly answerLost?: boolean;
  /** Only one of the signals is struck. */
  readonly only?: 'logs' | 'spans';
  /** Of the program. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The program's data directory, instead of an ordinary one. */
  readonly disk?: 'small' | 'read-only';
  begin(target: Target): Promise<void>;
  /** true once the couriers have met it. */
  met(target: Target): boolean;
  end(target: Target): Promise<void>;
}

/** Tells the proxies before both backends. */
export async function setProxies({ destination }: Target, mode: ProxyMode): Promise<void> {
  await destination.logs.set(mode);
  // Zipkin and OTLP have no answer for a single item.
  if (mode.kind !== 'items') await destination.spans.set(mode);
}

function proxied(
  name: string,
  mode: ProxyMode,
  more: Partial<Pick<Fault, 'fromStart' | 'lasting' | 'answerLost' | 'only'>> = {},
): Fault {
  // Nobody sees a request at a closed port; a body below the limit meets no fault.
  const unseen = mode.kind === 'pass' || mode.kind === 'down' || mode.kind === 'limit';
  return {
    name,
    ...more,
    begin: (target) => setProxies(target, mode),
    met: ({ destination }) =>
      unseen || (destination.logs.hits > 0 && (more.only === 'logs' || destination.spans.hits > 0)),
    end: (target) => setProxies(target, { kind: 'pass' }),
  };
}

const answer = (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): ProxyMode => ({
  kind: 'answer',
  status,
  headers,
  body,
});

/** Each strikes the backends of logs and traces at once. */
export const FAULTS: readonly Fault[] = [
  proxied('nothing', { kind: 'pass' }),
  proxied('down before the start', { kind: 'down' }, { fromStart: true }),
  proxied('down in the middle', { kind: 'down' }),
  proxied('accepts, never answers', { kind: 'hang' }),
  proxied('begins to answer, never ends', { kind: 'unfinished' }),
  proxied('connection reset', { kind: 'reset' }),
  proxied('takes all, answer lost', { kind: 'lost-answer' }, { answerLost: true }),
  proxied('takes all, answer cut in half', { kind: 'truncated-answer' }, { answerLost: true }),
  proxied('slow: 500 ms an answer', { kind: 'slow', millis: 500 }),
  proxied('429, Retry-After 1 s', answer(429, { 'retry-after': '1' })),
  proxied('503', answer(503, {}, 'busy')),
  proxied('500', answer(500)),
  proxied('413 above 4 KB', { kind: 'limit', bytes: 4000 }, { fromStart: true, lasting: true }),
  proxied('302 to another host', answer(302, { location: 'http://127.0.0.1:1/' })),
  proxied('401', answer(401)),
  proxied('200 with a web page', answer(200, { 'content-type': 'text/html' }, '<html>sign in</html>')),
  proxied('every item 429', { kind: 'items', status: 429 }, { only: 'logs' }),
];

/** States of the disk, met with the backends down until all is written. */
export const DISK_FAULTS: readonly Fault[] = [
  { ...proxied('disk full (512 KB), backends down', { kind: 'down' }, { fromStart: true }), disk: 'small' },
  { ...proxied('read-only disk', { kind: 'pass' }, { fromStart: true }), disk: 'read-only' },
];

/** How a program ends right after its last record, in the same turn of the event loop. */
export const ENDINGS = ['normally', 'exit', 'throw', 'reject', 'SIGTERM', 'SIGKILL'] as const;
export type Ending = (typeof ENDINGS)[number];

/** What the backends do while a program ends. */
export const ENDING_MODES: readonly { readonly name: string; readonly mode: ProxyMode }[] = [
  { name: 'well', mode: { kind: 'pass' } },
  { name: 'down', mode: { kind: 'down' } },
  { name: 'hanging', mode: { kind: 'hang' } },
];

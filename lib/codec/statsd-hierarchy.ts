/**
 * Dotted StatsD names: `environment.host.service.group.segment.outcome`, six segments each, also what Graphite reads
 * as a tree. Each segment is made of `[a-z0-9_-]`.
 */

/** Longest segment: six of them, a value and a type stay far below one datagram. */
export const MAX_SEGMENT = 100;
/** What a segment without a usable character becomes. */
const NOTHING = 'unknown';
/** The route part of a request that matched no route: told apart from `/`, which adds nothing to the method. */
const UNMATCHED = 'unmatched';
/** Ports that need no mention: those of http and https. */
const DEFAULT_PORTS = new Set([80, 443]);

export const STATSD_GROUPS = {
  handlers: 'handlers',
  clients: 'clients',
  runtime: 'runtime',
  custom: 'custom',
} as const;

/** How a request ended. */
export const STATSD_OUTCOMES = ['ok', 'bad_request', 'error'] as const;
export type StatsdOutcome = (typeof STATSD_OUTCOMES)[number];

/** Last segments that are no outcome: durations, current values, counts. */
export const TIMING = 'timing';
export const VALUE = 'value';
export const COUNT = 'count';

/**
 * Any text as one segment: lower case, every other character than `[a-z0-9_-]` becomes `_`, runs of `_` become one,
 * `_` at the ends goes, at most `MAX_SEGMENT` characters. `GET /orders/:id` is `get_orders_id`, `GET /` is `get`.
 */
export function statsdSegment(text: string): string {
  const segment = text
    .slice(0, MAX_SEGMENT * 4)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '_')
    .slice(0, MAX_SEGMENT + 1)
    .replace(/^_/, '')
    .slice(0, MAX_SEGMENT)
    .replace(/_$/, '');
  return segment === '' ? NOTHING : segment;
}

/** 4xx is `bad_request`; 5xx, a failure without an answer and an answer that broke off are `error`. */
export function statsdOutcome(statusCode: number | undefined, errorType: string | undefined): StatsdOutcome {
  if (statusCode === undefined || statusCode >= 500) return 'error';
  if (statusCode >= 400) return 'bad_request';
  return errorType === undefined ? 'ok' : 'error';
}

export interface StatsdIdentity {
  readonly environment: string;
  readonly host: string;
  readonly service: string;
}

/** The names of one process. Results are to be kept: making one costs a microsecond. */
export class StatsdNames {
  private readonly prefix: string;

  constructor({ environment, host, service }: StatsdIdentity) {
    this.prefix = `${statsdSegment(environment)}.${statsdSegment(host)}.${statsdSegment(service)}`;
  }

  private name(group: string, segment: string, last: string): string {
    return `${this.prefix}.${group}.${segment}.${statsdSegment(last)}`;
  }

  /** @param route the pattern, empty when no route matched */
  handler(method: string, route: string, last: string): string {
    return this.name(STATSD_GROUPS.handlers, statsdSegment(`${method} ${route === '' ? UNMATCHED : route}`), last);
  }

  client(method: string, address: string, port: number | undefined, last: string): string {
    const where = port === undefined || DEFAULT_PORTS.has(port) ? address : `${address}_${port}`;
    return this.name(STATSD_GROUPS.clients, statsdSegment(`${method} ${where}`), last);
  }

  runtime(metric: string, last: string): string {
    return this.name(STATSD_GROUPS.runtime, statsdSegment(metric), last);
  }

  /** @param labelValues in declared order; they become the last segment, else `last` does */
  custom(metric: string, labelValues: readonly string[], last: string): string {
    return this.name(
      STATSD_GROUPS.custom,
      statsdSegment(metric),
      labelValues.length === 0 ? last : labelValues.join('_'),
    );
  }
}

/** The duration by outcome: what the mapping turns into the histogram with a status class. */
export function timingOf(outcome: StatsdOutcome): string {
  return `${TIMING}_${outcome}`;
}

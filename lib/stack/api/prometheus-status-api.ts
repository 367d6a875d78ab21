import { availableParallelism, hostname } from 'node:os';
import { durationText } from '../query/promql/syntax/literals.ts';
import type { Store } from '../store/store.ts';

/** A version whose API these answers follow. Grafana reads it. */
const VERSION = '3.16.0';
/** Entries of each list of `/status/tsdb`, unless told otherwise. Prometheus's number. */
const TOP = 10;

/** What the stack knows of itself. */
export interface StatusFacts {
  /** The `prometheus.yml` as it was read; empty without one. */
  readonly configText: string;
  readonly retentionMillis: number;
}

/**
 * `/api/v1/status/…`. What only Prometheus's own program has (goroutines, chunks) is zero.
 * Source: Prometheus documentation, "Status".
 *
 * @returns undefined for a page that is not known
 */
export async function statusAnswer(
  page: string,
  context: { store: Store; facts: StatusFacts; startedAt: number; now: number; limit: number },
): Promise<unknown> {
  const { facts, startedAt, now } = context;
  const storageRetention = durationText(facts.retentionMillis);
  switch (page) {
    case 'buildinfo':
      return {
        version: VERSION,
        revision: 'sightline',
        branch: 'sightline',
        buildUser: '',
        buildDate: '',
        goVersion: '',
      };
    case 'config':
      return { yaml: facts.configText };
    case 'flags':
      return {
        'query.lookback-delta': '5m',
        'query.max-samples': '10000000',
        'query.timeout': '15s',
        'storage.tsdb.retention.time': storageRetention,
      };
    case 'runtimeinfo':
      return {
        startTime: new Date(startedAt).toISOString(),
        CWD: process.cwd(),
        hostname: hostname(),
        serverTime: new Date(now).toISOString(),
        reloadConfigSuccess: true,
        lastConfigTime: new Date(startedAt).toISOString(),
        corruptionCount: 0,
        goroutineCount: 0,
        GOMAXPROCS: availableParallelism(),
        GOMEMLIMIT: 0,
        GOGC: '',
        GODEBUG: '',
        storageRetention,
      };
    case 'tsdb':
      return tsdbAnswer(context);
    default:
      return undefined;
  }
}

async function tsdbAnswer(context: { store: Store; facts: StatusFacts; now: number; limit: number }): Promise<unknown> {
  const { store, now, facts, limit } = context;
  const start = now - facts.retentionMillis;
  const series = await store.series([], { start, end: now });
  const names = new Map<string, number>();
  const values = new Map<string, Set<string>>();
  const pairs = new Map<string, number>();
  for (const labels of series)
    for (const [name, value] of Object.entries(labels)) {
      if (name === '__name__') names.set(value, (names.get(value) ?? 0) + 1);
      values.set(name, (values.get(name) ?? new Set()).add(value));
      pairs.set(`${name}=${value}`, (pairs.get(`${name}=${value}`) ?? 0) + 1);
    }
  const top = (entries: Iterable<[string, number]>) =>
    [...entries]
      .sort(([, one], [, other]) => other - one)
      .slice(0, limit === 0 ? TOP : limit)
      .map(([name, value]) => ({ name, value }));
  const counts = [...values].map(([name, set]): [string, number] => [name, set.size]);
  const bytes = [...values].map(([name, set]): [string, number] => [
    name,
    [...set].reduce((sum, value) => sum + Buffer.byteLength(value), 0),
  ]);
  return {
    headStats: { numSeries: series.length, numLabelPairs: pairs.size, chunkCount: 0, minTime: start, maxTime: now },
    seriesCountByMetricName: top(names),
    labelValueCountByLabelName: top(counts),
    memoryInBytesByLabelName: top(bytes),
    seriesCountByLabelValuePair: top(pairs),
  };
}

/**
 * What a PromQL query costs, in milliseconds: `node benchmarks/micro/promql.ts`. One hour of samples every 15 s, range
 * queries with a step of 15 s; from memory, and from the store on disk through its thread. The median of the rounds is
 * printed, so that a busy machine shows in the spread.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileMatchers } from '../../lib/stack/query/label-matcher.ts';
import { evaluateInstant, evaluateRange } from '../../lib/stack/query/promql/engine.ts';
import { LabelSet } from '../../lib/stack/query/promql/evaluate/label-set.ts';
import type { SampleSource, StoredSeries } from '../../lib/stack/query/promql/evaluate/series.ts';
import { parseExpression } from '../../lib/stack/query/promql/syntax/parser.ts';
import { SqliteStore } from '../../lib/stack/store/sqlite-store.ts';
import type { Sample } from '../../lib/stack/store/store.ts';

const ROUNDS = 15;
const WARM_UP = 5;
const SERIES = 200;
const STEP = 15_000;
/** An hour, and the window of the first step. */
const SAMPLES = 260;
const END = 1_790_000_000_000;
const START = END - 3_600_000;
const BOUNDS = ['0.1', '0.25', '0.5', '1', '2.5', '5', '10', '25', '60', '+Inf'];

const labelsOf = (index: number): Record<string, string> => ({
  __name__: 'requests_total',
  instance: `10.0.0.${index}`,
  job: `job-${index % 10}`,
  le: BOUNDS[index % BOUNDS.length]!,
});
const valueAt = (index: number, at: number): number => at * (index + 1) * 0.75 + (index % BOUNDS.length) * at;

const stored: StoredSeries[] = Array.from({ length: SERIES }, (_, index) => ({
  labels: LabelSet.of(labelsOf(index)),
  times: Float64Array.from({ length: SAMPLES }, (__, at) => END - (SAMPLES - 1 - at) * STEP - (index % 7) * 1000),
  values: Float64Array.from({ length: SAMPLES }, (__, at) => valueAt(index, at)),
}));
const memory: SampleSource = {
  select(matchers) {
    const matches = compileMatchers(matchers);
    return stored.filter(({ labels }) => matches(labels.toRecord()));
  },
};

async function measure(name: string, operation: () => unknown): Promise<void> {
  const rounds: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    await operation();
    if (round >= 0) rounds.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[Math.floor(ROUNDS / 2)]!;
  process.stdout.write(
    `${name.padEnd(72)} ${median.toFixed(2).padStart(8)} ms  [${rounds[0]!.toFixed(2)}-${rounds.at(-1)!.toFixed(2)}]\n`,
  );
}

const QUERIES = [
  'sum(rate(requests_total[5m]))',
  'sum by (job) (rate(requests_total[1m]))',
  'histogram_quantile(0.95, sum by (le, job) (rate(requests_total[5m])))',
  'requests_total / on (instance) group_left requests_total',
  'max_over_time(rate(requests_total[1m])[10m:1m])',
];
const times = { start: START, end: END, step: STEP };
for (const query of QUERIES) {
  const expression = parseExpression(query);
  await measure(`memory, range: ${query}`, () => evaluateRange(expression, times, { source: memory }));
}
const first = parseExpression(QUERIES[0]!);
await measure(`memory, instant: ${QUERIES[0]}`, () => evaluateInstant(first, END, { source: memory }));
await measure(`parsing, 1000 times: ${QUERIES[2]}`, () => {
  for (let index = 0; index < 1000; index += 1) parseExpression(QUERIES[2]!);
});

const directory = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
const store = await SqliteStore.open({ path: join(directory, 'stack.db'), maxAgeMillis: 1e9, maxBytes: 1024 ** 3 });
const samples: Sample[] = stored.flatMap(({ labels, times: at, values }) =>
  Array.from(at, (timestamp, index) => ({ labels: labels.toRecord(), timestamp, value: values[index]! })),
);
await store.appendMetrics({ families: [], samples });
for (const query of QUERIES.slice(0, 3))
  await measure(`store, range: ${query}`, () => store.promqlBody({ query, ...times }));
await store.close();
rmSync(directory, { recursive: true, force: true });

/**
 * The same samples and the same queries into a real Prometheus and into the local stack: equal answers, annotations and
 * errors. `SEED` and `CASES` in the environment repeat or lengthen a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '../../backends/directory.ts';
import { startPrometheus } from '../../backends/prometheus.ts';
import { Random } from '../../fuzz/random.ts';
import { FORMS, MISTAKES } from './expressions.ts';
import { isChaotic, QueryGenerator } from './generate-query.ts';
import { startQueryServer } from './query-server.ts';
import { openMetrics, sampleSeries, VOCABULARY } from './sample-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const CASES = Number(process.env['CASES'] ?? 400);
/** Relative: the two languages round their transcendental functions differently. */
const TOLERANCE = 1e-9;
/** Variances of large numbers: Prometheus's depend on the order of series in the last digits. */
const VARIANCE_TOLERANCE = 1e-6;
/** Known: Prometheus forgets the offset here. */
const FORGOTTEN_OFFSET = /timestamp\(\(*\w+(?:\{[^}]*\})? @ \w+\(\) offset/;

interface Answer {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data?: { readonly resultType: string; readonly result: any };
}

async function ask(url: string, path: string, form: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(form) });
  return (await response.json()) as Answer;
}

type Point = readonly [time: number, value: string];

/** Every point by its series and time. */
function pointsOf({ data }: Answer): Map<string, string> {
  const points = new Map<string, string>();
  if (data === undefined) return points;
  if (data.resultType === 'scalar' || data.resultType === 'string')
    return points.set(String(data.result[0]), data.result[1]);
  for (const series of data.result as { metric: Record<string, string>; value?: Point; values?: readonly Point[] }[]) {
    const labels = JSON.stringify(Object.entries(series.metric).sort(([one], [other]) => (one < other ? -1 : 1)));
    for (const [time, value] of series.values ?? [series.value!]) points.set(`${labels} ${time}`, value);
  }
  return points;
}

function same(one: string | undefined, other: string | undefined, tolerance: number): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  const [left, right] = [Number(one), Number(other)];
  // What is no number to JavaScript (+Inf, -Inf) is equal as text or not at all.
  return Math.abs(left - right) <= tolerance * Math.max(Math.abs(left), Math.abs(right));
}

/** @returns how two answers differ; undefined when they do not */
function difference(query: string, theirs: Answer, ours: Answer): string | undefined {
  if (theirs.status !== ours.status)
    return `status ${theirs.status}: ${theirs.error}, ours ${ours.status}: ${ours.error}`;
  if (theirs.status === 'error') {
    // Which of several conflicts is named first is open.
    const [their, our] = [theirs.error, ours.error].map((text) =>
      text?.replace(/^(?:found duplicate series|multiple matches for labels).*$/s, 'series conflict'),
    );
    return their === our && theirs.errorType === ours.errorType
      ? undefined
      : `error ${theirs.error}, ours ${ours.error}`;
  }
  if (theirs.data?.resultType !== ours.data?.resultType)
    return `type ${theirs.data?.resultType}, ours ${ours.data?.resultType}`;
  const [their, our] = [pointsOf(theirs), pointsOf(ours)];
  const tolerance = /(?:stddev|stdvar)(?!_over)/.test(query) ? VARIANCE_TOLERANCE : TOLERANCE;
  for (const key of new Set([...their.keys(), ...our.keys()]))
    if (!same(their.get(key), our.get(key), tolerance)) return `${key}: ${their.get(key)}, ours ${our.get(key)}`;
  for (const kind of ['warnings', 'infos'] as const) {
    const [one, other] = [theirs[kind] ?? [], ours[kind] ?? []].map((texts) => [...texts].sort().join('\n'));
    if (one !== other) return `${kind} ${one}, ours ${other}`;
  }
  return undefined;
}

test('generated queries: a real Prometheus and the local stack answer alike', {
  skip: available('prometheus'),
  timeout: 60_000 + CASES * 100,
}, async (t) => {
  t.diagnostic(`SEED=${SEED} CASES=${CASES}`);
  // A block of its own, two hours long, that is over.
  const end = Math.floor(Date.now() / 7_200_000) * 7200 - 600;
  const samples = sampleSeries(new Random(`samples ${SEED}`), end);
  const prometheus = await startPrometheus({ backfill: openMetrics(samples) });
  t.after(() => prometheus.stop());
  await using server = await startQueryServer(samples);
  const random = new Random(`queries ${SEED}`);
  const differences: string[] = [];
  let nonEmpty = 0;
  for (let index = 0; index < CASES; index += 1) {
    const query = new QueryGenerator(random, VOCABULARY).query();
    const at = end - random.below(3600);
    const step = random.pick([7, 15, 60, 301]);
    const times = { start: String(at - step * random.below(12)), end: String(at), step: String(step) };
    const [path, form] = random.oneIn(2)
      ? (['query', { query, time: String(at) }] as const)
      : (['query_range', { query, ...times }] as const);
    const [theirs, ours] = await Promise.all([ask(prometheus.url, path, form), ask(server.url, path, form)]);
    if (pointsOf(theirs).size > 0) nonEmpty += 1;
    const skipped = (isChaotic(query) && theirs.status === ours.status) || FORGOTTEN_OFFSET.test(query);
    const found = skipped ? undefined : difference(query, theirs, ours);
    if (found !== undefined) differences.push(`${path} ${JSON.stringify(form)}\n    ${found}`);
  }
  assert.deepEqual(server.bugs, []);
  assert.equal(
    differences.length,
    0,
    `SEED=${SEED}: ${differences.length} of ${CASES}\n${differences.slice(0, 20).join('\n')}`,
  );
  assert.ok(nonEmpty > CASES / 3, `${nonEmpty} of ${CASES} queries found something`);
});

test('mistakes and normal forms: the words are those of a real Prometheus', {
  skip: available('prometheus'),
}, async (t) => {
  const prometheus = await startPrometheus();
  t.after(() => prometheus.stop());
  for (const [query, message] of Object.entries(MISTAKES)) {
    const { error } = await ask(prometheus.url, 'query', { query });
    assert.equal(error, `invalid parameter "query": ${message}`, query);
  }
  for (const [query, form] of Object.entries(FORMS))
    assert.equal((await ask(prometheus.url, 'format_query', { query })).data, form, query);
});

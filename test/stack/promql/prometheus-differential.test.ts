/**
 * The same samples and the same queries into a real Prometheus and into the local stack: equal answers, annotations and
 * errors. `SEED` and `CASES` in the environment repeat or lengthen a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '../../backends/directory.ts';
import { startPrometheus } from '../../backends/prometheus.ts';
import { Random } from '../../fuzz/random.ts';
import { ask, difference, pointsOf } from './compare-answers.ts';
import { FORMS, MISTAKES } from './expressions.ts';
import { isChaotic, QueryGenerator } from './generate-query.ts';
import { startQueryServer } from './query-server.ts';
import { openMetrics, sampleSeries, VOCABULARY } from './sample-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const CASES = Number(process.env['CASES'] ?? 400);
/** Known: Prometheus forgets the offset here. */
const FORGOTTEN_OFFSET = /timestamp\(\(*\w+(?:\{[^}]*\})? @ \w+\(\) offset/;

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

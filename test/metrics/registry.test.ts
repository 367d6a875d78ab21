import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SERIES_LIMIT, MAX_METRICS, MetricRegistry, OTHER } from '../../lib/metrics/registry.ts';
import type { HistogramPoint, NumberPoint } from '../../lib/model/metric-points.ts';
import { definition, SPAN_ID, TRACE_ID } from './fixtures.ts';

test('series limit: the last accepted, the first rejected, and what becomes of it', () => {
  const said: string[] = [];
  const registry = new MetricRegistry({ seriesLimit: 3, onSeriesLimit: (metric) => said.push(metric) });
  const family = registry.counter(definition('counter', 'orders_total', ['kind', 'shop']));
  for (const kind of ['a', 'b', 'c']) family.bind([kind, 'x']).inc();
  assert.equal(said.length, 0);
  assert.equal(family.size, 3);
  family.bind(['d', 'x']).inc(2);
  family.bind(['e', 'y']).inc();
  family.bind(['a', 'x']).inc();
  assert.deepEqual(said, ['orders_total'], 'said once');
  const points = [...family.points()] as NumberPoint[];
  assert.deepEqual(
    points.map(({ labelValues, value }) => [...labelValues, value]),
    [
      ['a', 'x', 2],
      ['b', 'x', 1],
      ['c', 'x', 1],
      [OTHER, OTHER, 3],
    ],
  );
  assert.equal(family.observationsOverLimit, 2, 'observations, not amounts');
  assert.deepEqual([...registry.losses()], [{ metric: 'orders_total', overLimit: 2, rejected: 0 }]);
});

test('the limit is 2000 unless told otherwise, and is read when it is needed', () => {
  const options = { seriesLimit: undefined as number | undefined };
  const registry = new MetricRegistry(options);
  const family = registry.gauge(definition('gauge', 'depth', ['n']));
  for (let n = 0; n < DEFAULT_SERIES_LIMIT; n += 1) assert.equal(family.isOther(family.bind([n])), false);
  assert.equal(DEFAULT_SERIES_LIMIT, 2000);
  assert.equal(family.isOther(family.bind(['one more'])), true);
  options.seriesLimit = 2001;
  assert.equal(family.isOther(family.bind(['one more'])), false);
  assert.equal(family.isOther(family.bind(['and another'])), true);
});

test('label values that look alike when joined are different series', () => {
  const registry = new MetricRegistry();
  const family = registry.counter(definition('counter', 'x_total', ['v', 'w']));
  family.bind(['1,w:2', '3']).inc();
  family.bind(['1', '2,w:3']).inc();
  family.bind(['', 'ab']).inc();
  family.bind(['ab', '']).inc();
  assert.equal(family.size, 4);
});

test('names of Object.prototype are label values like any other', () => {
  const family = new MetricRegistry().counter(definition('counter', 'x_total', ['v']));
  for (const value of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) family.bind([value]).inc();
  assert.deepEqual(
    [...family.points()].map(({ labelValues }) => labelValues[0]),
    ['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
  );
});

test('values that an instrument cannot take are counted, never thrown, never added', () => {
  const rejected: string[] = [];
  const registry = new MetricRegistry({ onRejected: (metric) => rejected.push(metric) });
  const counter = registry.counter(definition('counter', 'x_total'));
  const gauge = registry.gauge(definition('gauge', 'g'));
  const histogram = registry.histogram(definition('histogram', 'h_seconds', [], [1, 2]));
  const hostile: unknown[] = [Number.NaN, -1, Infinity, '5', 5n, null, {}, Symbol('x'), undefined];
  for (const value of hostile) {
    // `undefined` is the default amount of inc().
    if (value !== undefined) counter.bind([]).inc(value as number);
    histogram.bind([]).observe(value as number);
  }
  for (const value of [Number.NaN, '5', 5n, null, {}, Symbol('x'), undefined]) gauge.bind([]).set(value as number);
  assert.equal(counter.bind([]).total, 0);
  assert.equal(gauge.bind([]).current, 0);
  assert.equal(histogram.bind([]).count, 0);
  assert.deepEqual(
    [...registry.losses()].map((loss) => loss.rejected),
    [8, 7, 9],
  );
  assert.deepEqual(rejected, ['x_total', 'h_seconds', 'g'], 'each metric once');
  counter.bind([]).inc();
  gauge.bind([]).set(-Infinity);
  histogram.bind([]).observe(0);
  assert.equal(counter.bind([]).total, 1);
  assert.equal(gauge.bind([]).current, -Infinity);
  assert.equal(histogram.bind([]).count, 1);
});

test('a histogram: bounds are inclusive, the last exemplar of each bucket stays', () => {
  const family = new MetricRegistry().histogram(definition('histogram', 'h_seconds', [], [1, 2.5]));
  const series = family.bind([]);
  for (const value of [0, 1, 1.0001, 2.5, 2.6, 100]) series.observe(value);
  let point = [...family.points()][0] as HistogramPoint;
  assert.deepEqual([...(point.bucketCounts as Float64Array)], [2, 2, 2]);
  assert.equal(point.exemplars, undefined);
  series.observe(0.5, TRACE_ID, SPAN_ID, 1_000_500);
  series.observe(0.7, TRACE_ID, 'ffffffffffffffff', 2_000_500);
  series.observe(9, TRACE_ID, SPAN_ID, 3_000_000);
  series.observe(0.9);
  point = [...family.points()][0] as HistogramPoint;
  assert.deepEqual(point.exemplars, [
    {
      labelNames: ['trace_id', 'span_id'],
      labelValues: [TRACE_ID, 'ffffffffffffffff'],
      value: 0.7,
      timeSeconds: 2000.5,
    },
    undefined,
    { labelNames: ['trace_id', 'span_id'], labelValues: [TRACE_ID, SPAN_ID], value: 9, timeSeconds: 3000 },
  ]);
});

test('a counter that follows another count never falls', () => {
  const counter = new MetricRegistry().counter(definition('counter', 'x_total')).bind([]);
  counter.follow(5);
  counter.follow(3);
  assert.equal(counter.total, 5);
  counter.follow(8);
  assert.equal(counter.total, 8);
});

test('declared twice alike is one metric; differently, a coded error that shows both', () => {
  const registry = new MetricRegistry();
  const first = registry.counter(definition('counter', 'x_total', ['a']));
  assert.equal(registry.counter(definition('counter', 'x_total', ['a'])), first);
  for (const other of [
    definition('gauge', 'x_total', ['a']),
    definition('counter', 'x_total', ['b']),
    { ...definition('counter', 'x_total', ['a']), help: 'Else.' },
  ]) {
    assert.throws(() => (other.type === 'gauge' ? registry.gauge(other) : registry.counter(other)), {
      code: 'SIGHTLINE_E_METRIC_CONFLICT',
      message: /is declared as a .* but it is already a counter/,
    });
  }
});

test('metrics are limited, too', () => {
  const registry = new MetricRegistry();
  for (let n = 0; n < MAX_METRICS; n += 1) registry.counter(definition('counter', `x${n}_total`));
  assert.throws(() => registry.counter(definition('counter', 'one_more_total')), { code: 'SIGHTLINE_E_METRIC_NAME' });
  assert.ok(registry.counter(definition('counter', 'x0_total')), 'known ones stay reachable');
});

test('a collector that throws costs nothing but itself', () => {
  const registry = new MetricRegistry();
  const gauge = registry.gauge(definition('gauge', 'g')).bind([]);
  registry.onCollect(() => {
    throw new Error('collector of this test');
  });
  registry.onCollect(() => gauge.set(7));
  registry.refresh();
  assert.equal(gauge.current, 7);
});

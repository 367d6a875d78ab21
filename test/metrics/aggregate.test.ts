import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MetricAggregate } from '../../lib/metrics/aggregate.ts';
import { packFamilies, packNumber, unpackFamilies } from '../../lib/metrics/aggregate-wire.ts';
import type { FamilyType, MetricFamily, MetricPoint } from '../../lib/model/metric-points.ts';

function numbers(name: string, type: FamilyType, values: Record<string, number>, aggregator?: string): MetricFamily {
  const points = Object.entries(values).map(
    ([route, value]): MetricPoint => ({
      kind: 'number',
      labelNames: ['route'],
      labelValues: [route],
      value,
      exemplar: undefined,
    }),
  );
  return { name, type, help: 'Help.', unit: '', ...(aggregator !== undefined && { aggregator }), points };
}

function histogram(counts: number[], sum: number, bounds = [1, 2]): MetricFamily {
  const point: MetricPoint = {
    kind: 'histogram',
    labelNames: [],
    labelValues: [],
    bounds,
    bucketCounts: counts,
    sum,
    exemplars: undefined,
  };
  return { name: 'duration_seconds', type: 'histogram', help: '', unit: 'seconds', points: [point] };
}

function valuesOf(aggregate: MetricAggregate, name: string): Record<string, number> | undefined {
  const family = aggregate.families().find((candidate) => candidate.name === name);
  if (family === undefined) return undefined;
  return Object.fromEntries(
    [...family.points].map((point) => [point.labelValues.join(), point.kind === 'number' ? point.value : Number.NaN]),
  );
}

suite('counters', () => {
  test('add up by series, and those of the dead stay', () => {
    const aggregate = new MetricAggregate();
    aggregate.put('1', [numbers('done_total', 'counter', { a: 1, b: 2 })]);
    aggregate.put('2', [numbers('done_total', 'counter', { b: 3 })]);
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { a: 1, b: 5 });
    aggregate.retire('1');
    aggregate.put('3', [numbers('done_total', 'counter', { a: 10 })]);
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { b: 5, a: 11 });
  });

  test('a later value of a process replaces its earlier one, a family that it leaves out keeps its last', () => {
    const aggregate = new MetricAggregate();
    aggregate.put('1', [numbers('done_total', 'counter', { a: 1 }), numbers('seen_total', 'counter', { a: 7 })]);
    aggregate.put('1', [numbers('done_total', 'counter', { a: 4 })]);
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { a: 4 });
    assert.deepEqual(valuesOf(aggregate, 'seen_total'), { a: 7 });
  });

  test('a process that is heard no more and comes back does not count twice', () => {
    const aggregate = new MetricAggregate();
    aggregate.put('1', [numbers('done_total', 'counter', { a: 4 }), numbers('open', 'gauge', { a: 2 })]);
    aggregate.quieten('1');
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { a: 4 });
    assert.equal(valuesOf(aggregate, 'open'), undefined);
    aggregate.put('1', [numbers('done_total', 'counter', { a: 5 })]);
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { a: 5 });
  });

  test('dead processes with series of their own fill the limit and then one series', () => {
    const aggregate = new MetricAggregate({ seriesLimit: 2 });
    for (let index = 0; index < 5; index += 1) {
      aggregate.put(`${index}`, [numbers('done_total', 'counter', { [`r${index}`]: 1 })]);
      aggregate.retire(`${index}`);
    }
    assert.deepEqual(valuesOf(aggregate, 'done_total'), { r0: 1, r1: 1, __other__: 3 });
  });
});

suite('histograms and summaries', () => {
  test('buckets and sums add up; other buckets have no place', () => {
    const aggregate = new MetricAggregate();
    aggregate.put('1', [histogram([1, 0, 2], 7)]);
    aggregate.put('2', [histogram([0, 5, 1], 9)]);
    aggregate.put('3', [histogram([1, 1], 1, [9])]);
    aggregate.retire('2');
    const [point] = [...(aggregate.families()[0]?.points ?? [])];
    assert.ok(point?.kind === 'histogram');
    assert.deepEqual([...(point.bucketCounts as number[])], [1, 5, 3]);
    assert.equal(point.sum, 16);
  });

  test('summaries keep sum and count', () => {
    const summary = (sum: number, count: number): MetricFamily => ({
      name: 'size',
      type: 'summary',
      help: '',
      unit: '',
      points: [{ kind: 'summary', labelNames: [], labelValues: [], quantiles: [[0.5, 1]], sum, count }],
    });
    const aggregate = new MetricAggregate();
    aggregate.put('1', [summary(1, 2)]);
    aggregate.put('2', [summary(10, 20)]);
    assert.deepEqual(
      [...(aggregate.families()[0]?.points ?? [])],
      [{ kind: 'summary', labelNames: [], labelValues: [], quantiles: [], sum: 11, count: 22 }],
    );
  });
});

suite('gauges are those of the living, by rule', () => {
  const cases: readonly (readonly [string, string | undefined, number | undefined])[] = [
    ['http_server_active_requests', undefined, 12],
    ['sightline_health_connections', undefined, 12],
    ['nodejs_eventloop_lag_p99_seconds', 'average', 8],
    ['nodejs_eventloop_lag_min_seconds', undefined, 4],
    ['sightline_telemetry_oldest_unsent_age_seconds', undefined, 8],
    ['process_start_time_seconds', 'omit', 4],
    ['sightline_telemetry_courier_up', undefined, 4],
    ['app_queue_length', undefined, 12],
    ['app_limit', 'max', 8],
    ['app_share', 'average', 6],
    ['app_version', 'first', 4],
    ['app_secret', 'omit', undefined],
    ['app_odd', 'no such rule', 12],
  ];
  for (const [name, asked, wanted] of cases) {
    test(`${name}${asked === undefined ? '' : `, asked for ${asked}`}`, () => {
      const aggregate = new MetricAggregate();
      aggregate.put('1', [numbers(name, 'gauge', { a: 4 }, asked)]);
      aggregate.put('2', [numbers(name, 'gauge', { a: 8 }, asked)]);
      aggregate.put('dead', [numbers(name, 'gauge', { a: 100 }, asked)]);
      aggregate.retire('dead');
      assert.equal(valuesOf(aggregate, name)?.['a'], wanted);
    });
  }
});

suite('between processes', () => {
  test('families arrive as they were, infinite values and typed arrays included', () => {
    const sent = [
      numbers('level', 'gauge', { a: Number.POSITIVE_INFINITY, b: Number.NEGATIVE_INFINITY, c: 0.1 }, 'max'),
      {
        ...histogram([1, 0, 2], 7),
        points: [{ ...([...histogram([1, 0, 2], 7).points][0] as any), bucketCounts: new Float64Array([1, 0, 2]) }],
      },
    ];
    const wire = JSON.parse(JSON.stringify(packFamilies(sent), packNumber));
    assert.deepEqual(unpackFamilies(wire), [sent[0], histogram([1, 0, 2], 7)]);
  });

  test('what is no family is left out', () => {
    const good = packFamilies([numbers('good_total', 'counter', { a: 1 })])[0];
    const bad = [null, 1, {}, { ...good, type: 'odd' }, { ...good, points: 'none' }, { ...good, name: 3 }];
    assert.deepEqual(unpackFamilies(JSON.parse(JSON.stringify([...bad, good]))), [good]);
    assert.deepEqual(unpackFamilies('text'), []);
    const broken = {
      ...good,
      points: [null, { kind: 'number' }, { kind: 'histogram', labelNames: [], labelValues: [] }],
    };
    assert.deepEqual(unpackFamilies([broken]), [{ ...good, points: [] }]);
  });
});

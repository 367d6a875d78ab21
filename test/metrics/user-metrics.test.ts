import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SpanContext, trace } from '@opentelemetry/api';
import { StatsdNames } from '../../lib/codec/statsd-hierarchy.ts';
import { ROOT, runIn } from '../../lib/context/context.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { StatsdAggregator } from '../../lib/metrics/statsd-aggregator.ts';
import { MAX_BUCKETS } from '../../lib/metrics/user-declaration.ts';
import { metrics, UserMetrics } from '../../lib/metrics/user-metrics.ts';
import type { HistogramPoint, MetricPoint, NumberPoint } from '../../lib/model/metric-points.ts';
import { SPAN_ID, TRACE_ID } from './fixtures.ts';

function setUp(): { user: UserMetrics; points: (name: string) => MetricPoint[] } {
  const user = new UserMetrics(new MetricRegistry());
  return {
    user,
    points: (name) => [...([...user.registry.collect()].find((family) => family.name === name)?.points ?? [])],
  };
}

function numbers(points: readonly MetricPoint[]): [string, number][] {
  return points.map((point) => [point.labelValues.join('|'), (point as NumberPoint).value]);
}

test('a declaration that breaks the conventions says what was got, what was wanted and the right name', () => {
  const { user } = setUp();
  const cases: [() => unknown, RegExp][] = [
    [
      () => user.counter({ name: 'orders_created', help: 'x' }),
      /got counter 'orders_created': a counter ends in '_total'.*Use 'orders_created_total'/,
    ],
    [() => user.histogram({ name: 'latency_ms', help: 'x' }), /Use 'latency_seconds', and give the value in that unit/],
    [() => user.gauge({ name: 'queue_total', help: 'x' }), /only a counter ends in '_total'.*Use 'queue'/],
    [
      () => user.histogram({ name: 'latency', help: 'x', unit: 'seconds' }),
      /a metric in seconds ends in '_seconds'.*Use 'latency_seconds'/,
    ],
    [
      () => user.histogram({ name: 'latency_seconds', help: 'x', unit: 'ms' as 'seconds' }),
      /unit 'ms' is not 'seconds' or 'bytes'/,
    ],
    [
      () => user.counter({ name: 'x_total', help: 'x', labels: ['orderKind'] }),
      /label 'orderKind'.*Use the label 'order_kind'/,
    ],
    [() => user.counter({ name: 'sightline_x_total', help: 'x' }), /Sightline's own.*Use 'x_total'/],
    [
      () => user.histogram({ name: 'http_server_request_duration_seconds', help: 'x' }),
      /Sightline emits 'http_server_request_duration_seconds' itself/,
    ],
    [() => user.counter({ name: 'x_total', help: '' }), /there is no help text/],
    [() => user.counter({ name: 'constructor', help: 'x' }), /a counter ends in '_total'/],
    [() => user.counter(undefined as never), /a metric needs \{ name, help, labels\? \}/],
    [() => user.counter({ name: 'x_total', help: 'x', labels: 'kind' as never }), /a metric needs/],
  ];
  for (const [declare, message] of cases)
    assert.throws(declare, { name: 'SightlineError', code: 'SIGHTLINE_E_METRIC_NAME', message });
  assert.deepEqual([...user.registry.collect()], [], 'nothing is left of them');
});

test('buckets', () => {
  const { user } = setUp();
  const declare = (buckets: unknown) => () =>
    user.histogram({ name: 'h_seconds', help: 'x', buckets: buckets as number[] });
  for (const buckets of [
    [],
    [1, 1],
    [2, 1],
    [1, Infinity],
    [Number.NaN],
    ['1'],
    Array.from({ length: MAX_BUCKETS + 1 }, (_, n) => n),
  ]) {
    assert.throws(declare(buckets), { code: 'SIGHTLINE_E_METRIC_VALUE' });
  }
  assert.ok(declare(Array.from({ length: MAX_BUCKETS }, (_, n) => n))());
});

test('the same declaration is the same instrument; a different one is a conflict', () => {
  const { user } = setUp();
  const declare = () => user.counter({ name: 'x_total', help: 'x', labels: ['a'] });
  assert.equal(declare(), declare());
  assert.throws(() => user.counter({ name: 'x_total', help: 'x', labels: ['b'] }), {
    code: 'SIGHTLINE_E_METRIC_CONFLICT',
  });
  assert.throws(
    () =>
      user.histogram({ name: 'h_seconds', help: 'x', buckets: [1] }) &&
      user.histogram({ name: 'h_seconds', help: 'x', buckets: [2] }),
    { code: 'SIGHTLINE_E_METRIC_CONFLICT' },
  );
});

test('counters and gauges', () => {
  const { user, points } = setUp();
  const plain = user.counter({ name: 'a_total', help: 'x' });
  assert.deepEqual(numbers(points('a_total')), [['', 0]], 'there from the declaration on');
  plain.inc();
  plain.inc(2);
  plain.inc({}, 3);
  assert.deepEqual(numbers(points('a_total')), [['', 6]]);
  const labelled = user.counter({ name: 'b_total', help: 'x', labels: ['kind', 'shop'] });
  labelled.inc({ shop: 'eu', kind: 'card' });
  labelled.inc({ kind: 'card', shop: 'eu' }, 4);
  labelled.inc({ kind: 'cash' });
  assert.deepEqual(numbers(points('b_total')), [
    ['card|eu', 5],
    ['cash|', 1],
  ]);
  const gauge = user.gauge({ name: 'depth', help: 'x', labels: ['q'] });
  gauge.set({ q: 'a' }, 5);
  gauge.inc({ q: 'a' });
  gauge.dec({ q: 'a' }, 3);
  assert.deepEqual(numbers(points('depth')), [['a', 3]]);
});

test('using an instrument never throws, whatever it is given', () => {
  const { user, points } = setUp();
  const counter = user.counter({ name: 'a_total', help: 'x', labels: ['k'] });
  const gauge = user.gauge({ name: 'g', help: 'x', labels: ['k'] });
  const histogram = user.histogram({ name: 'h_seconds', help: 'x', labels: ['k'] });
  const trap = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error('trap');
      },
      getOwnPropertyDescriptor() {
        throw new Error('trap');
      },
    },
  );
  const hostile: any[] = [
    null,
    undefined,
    'text',
    Symbol('s'),
    5n,
    [],
    () => 1,
    trap,
    {
      get k() {
        throw new Error('getter');
      },
    },
    {
      k: {
        toString() {
          throw new Error('x');
        },
      },
    },
    { unknown: 'label' },
    { k: 'a', more: 1 },
  ];
  for (const labels of hostile) {
    counter.inc(labels);
    gauge.set(labels, 1);
    histogram.observe(labels, 0.1);
    for (const value of hostile) {
      counter.inc({ k: 'v' }, value);
      gauge.set({ k: 'v' }, value);
      histogram.observe({ k: 'v' }, value);
    }
  }
  // `undefined` is the default amount of inc().
  assert.deepEqual(
    numbers(points('a_total')).find(([labels]) => labels === 'v'),
    ['v', hostile.length],
  );
  assert.deepEqual(
    numbers(points('a_total')).find(([labels]) => labels === 'a'),
    ['a', 1],
    'an unknown label is left out, the observation stays',
  );
});

test('a histogram takes the active sampled trace as exemplar, and only that', () => {
  const { user, points } = setUp();
  const histogram = user.histogram({ name: 'h_seconds', help: 'x', buckets: [1, 2] });
  const inSpan = (spanContext: SpanContext, value: number): void =>
    runIn(ROOT.withSpan(trace.wrapSpanContext(spanContext)), () => histogram.observe(value));
  histogram.observe(0.5);
  inSpan({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 0 }, 0.5);
  assert.equal((points('h_seconds')[0] as HistogramPoint).exemplars, undefined);
  inSpan({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 }, 1.5);
  assert.deepEqual(
    (points('h_seconds')[0] as HistogramPoint).exemplars?.map((one) => one?.labelValues),
    [undefined, [TRACE_ID, SPAN_ID], undefined],
  );
});

test('timers: results and errors come through, sync and async', async () => {
  const { user, points } = setUp();
  const histogram = user.histogram({ name: 'h_seconds', help: 'x', labels: ['k'] });
  assert.equal(
    histogram.time({ k: 'sync' }, () => 7),
    7,
  );
  assert.equal(await histogram.time({ k: 'async' }, async () => 8), 8);
  assert.throws(
    () =>
      histogram.time({ k: 'throws' }, () => {
        throw new Error('mine');
      }),
    { message: 'mine' },
  );
  await assert.rejects(
    histogram.time({ k: 'rejects' }, () => Promise.reject(new Error('mine'))),
    { message: 'mine' },
  );
  const end = histogram.startTimer({ k: 'timer' });
  assert.ok(end({ k: 'ended' }) >= 0);
  assert.deepEqual(
    points('h_seconds').map(({ labelValues }) => labelValues[0]),
    ['sync', 'async', 'throws', 'rejects', 'ended'],
  );
});

test('the public object works without an observation', () => {
  metrics.counter({ name: 'public_total', help: 'x' }).inc();
  assert.deepEqual(
    [...metrics.registry.collect()].map(({ name }) => name),
    ['public_total'],
  );
});

test('no value makes an instrument throw: what is no number is left out and counted', () => {
  const { user, points } = setUp();
  user.joinStatsd({
    aggregator: new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 }),
    names: new StatsdNames({ environment: 'test', host: 'h', service: 's' }),
  });
  const gauge = user.gauge({ name: 'pool_depth', help: 'x' });
  const histogram = user.histogram({ name: 'wait_seconds', help: 'x' });
  const counter = user.counter({ name: 'orders_total', help: 'x' });
  for (const value of [5n, Symbol('s'), { valueOf: 1, toString: 1 }, '5', null] as unknown as number[]) {
    gauge.set({}, value);
    gauge.inc({}, value);
    gauge.dec({}, value);
    histogram.observe({}, value);
    counter.inc({}, value);
  }
  assert.deepEqual(numbers(points('pool_depth')), [['', 0]]);
  assert.equal((points('wait_seconds')[0] as HistogramPoint).sum, 0);
  assert.deepEqual(numbers(points('orders_total')), [['', 0]]);
});

test('a declaration of any shape is refused with a code', () => {
  const { user } = setUp();
  const coded = { name: 'SightlineError' };
  const odd = { toString: 1, valueOf: 1 };
  assert.throws(() => user.gauge({ name: 'queue_constructor_', help: 'x' }), coded);
  assert.throws(() => user.gauge({ name: '__proto__', help: 'x', labels: ['constructor-'] }), coded);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.throws(() => user.counter(proxy as never), coded);
  assert.throws(() => user.gauge({ name: 'queue_seconds', help: 'x', unit: odd } as never), coded);
  for (const buckets of [odd, 'abc', 5, [odd], [5n], new Array(3)] as never[])
    assert.throws(() => user.histogram({ name: 'wait_seconds', help: 'x', buckets }), coded, String(typeof buckets));
});

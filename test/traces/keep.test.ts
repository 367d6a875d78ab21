import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../lib/core/clock.ts';
import { type SpanData, SpanKind } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { MAX_WAITING, MAX_WAITING_PER_REQUEST, parseKeepPolicy } from '../../lib/traces/keep.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

let now = 1_700_000_000_000_000;
const clock: Clock = { nowMicros: () => now, monotonicMillis: () => now / 1000 };

function setUp(policy: string, sampler = 'parentbased_always_off') {
  const spans: SpanData[] = [];
  const engine = createEngine({
    sampler: createSampler(sampler, undefined),
    keep: parseKeepPolicy(policy),
    clock,
    onEnd: (span) => spans.push(span),
  });
  return { engine, names: () => spans.map((span) => span.name), spans };
}

test('the policy is parsed; what it is not is said', () => {
  assert.deepEqual(parseKeepPolicy('errors,slow:1s'), { errors: true, slowMicros: 1_000_000 });
  assert.deepEqual(parseKeepPolicy(' slow:250 '), { errors: false, slowMicros: 250_000 });
  assert.deepEqual(parseKeepPolicy('slow: 1.5 M'), { errors: false, slowMicros: 90_000_000 });
  assert.deepEqual(parseKeepPolicy(''), { errors: false, slowMicros: undefined });
  for (const text of ['error', 'slow', 'slow:', 'slow:x', 'slow:-1s', 'errors slow:1s', 'errors;slow:1s']) {
    assert.throws(
      () => parseKeepPolicy(text),
      /got ".*", wanted errors, slow:<duration> or both.+; correct SIGHTLINE_TRACES_KEEP/,
      text,
    );
  }
});

test('a failed request is kept with its children, in their order, and says downstream that it is not sampled', () => {
  const { engine, names, spans } = setUp('errors');
  const root = engine.start('GET', SpanKind.SERVER, undefined);
  assert.equal(root.isRecording(), true);
  assert.equal(root.spanContext().traceFlags & 1, 0);
  const child = engine.start('query', SpanKind.CLIENT, root.spanContext());
  const grandchild = engine.start('parse', SpanKind.INTERNAL, child.spanContext());
  grandchild.end();
  child.end();
  assert.deepEqual(names(), []);
  root.setStatus({ code: 2 });
  root.end();
  assert.deepEqual(names(), ['parse', 'query', 'GET']);
  assert.ok(spans.every((span) => span.traceId === root.spanContext().traceId));
  assert.equal(spans[1]?.parentSpanId, root.spanContext().spanId);
});

test('a request that did not fail is let go, also when a child failed and was dealt with', () => {
  const { engine, names } = setUp('errors');
  const root = engine.start('GET', SpanKind.SERVER, undefined);
  const child = engine.start('query', SpanKind.CLIENT, root.spanContext());
  child.setStatus({ code: 2 });
  child.end();
  root.end();
  assert.deepEqual(names(), []);
});

test('slow: at the bound it is kept, a microsecond below it is not', () => {
  const { engine, names } = setUp('slow:1s');
  for (const micros of [999_999, 1_000_000]) {
    const root = engine.start(`took ${micros}`, SpanKind.SERVER, undefined);
    now += micros;
    root.end();
  }
  assert.deepEqual(names(), ['took 1000000']);
});

test('what ends after the request follows its verdict', () => {
  const { engine, names } = setUp('errors');
  for (const failed of [true, false]) {
    const root = engine.start(`GET ${failed}`, SpanKind.SERVER, undefined);
    const late = engine.start(`late ${failed}`, SpanKind.INTERNAL, root.spanContext());
    if (failed) root.setStatus({ code: 2 });
    root.end();
    late.end();
  }
  assert.deepEqual(names(), ['GET true', 'late true']);
});

test('sampled requests do not wait', () => {
  const { engine, names } = setUp('errors', 'always_on');
  const root = engine.start('GET', SpanKind.SERVER, undefined);
  engine.start('query', SpanKind.CLIENT, root.spanContext()).end();
  assert.deepEqual(names(), ['query']);
  root.end();
  assert.deepEqual(names(), ['query', 'GET']);
});

test('a request keeps a bounded number of waiting spans, and its own always', () => {
  const { engine, names } = setUp('errors');
  const root = engine.start('GET', SpanKind.SERVER, undefined);
  for (let index = 0; index <= MAX_WAITING_PER_REQUEST; index += 1)
    engine.start(`c${index}`, SpanKind.CLIENT, root.spanContext()).end();
  root.setStatus({ code: 2 });
  root.end();
  assert.equal(names().length, MAX_WAITING_PER_REQUEST + 1);
  assert.equal(names().at(-2), `c${MAX_WAITING_PER_REQUEST - 1}`);
  assert.equal(names().at(-1), 'GET');
});

test('all requests together keep a bounded number; room comes back when they end', () => {
  const { engine, spans } = setUp('errors');
  const perRequest = MAX_WAITING_PER_REQUEST;
  const roots = Array.from({ length: MAX_WAITING / perRequest + 1 }, () =>
    engine.start('GET', SpanKind.SERVER, undefined),
  );
  for (const root of roots)
    for (let index = 0; index < perRequest; index += 1) engine.start('c', SpanKind.CLIENT, root.spanContext()).end();
  const end = (root: (typeof roots)[number] | undefined): number => {
    spans.length = 0;
    root?.setStatus({ code: 2 });
    root?.end();
    return spans.length;
  };
  assert.equal(end(roots.at(-1)), 1, 'the last one found no room for its children');
  assert.equal(end(roots[0]), perRequest + 1);
  const next = engine.start('GET', SpanKind.SERVER, undefined);
  engine.start('c', SpanKind.CLIENT, next.spanContext()).end();
  assert.equal(end(next), 2);
});

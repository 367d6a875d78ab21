import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SpanData, SpanKind } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { createSampler } from '../../lib/traces/sampler.ts';
import { toMicros } from '../../lib/traces/time.ts';

const NOW = 1_700_000_000_123_456;
const clock = { nowMicros: () => NOW, monotonicMillis: () => 0 };

test('every form of time that the API takes', () => {
  assert.equal(toMicros(new Date(1_700_000_000_001), clock), 1_700_000_000_001_000);
  assert.equal(toMicros(1_700_000_000_001, clock), 1_700_000_000_001_000);
  assert.equal(toMicros(1_700_000_000_001.5, clock), 1_700_000_000_001_500);
  assert.equal(toMicros([1_700_000_000, 1_234_567], clock), 1_700_000_000_001_234);
  const reading = performance.now();
  assert.equal(toMicros(reading, clock), Math.floor((performance.timeOrigin + reading) * 1000));
  assert.equal(toMicros(0, clock), Math.floor(performance.timeOrigin * 1000));
});

test('a reading of process.hrtime() is placed by what has passed since', () => {
  const micros = toMicros(process.hrtime(), clock);
  assert.ok(micros <= NOW && micros > NOW - 1_000_000, String(micros));
});

test('anything else is now', () => {
  for (const input of [
    undefined,
    null,
    'x',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new Date(Number.NaN),
    [1],
    [1, 'x'],
    {},
  ])
    assert.equal(toMicros(input, clock), NOW);
});

test('explicit start and end; an end before the start is a duration of 1', () => {
  const spans: SpanData[] = [];
  const engine = createEngine({
    sampler: createSampler('always_on', undefined),
    clock,
    onEnd: (span) => spans.push(span),
  });
  const tracer = engine.provider.getTracer('t');
  tracer.startSpan('a', { startTime: 1_700_000_000_000 }).end(1_700_000_000_250);
  tracer.startSpan('b', { startTime: [1_700_000_000, 0] }).end(new Date(1_600_000_000_000));
  engine.start('c', SpanKind.INTERNAL, undefined).end();
  assert.deepEqual(
    spans.map((span) => [span.startMicros, span.durationMicros]),
    [
      [1_700_000_000_000_000, 250_000],
      [1_700_000_000_000_000, 1],
      [NOW, 1],
    ],
  );
});

test('a time that no backend can hold is now: beyond the whole numbers it would be written with an exponent', () => {
  const last = Number.MAX_SAFE_INTEGER;
  assert.equal(toMicros(Math.floor(last / 1000), clock), Math.floor(last / 1000) * 1000);
  assert.equal(toMicros(new Date(0), clock), NOW, 'Zipkin refuses a time of zero, and with it the whole list');
  for (const input of [1e300, 1e13, [1e30, -1], [9_007_199_255, 0]] as const)
    assert.equal(toMicros(input, clock), NOW, String(input));
});

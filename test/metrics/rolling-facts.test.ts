import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  SKETCH_BUCKETS,
  SKETCH_RELATIVE_ERROR,
  sketchBucket,
  sketchQuantile,
} from '../../lib/metrics/quantile-sketch.ts';
import { RollingFacts, SLOT_SECONDS, WINDOW_SECONDS } from '../../lib/metrics/rolling-facts.ts';

test('empty, then filled, then forgotten slot by slot', () => {
  let now = 100_000;
  const facts = new RollingFacts({ clock: { monotonicMillis: () => now } });
  facts.setConnections(() => 7);
  assert.deepEqual(facts.snapshot(), {
    requests: 0,
    responseTimeMean: 0,
    responseTimeP95: 0,
    connections: 7,
    badRequests: { '4xx': 0, '5xx': 0 },
  });
  facts.record(0.1, 200);
  facts.record(0.3, 404);
  facts.record(0.2, 500);
  facts.record(0.2, undefined);
  for (const broken of [Number.NaN, -1, Infinity]) facts.record(broken, 200);
  const first = facts.snapshot();
  assert.equal(first.requests, 4);
  assert.ok(Math.abs(first.responseTimeMean - 0.2) < 1e-9);
  assert.deepEqual(first.badRequests, { '4xx': 1, '5xx': 1 });
  now += WINDOW_SECONDS * 1000 - 1;
  assert.equal(facts.snapshot().requests, 4, 'last moment of the window');
  now += 1;
  assert.equal(facts.snapshot().requests, 0, 'first moment after it');
  facts.record(0.1, 200);
  assert.equal(facts.snapshot().requests, 1, 'the slot is used again, empty');
  now += 10 * 60_000;
  assert.equal(facts.snapshot().requests, 0);
});

test('an end that is older than the window is left out, a late one of an earlier slot counts', () => {
  const now = 1_000_000;
  const facts = new RollingFacts({ clock: { monotonicMillis: () => now } });
  facts.record(0.1, 200, now);
  facts.record(0.1, 200, now - SLOT_SECONDS * 1000);
  facts.record(0.1, 200, now - WINDOW_SECONDS * 1000);
  assert.equal(facts.snapshot().requests, 2);
});

test('every quantile is within the stated relative error', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.0002, max: 3000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.95, 0.99, 1),
      (values, quantile) => {
        const counts = new Uint32Array(SKETCH_BUCKETS);
        for (const value of values) counts[sketchBucket(value)]! += 1;
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(quantile * values.length) - 1]!;
        const estimate = sketchQuantile(counts, quantile);
        assert.ok(Math.abs(estimate - exact) <= exact * SKETCH_RELATIVE_ERROR * 1.0001, `${estimate} for ${exact}`);
      },
    ),
  );
});

test('durations outside of the range land in the end buckets', () => {
  assert.equal(sketchBucket(0), 0);
  assert.equal(sketchBucket(1e-9), 0);
  assert.equal(sketchBucket(1e9), SKETCH_BUCKETS - 1);
  assert.equal(sketchQuantile(new Uint32Array(SKETCH_BUCKETS), 0.95), 0);
});

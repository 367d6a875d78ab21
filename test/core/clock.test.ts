import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClock } from '../../lib/core/clock.ts';

function machine() {
  const time = { wall: 1_700_000_000_000, monotonic: 5000 };
  const pass = (millis: number) => {
    time.wall += millis;
    time.monotonic += millis;
  };
  const clock = createClock({ wallMillis: () => Math.floor(time.wall), monotonicMillis: () => time.monotonic });
  return { time, pass, clock };
}

test('follows the wall clock to the millisecond, with microseconds in between', () => {
  const { pass, clock } = machine();
  const start = clock.nowMicros();
  assert.ok(Math.abs(start - 1_700_000_000_000_000) <= 1000);
  pass(0.25);
  assert.equal(clock.nowMicros() - start, 250);
});

test('is anchored again after the machine has slept or its clock was set, within a second', () => {
  const { time, pass, clock } = machine();
  time.wall += 3_600_000;
  pass(1001);
  assert.ok(Math.abs(clock.nowMicros() - time.wall * 1000) <= 1000);
});

test('a slewed clock moves nothing: time does not run backwards', () => {
  const { time, pass, clock } = machine();
  let last = clock.nowMicros();
  for (let count = 0; count < 100; count += 1) {
    pass(1001);
    time.wall -= 0.1;
    const now = clock.nowMicros();
    assert.ok(now > last);
    last = now;
  }
});

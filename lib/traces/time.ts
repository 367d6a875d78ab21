import type { TimeInput } from '@opentelemetry/api';
import type { Clock } from '../core/clock.ts';

/** Numbers below it, in milliseconds, are no time of day since the process could run: they count from the start of the process. */
const EPOCH_THRESHOLD_MILLIS = performance.timeOrigin / 2;
/** The year 2255: beyond, microseconds are no whole numbers any more, and are written in a form that no backend reads. */
const LAST_MICROS = Number.MAX_SAFE_INTEGER;

function fromHrTime(seconds: number, nanos: number, clock: Clock): number {
  if (seconds * 1000 >= EPOCH_THRESHOLD_MILLIS) return seconds * 1_000_000 + nanos / 1000;
  // A reading of `process.hrtime()`, which counts from some moment of the machine: what has passed since is what it tells.
  const [nowSeconds, nowNanos] = process.hrtime();
  return clock.nowMicros() - ((nowSeconds - seconds) * 1_000_000 + (nowNanos - nanos) / 1000);
}

function toFraction(input: TimeInput, clock: Clock): number {
  if (typeof input === 'number') {
    return input < EPOCH_THRESHOLD_MILLIS ? (performance.timeOrigin + input) * 1000 : input * 1000;
  }
  if (input instanceof Date) return input.getTime() * 1000;
  return fromHrTime(input[0], input[1], clock);
}

function isHrTime(input: unknown): input is [number, number] {
  return Array.isArray(input) && input.length === 2 && typeof input[0] === 'number' && typeof input[1] === 'number';
}

/** Whether a value is a time as the API takes it. */
export function isTimeInput(input: unknown): input is TimeInput {
  try {
    return typeof input === 'number' || input instanceof Date || isHrTime(input);
  } catch {
    // A revoked proxy throws on every look.
    return false;
  }
}

/**
 * A time of the API as whole microseconds since the epoch: `Date`, milliseconds since the epoch, a `performance.now()` reading,
 * `[seconds, nanoseconds]` since the epoch or of `process.hrtime()`. Anything else, invalid dates and times that no backend can hold are now.
 */
export function toMicros(input: unknown, clock: Clock): number {
  if (!isTimeInput(input)) return clock.nowMicros();
  const micros = Math.floor(toFraction(input, clock));
  // Zipkin takes 0 for no time at all, and refuses a list of spans with such an event.
  return micros > 0 && micros <= LAST_MICROS ? micros : clock.nowMicros();
}

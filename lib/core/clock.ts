/** Wall clock that never runs backwards: anchored once to `performance.timeOrigin`, in microseconds. */

const originMicros = performance.timeOrigin * 1000;

/**
 * Now, in whole microseconds since the Unix epoch (the unit of Zipkin v2). Monotonic within the process:
 * a clock step of the machine does not turn a duration negative.
 */
export function nowMicros(): number {
  return Math.floor(originMicros + performance.now() * 1000);
}

/** Monotonic milliseconds with fraction, for durations. */
export function monotonicMillis(): number {
  return performance.now();
}

/** The time sources a component takes as a parameter, so that its tests need no sleeping. */
export interface Clock {
  /** Microseconds since the Unix epoch. */
  nowMicros(): number;
  /** Monotonic milliseconds. */
  monotonicMillis(): number;
}

/** The clock of the process. */
export const systemClock: Clock = { nowMicros, monotonicMillis };

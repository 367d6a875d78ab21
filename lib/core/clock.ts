/**
 * Microseconds since the epoch, from the monotonic clock and an anchor of our own: `performance.timeOrigin` is off by
 * milliseconds when the machine was busy while the process started, and stays behind when the machine sleeps.
 */

/** Pairs of readings of which the closest makes the anchor. */
const TRIES = 5;
/** How often the anchor is compared with the wall clock, milliseconds. */
const CHECK_EVERY_MILLIS = 1000;
/** Beyond this difference the machine has slept or its clock was set: a new anchor. Below, the monotonic clock is believed. */
const STEP_MILLIS = 20;

/** The sources that the anchor is made of; parameters for tests. */
export interface ClockSources {
  /** Whole milliseconds since the epoch. */
  wallMillis(): number;
  /** Milliseconds with fraction. */
  monotonicMillis(): number;
}

const PROCESS: ClockSources = { wallMillis: Date.now, monotonicMillis: () => performance.now() };

/** Milliseconds to add to the monotonic clock. The wall clock counts whole ones: on average half of one has gone by. */
function anchor({ wallMillis, monotonicMillis }: ClockSources): number {
  let best = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (let count = 0; count < TRIES; count += 1) {
    const before = monotonicMillis();
    const wall = wallMillis();
    const after = monotonicMillis();
    if (after - before < best) {
      best = after - before;
      offset = wall + 0.5 - (before + after) / 2;
    }
  }
  return offset;
}

/** The time sources a component takes as a parameter, so that its tests need no sleeping. */
export interface Clock {
  /** Whole microseconds since the Unix epoch (the unit of Zipkin v2). Does not run backwards while the machine's clock is slewed. */
  nowMicros(): number;
  /** Monotonic milliseconds with fraction, for durations. */
  monotonicMillis(): number;
}

/** Makes a clock over these sources. */
export function createClock(sources: ClockSources = PROCESS): Clock {
  let offset = anchor(sources);
  let checkedAt = sources.monotonicMillis();
  return {
    nowMicros() {
      const now = sources.monotonicMillis();
      if (now - checkedAt > CHECK_EVERY_MILLIS) {
        checkedAt = now;
        if (Math.abs(sources.wallMillis() - (now + offset)) > STEP_MILLIS) offset = anchor(sources);
      }
      return Math.floor((now + offset) * 1000);
    },
    monotonicMillis: sources.monotonicMillis,
  };
}

/** The clock of the process. */
export const systemClock: Clock = createClock();
export const nowMicros = systemClock.nowMicros;
export const monotonicMillis = systemClock.monotonicMillis;

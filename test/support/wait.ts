import { setTimeout as sleep } from 'node:timers/promises';

/** Longest that a test waits for something outside its process, milliseconds: generous, because it is only spent on failure. */
const DEADLINE_MILLIS = 60_000;

/**
 * Asks again until `probe` gives something else than `undefined`. A probe that throws counts as "not yet"; its last
 * error is the cause of the failure at the deadline.
 */
export async function eventually<Value>(
  what: string,
  probe: () => Promise<Value | undefined> | Value | undefined,
  { timeoutMillis = DEADLINE_MILLIS, pauseMillis = 50 }: { timeoutMillis?: number; pauseMillis?: number } = {},
): Promise<Value> {
  const end = performance.now() + timeoutMillis;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`waited ${timeoutMillis} ms in vain for ${what}`, { cause });
    await sleep(pauseMillis);
  }
}

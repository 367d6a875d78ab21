/**
 * Exponential back-off with full jitter: uniform in [0, min(cap, base · 2^attempt)).
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param attempt failures so far, from 0
 * @param random a number in [0, 1); a parameter so that tests need no luck
 * @returns milliseconds to wait
 */
export function fullJitter(
  attempt: number,
  baseMillis: number,
  capMillis: number,
  random: () => number = Math.random,
): number {
  return Math.floor(random() * Math.min(capMillis, baseMillis * 2 ** Math.min(attempt, 30)));
}

import type { StoredSeries } from './series.ts';

/**
 * Walks the steps and tells, of each that has one, the last sample at or before its reference time: not older than
 * the lookback, and no staleness marker. Reference times must not fall.
 */
export function lastSamples(
  { times, stale }: Pick<StoredSeries, 'times' | 'stale'>,
  steps: number,
  reference: (step: number) => number,
  lookback: number,
  found: (step: number, index: number) => void,
): void {
  let next = 0;
  for (let step = 0; step < steps; step += 1) {
    const at = reference(step);
    while (next < times.length && times[next]! <= at) next += 1;
    const index = next - 1;
    if (index < 0 || times[index]! <= at - lookback || stale?.[index] === 1) continue;
    found(step, index);
  }
}

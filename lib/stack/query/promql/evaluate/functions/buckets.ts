import type { Monotonicity } from '../annotations.ts';

/** Difference, relative to the sum, below which two counts are the same but for floating point. */
const SMALL_DIFFERENCE = 1e-12;
const SMALLEST_NORMAL = 2 ** -1022;

/** Cumulative buckets of a classic histogram at one step, by rising bound. */
export interface Buckets {
  bounds: number[];
  counts: number[];
}

/** Joins buckets with the same bound. Both lists are changed. */
function coalesce({ bounds, counts }: Buckets): void {
  let last = 0;
  for (let index = 1; index < bounds.length; index += 1) {
    if (bounds[index] === bounds[last]) counts[last]! += counts[index]!;
    else {
      last += 1;
      bounds[last] = bounds[index]!;
      counts[last] = counts[index]!;
    }
  }
  bounds.length = last + 1;
  counts.length = last + 1;
}

function almostEqual(one: number, other: number): boolean {
  if (one === other || (Number.isNaN(one) && Number.isNaN(other))) return true;
  const total = Math.abs(one) + Math.abs(other);
  const difference = Math.abs(one - other);
  if (one === 0 || other === 0 || total < SMALLEST_NORMAL) return difference < SMALL_DIFFERENCE * SMALLEST_NORMAL;
  return difference / Math.min(total, Number.MAX_VALUE) < SMALL_DIFFERENCE;
}

/** Takes falling counts back. @returns what was mended beyond floating point, if anything */
function forceMonotonic({ bounds, counts }: Buckets): Monotonicity | undefined {
  let mended: Monotonicity | undefined;
  let before = counts[0]!;
  for (let index = 1; index < counts.length; index += 1) {
    const count = counts[index]!;
    if (count === before) continue;
    if (almostEqual(before, count)) counts[index] = before;
    else if (count < before) {
      counts[index] = before;
      mended = {
        minBucket: Math.min(mended?.minBucket ?? Number.POSITIVE_INFINITY, bounds[index]!),
        maxBucket: Math.max(mended?.maxBucket ?? Number.NEGATIVE_INFINITY, bounds[index]!),
        maxDifference: Math.max(mended?.maxDifference ?? 0, before - count),
      };
    } else before = count;
  }
  return mended;
}

/**
 * A quantile of cumulative buckets, interpolated within the bucket it falls into.
 * Source: prometheus/prometheus, `promql/quantile.go`, `BucketQuantile`.
 *
 * @param buckets sorted, changed
 */
export function bucketQuantile(
  quantile: number,
  buckets: Buckets,
): { value: number; mended?: Monotonicity | undefined } {
  if (Number.isNaN(quantile)) return { value: Number.NaN };
  if (quantile < 0) return { value: Number.NEGATIVE_INFINITY };
  if (quantile > 1) return { value: Number.POSITIVE_INFINITY };
  const { bounds, counts } = buckets;
  if (bounds.at(-1) !== Number.POSITIVE_INFINITY) return { value: Number.NaN };
  coalesce(buckets);
  const mended = forceMonotonic(buckets);
  const last = bounds.length - 1;
  const observations = counts[last]!;
  if (last < 1 || observations === 0) return { value: Number.NaN, mended };
  const rank = quantile * observations;
  let found = 0;
  while (found < last && !(counts[found]! >= rank)) found += 1;
  if (found === last) return { value: bounds[last - 1]!, mended };
  if (found === 0 && bounds[0]! <= 0) return { value: bounds[0]!, mended };
  const start = found === 0 ? 0 : bounds[found - 1]!;
  const below = found === 0 ? 0 : counts[found - 1]!;
  const share = (rank - below) / (counts[found]! - below);
  return { value: start + (bounds[found]! - start) * share, mended };
}

/**
 * The share of observations between two bounds.
 * Source: prometheus/prometheus, `promql/quantile.go`, `BucketFraction`.
 *
 * @param buckets sorted, changed
 */
export function bucketFraction(lower: number, upper: number, buckets: Buckets): number {
  const { bounds, counts } = buckets;
  if (bounds.at(-1) !== Number.POSITIVE_INFINITY) return Number.NaN;
  coalesce(buckets);
  const total = counts.at(-1)!;
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  return (rankOf(upper, bounds, counts) - rankOf(lower, bounds, counts)) / total;
}

/** How many observations are at or below a value. */
function rankOf(value: number, bounds: readonly number[], counts: readonly number[]): number {
  const total = counts.at(-1)!;
  let rank = 0;
  let start = bounds[0]! <= 0 ? Number.NEGATIVE_INFINITY : 0;
  for (let index = 0; index < bounds.length; index += 1) {
    const end = bounds[index]!;
    if (start >= value) return Math.min(rank, total);
    if (end > value) {
      // Nothing can be interpolated in a bucket without lower bound.
      if (start === Number.NEGATIVE_INFINITY) return Math.min(counts[index]!, total);
      return Math.min(rank + ((counts[index]! - rank) * (value - start)) / (end - start), total);
    }
    rank = counts[index]!;
    start = end;
  }
  return total;
}

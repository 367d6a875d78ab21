/**
 * The quantile of sorted values, with linear interpolation between neighbours.
 *
 * @param sorted ascending. NaN counts as the smallest
 */
export function quantileOf(quantile: number, sorted: Float64Array): number {
  const { length } = sorted;
  if (length === 0 || Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return Number.NEGATIVE_INFINITY;
  if (quantile > 1) return Number.POSITIVE_INFINITY;
  const nan = countNaN(sorted);
  // A typed array sorts NaN to the end; Prometheus to the front.
  const at = (index: number): number => (index < nan ? Number.NaN : sorted[index - nan]!);
  const rank = quantile * (length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  // Nothing is between: an infinite neighbour has no part in it.
  if (weight === 0 || at(lower) === at(upper)) return at(lower);
  return at(lower) * (1 - weight) + at(upper) * weight;
}

function countNaN(sorted: Float64Array): number {
  let count = 0;
  while (count < sorted.length && Number.isNaN(sorted[sorted.length - 1 - count]!)) count += 1;
  return count;
}

import type {
  Exemplar,
  HistogramPoint,
  MetricPoint,
  NumberPoint,
  SeriesLabels,
  SummaryPoint,
} from '../model/metric-points.ts';

/** One text per series, whatever order its labels came in; lengths keep values from forging another series. */
export function seriesKey({ labelNames, labelValues }: SeriesLabels): string {
  const parts = labelNames.map((name, index) => {
    const value = labelValues[index] ?? '';
    return `${name.length}:${name}${value.length}:${value}`;
  });
  return parts.sort().join('');
}

function newer(one: Exemplar | undefined, two: Exemplar | undefined): Exemplar | undefined {
  if (one === undefined || two === undefined) return one ?? two;
  return (two.timeSeconds ?? 0) > (one.timeSeconds ?? 0) ? two : one;
}

function addSums(one: number | undefined, two: number | undefined): number | undefined {
  return one === undefined || two === undefined ? undefined : one + two;
}

function addHistograms(one: HistogramPoint, two: HistogramPoint): HistogramPoint | undefined {
  if (one.bounds.length !== two.bounds.length || one.bounds.some((bound, index) => bound !== two.bounds[index]))
    return undefined;
  const places = Array.from({ length: one.bounds.length + 1 }, (_, index) => index);
  return {
    ...one,
    bucketCounts: places.map((index) => (one.bucketCounts[index] ?? 0) + (two.bucketCounts[index] ?? 0)),
    sum: addSums(one.sum, two.sum),
    exemplars:
      one.exemplars === undefined && two.exemplars === undefined
        ? undefined
        : places.map((index) => newer(one.exemplars?.[index], two.exemplars?.[index])),
  };
}

/** Quantiles of two processes have no common value: what is left is true. */
function addSummaries(one: SummaryPoint, two: SummaryPoint): SummaryPoint {
  return { ...one, quantiles: [], sum: addSums(one.sum, two.sum), count: addSums(one.count, two.count) };
}

function addNumbers(one: NumberPoint, two: NumberPoint): NumberPoint {
  return { ...one, value: one.value + two.value, exemplar: newer(one.exemplar, two.exemplar) };
}

/**
 * What two processes have counted in one series, together.
 * @returns undefined when they do not fit (another kind, other buckets)
 */
export function addPoints(one: MetricPoint, two: MetricPoint): MetricPoint | undefined {
  if (one.kind === 'number') return two.kind === 'number' ? addNumbers(one, two) : undefined;
  if (one.kind === 'histogram') return two.kind === 'histogram' ? addHistograms(one, two) : undefined;
  return two.kind === 'summary' ? addSummaries(one, two) : undefined;
}

import type { Expression } from '../../syntax/ast.ts';
import { floatText, parseNumber } from '../../syntax/literals.ts';
import type { PositionRange } from '../../syntax/position.ts';
import { type EvaluationContext, renamed } from '../context.ts';
import type { LabelSet } from '../label-set.ts';
import { mergeSameLabels, StepSeries } from '../series.ts';
import { type Buckets, bucketFraction, bucketQuantile } from './buckets.ts';
import type { VectorFunction } from './implementation.ts';
import { stringOf } from './labels.ts';

/** The bucket series of one classic histogram, by rising bound. */
interface Histogram {
  /** Of a bucket, without `le`. */
  readonly labels: LabelSet;
  readonly buckets: { readonly bound: number; readonly series: StepSeries }[];
}

/** A vector of buckets, and where it stands in the query. */
interface BucketVector {
  readonly vector: readonly StepSeries[];
  readonly position: PositionRange;
}

function bucketVector(context: EvaluationContext, argument: Expression): BucketVector {
  return { vector: context.vector(argument), position: argument.position };
}

function histogramsOf(context: EvaluationContext, { vector, position }: BucketVector): Histogram[] {
  const found = new Map<string, Histogram>();
  for (const series of vector) {
    const text = series.labels.get('le');
    const bound = parseNumber(text);
    if (bound === undefined) {
      const metricName = context.delayedNameRemoval ? series.labels.name : '';
      context.annotations.badBucketLabel(metricName, text, position);
      continue;
    }
    const labels = series.labels.without(['le']);
    const histogram = found.get(labels.key) ?? { labels, buckets: [] };
    histogram.buckets.push({ bound, series });
    found.set(labels.key, histogram);
  }
  for (const { buckets } of found.values()) buckets.sort((one, other) => one.bound - other.bound);
  return [...found.values()];
}

/** Evaluates something of each classic histogram at each step at which it has a bucket. */
function ofHistograms(
  context: EvaluationContext,
  vector: BucketVector,
  compute: (buckets: Buckets, step: number, histogram: Histogram) => number,
  relabel: (labels: LabelSet) => LabelSet = (labels) => labels,
): StepSeries[] {
  const { count } = context.steps;
  const results = histogramsOf(context, vector).map((histogram) => {
    context.charge(count);
    const { labels, dropName } = renamed(context, histogram.labels);
    const result = StepSeries.blank(relabel(labels), dropName, count);
    for (let step = 0; step < count; step += 1) {
      const buckets: Buckets = { bounds: [], counts: [] };
      for (const { bound, series } of histogram.buckets) {
        if (series.present[step] === 0) continue;
        buckets.bounds.push(bound);
        buckets.counts.push(series.values[step]!);
      }
      if (buckets.bounds.length > 0) result.set(step, compute(buckets, step, histogram));
    }
    return result;
  });
  return mergeSameLabels(results, count);
}

function quantileAt(
  context: EvaluationContext,
  vector: BucketVector,
  quantile: { readonly values: Float64Array; readonly position: PositionRange },
  relabel?: (labels: LabelSet, quantile: number) => LabelSet,
): StepSeries[] {
  for (const value of quantile.values)
    if (!(value >= 0 && value <= 1)) context.annotations.invalidQuantile(value, quantile.position);
  return ofHistograms(
    context,
    vector,
    (buckets, step, { labels }) => {
      const { value, mended } = bucketQuantile(quantile.values[step]!, buckets);
      if (mended !== undefined) {
        const metricName = context.delayedNameRemoval ? labels.name : '';
        context.annotations.forcedMonotonicity(metricName, vector.position, context.steps.time(step), mended);
      }
      return value;
    },
    relabel === undefined ? undefined : (labels) => relabel(labels, quantile.values[0]!),
  );
}

/** Samples here are floats, so that a function of native histograms has nothing to work on: said, not passed over. */
const ofNativeHistograms: VectorFunction = (call, context) => {
  context.vector(call.arguments[0]!);
  context.annotations.warn(`native histograms are not supported, ${call.function.name}() has no result`, call.position);
  return [];
};

const histogramQuantiles: VectorFunction = (call, context) => {
  const [buckets, label, ...quantiles] = call.arguments;
  const name = stringOf(label);
  const vector = bucketVector(context, buckets!);
  return quantiles
    .map((quantile) => ({ values: context.scalar(quantile), position: quantile.position }))
    .flatMap((quantile) =>
      quantileAt(context, vector, quantile, (labels, value) => {
        const text = floatText(value);
        return labels.with(name, Number.isInteger(value) ? `${text}.0` : text);
      }),
    );
};

export const HISTOGRAMS: Readonly<Record<string, VectorFunction>> = {
  histogram_avg: ofNativeHistograms,
  histogram_count: ofNativeHistograms,
  histogram_fraction: (call, context) => {
    const [lower, upper, buckets] = call.arguments;
    const lowers = context.scalar(lower!);
    const uppers = context.scalar(upper!);
    const vector = bucketVector(context, buckets!);
    return ofHistograms(context, vector, (found, step) => bucketFraction(lowers[step]!, uppers[step]!, found));
  },
  histogram_quantile: (call, context) => {
    const [quantile, buckets] = call.arguments;
    const values = context.scalar(quantile!);
    return quantileAt(context, bucketVector(context, buckets!), { values, position: quantile!.position });
  },
  histogram_quantiles: histogramQuantiles,
  histogram_stddev: ofNativeHistograms,
  histogram_stdvar: ofNativeHistograms,
  histogram_sum: ofNativeHistograms,
};

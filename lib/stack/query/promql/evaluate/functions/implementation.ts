import type { Call } from '../../syntax/ast.ts';
import { type EvaluationContext, renamed } from '../context.ts';
import { mergeSameLabels, SeriesCollector, StepSeries } from '../series.ts';

/** A function that yields an instant vector. */
export type VectorFunction = (call: Call, context: EvaluationContext) => StepSeries[];
/** A function that yields a scalar: one value a step. */
export type ScalarFunction = (call: Call, context: EvaluationContext) => Float64Array;

/**
 * A function that changes each sample by itself.
 *
 * @param change value and parameters of the step → value; undefined leaves the sample out
 */
export function perSample(change: (value: number, ...parameters: number[]) => number | undefined): VectorFunction {
  return (call, context) => {
    const [vector, ...rest] = call.arguments;
    const parameters = rest.map((argument) => context.scalar(argument));
    return mapSamples(context, context.vector(vector!), (value, step) =>
      parameters.length === 0 ? change(value) : change(value, ...parameters.map((values) => values[step]!)),
    );
  };
}

/** Changes each sample of a vector; the names go. */
export function mapSamples(
  context: EvaluationContext,
  vector: readonly StepSeries[],
  change: (value: number, step: number) => number | undefined,
): StepSeries[] {
  const { count } = context.steps;
  const collector = new SeriesCollector(count);
  for (const series of vector) {
    context.charge(count);
    const { labels, dropName } = renamed(context, series.labels);
    const changed = StepSeries.blank(labels, dropName, count);
    for (let step = 0; step < count; step += 1) {
      if (series.present[step] === 0) continue;
      const value = change(series.values[step]!, step);
      if (value !== undefined) changed.set(step, value);
    }
    collector.merge(changed);
  }
  return collector.result();
}

/** Gives the series of a vector other labels. @throws ExecutionError when two then have the same at one step */
export function relabelAll(
  context: EvaluationContext,
  vector: readonly StepSeries[],
  relabel: (series: StepSeries) => StepSeries,
): StepSeries[] {
  return mergeSameLabels(vector.map(relabel), context.steps.count);
}

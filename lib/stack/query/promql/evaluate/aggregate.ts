import type { Aggregation } from '../syntax/ast.ts';
import { selectByValue, selectSome } from './aggregate-selection.ts';
import type { EvaluationContext } from './context.ts';
import { countValues } from './count-values.ts';
import { type Group, groupSeries } from './grouping.ts';
import { RunningMean, RunningVariance } from './kahan.ts';
import { quantileOf } from './quantile.ts';
import { StepSeries } from './series.ts';

/** Evaluates `sum`, `topk` and all other aggregations. */
export function aggregate(aggregation: Aggregation, context: EvaluationContext): StepSeries[] {
  switch (aggregation.operator) {
    case 'topk':
    case 'bottomk':
      return selectByValue(aggregation, context);
    case 'limitk':
    case 'limit_ratio':
      return selectSome(aggregation, context);
    case 'count_values':
      return countValues(aggregation, context);
    default:
      return reduceGroups(aggregation, context);
  }
}

/** Writes the group's values into the result. */
type Reduction = (group: Group, result: StepSeries, quantiles: Float64Array | undefined) => void;

function reduceGroups(aggregation: Aggregation, context: EvaluationContext): StepSeries[] {
  const { count } = context.steps;
  const { parameter } = aggregation;
  const quantiles = parameter === undefined ? undefined : context.scalar(parameter);
  const vector = context.vector(aggregation.expression);
  if (quantiles !== undefined) {
    const [least, most] = extremesOf(quantiles);
    const { position } = parameter!;
    if (quantiles.some(Number.isNaN)) context.annotations.invalidQuantile(Number.NaN, position);
    if (most > 1) context.annotations.invalidQuantile(most, position);
    if (least < 0) context.annotations.invalidQuantile(least, position);
  }
  const reduce = REDUCTIONS[aggregation.operator]!;
  const results: StepSeries[] = [];
  for (const group of groupSeries(vector, aggregation)) {
    context.charge(count);
    const result = StepSeries.blank(
      group.labels,
      group.series.some((series) => series.dropName),
      count,
    );
    for (const { present } of group.series)
      for (let step = 0; step < count; step += 1) if (present[step] === 1) result.present[step] = 1;
    reduce(group, result, quantiles);
    if (!result.isEmpty()) results.push(result);
  }
  return results;
}

/** The smallest and the largest that are numbers. */
export function extremesOf(values: Float64Array): [least: number, most: number] {
  let least = Number.MAX_VALUE;
  let most = -Number.MAX_VALUE;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

/** Passes a group's values, step by step or series by series: whichever the memory likes better. */
function sum({ series }: Group, { values }: StepSeries): void {
  const compensations = new Float64Array(values.length);
  for (const one of series) {
    for (let step = 0; step < values.length; step += 1) {
      if (one.present[step] === 0) continue;
      const value = one.values[step]!;
      const before = values[step]!;
      const total = before + value;
      if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) compensations[step] = 0;
      else if (Math.abs(before) >= Math.abs(value)) compensations[step]! += before - total + value;
      else compensations[step]! += value - total + before;
      values[step] = total;
    }
  }
  for (let step = 0; step < values.length; step += 1) values[step]! += compensations[step]!;
}

function count({ series }: Group, { values }: StepSeries): void {
  for (const { present } of series) for (let step = 0; step < values.length; step += 1) values[step]! += present[step]!;
}

/** The value that wins over all others; NaN only when there is nothing else. */
function extreme(wins: (value: number, best: number) => boolean): Reduction {
  return ({ series }, { values }) => {
    values.fill(Number.NaN);
    for (const one of series)
      for (let step = 0; step < values.length; step += 1)
        if (one.present[step] === 1 && (Number.isNaN(values[step]!) || wins(one.values[step]!, values[step]!)))
          values[step] = one.values[step]!;
  };
}

function eachStep(
  reduce: (values: readonly number[], step: number, quantiles: Float64Array | undefined) => number,
): Reduction {
  return ({ series }, result, quantiles) => {
    const values: number[] = [];
    for (let step = 0; step < result.values.length; step += 1) {
      values.length = 0;
      for (const one of series) if (one.present[step] === 1) values.push(one.values[step]!);
      if (values.length > 0) result.values[step] = reduce(values, step, quantiles);
    }
  };
}

function mean(values: readonly number[]): number {
  const running = new RunningMean();
  for (const value of values) running.add(value);
  return running.value;
}

function variance(values: readonly number[]): number {
  const running = new RunningVariance();
  for (const value of values) running.add(value);
  return running.value;
}

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  avg: eachStep(mean),
  count,
  group: (_, { values }) => void values.fill(1),
  max: extreme((value, best) => value > best),
  min: extreme((value, best) => value < best),
  quantile: eachStep((values, step, quantiles) => quantileOf(quantiles![step]!, Float64Array.from(values).sort())),
  stddev: eachStep((values) => Math.sqrt(variance(values))),
  stdvar: eachStep(variance),
  sum,
};

import { ExecutionError, UnsupportedExpression } from '../errors.ts';
import type { Aggregation } from '../syntax/ast.ts';
import { floatText } from '../syntax/literals.ts';
import type { EvaluationContext } from './context.ts';
import { type Group, groupSeries } from './grouping.ts';
import { StepSeries } from './series.ts';
import { compareValues } from './value-order.ts';

interface Selection {
  readonly groups: readonly Group[];
  /** How many of each group to keep, a step. */
  readonly counts: Float64Array;
}

/** @returns undefined when nothing is to be kept at any step. @throws ExecutionError for a parameter that is no count */
function selectionOf(aggregation: Aggregation, context: EvaluationContext): Selection | undefined {
  const counts = context.scalar(aggregation.parameter!);
  const groups = groupSeries(context.vector(aggregation.expression), aggregation);
  let most = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (const count of counts) {
    if (count > most || Number.isNaN(count)) most = count;
    if (count < least) least = count;
  }
  if (most < 1) return undefined;
  if (counts.some(Number.isNaN)) throw new ExecutionError('Parameter value is NaN');
  if (least <= -(2 ** 63)) throw new ExecutionError(`Scalar value ${floatText(least)} underflows int64`);
  if (most >= 2 ** 63) throw new ExecutionError(`Scalar value ${floatText(most)} overflows int64`);
  return { groups, counts: counts.map(Math.trunc) };
}

/** `topk` and `bottomk`: the samples of each group that are first by value, in this order. NaN comes last. */
export function selectByValue(aggregation: Aggregation, context: EvaluationContext): StepSeries[] {
  const selection = selectionOf(aggregation, context);
  if (selection === undefined) return [];
  const direction = aggregation.operator === 'topk' ? -1 : 1;
  return keepOfEach(selection, context, (present, step) =>
    present.sort((one, other) => compareValues(one.values[step]!, other.values[step]!, direction)),
  );
}

/** `limitk`: the first of each group, whatever their values. */
export function selectSome(aggregation: Aggregation, context: EvaluationContext): StepSeries[] {
  if (aggregation.operator === 'limit_ratio')
    throw new UnsupportedExpression('limit_ratio() is not supported: it depends on the hash of labels in Prometheus');
  const selection = selectionOf(aggregation, context);
  return selection === undefined ? [] : keepOfEach(selection, context, (present) => present);
}

function keepOfEach(
  { groups, counts }: Selection,
  context: EvaluationContext,
  order: (present: StepSeries[], step: number) => StepSeries[],
): StepSeries[] {
  const { count } = context.steps;
  const results = new Map<StepSeries, StepSeries>();
  for (const { series } of groups) {
    for (let step = 0; step < count; step += 1) {
      if (counts[step]! < 1) continue;
      const present = series.filter((one) => one.present[step] === 1);
      for (const kept of order(present, step).slice(0, counts[step])) {
        let result = results.get(kept);
        if (result === undefined) {
          context.charge(count);
          result = StepSeries.blank(kept.labels, kept.dropName, count);
          results.set(kept, result);
        }
        result.set(step, kept.values[step]!);
      }
    }
  }
  return [...results.values()];
}

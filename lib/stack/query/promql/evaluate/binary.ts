import { type Binary, typeOf } from '../syntax/ast.ts';
import { isComparison, isSetOperator } from '../syntax/type-check.ts';
import { type EvaluationContext, renamed } from './context.ts';
import { matchVectors } from './matching.ts';
import { calculate, compare, isArithmetic, noteTrim } from './operators.ts';
import { SeriesCollector, StepSeries } from './series.ts';
import { combineSets } from './set-operators.ts';

/** A binary operation of which at least one side is a vector. */
export function binary(expression: Binary, context: EvaluationContext): StepSeries[] {
  const { operator, left, right } = expression;
  const leftScalar = typeOf(left) === 'scalar';
  if (!leftScalar && typeOf(right) === 'vector') {
    if (isSetOperator(operator)) return combineSets(expression, context);
    return matchVectors(expression, context);
  }
  const [scalars, vector] = leftScalar
    ? [context.scalar(left), context.vector(right)]
    : [context.scalar(right), context.vector(left)];
  return withScalar(expression, context, { scalars, vector, scalarFirst: leftScalar });
}

interface Operands {
  readonly scalars: Float64Array;
  readonly vector: readonly StepSeries[];
  readonly scalarFirst: boolean;
}

function withScalar(
  { operator, returnBool, position }: Binary,
  context: EvaluationContext,
  { scalars, vector, scalarFirst }: Operands,
): StepSeries[] {
  const { count } = context.steps;
  const collector = new SeriesCollector(count);
  const drops = isArithmetic(operator) || returnBool;
  for (const series of vector) {
    context.charge(count);
    const { labels, dropName } = drops ? renamed(context, series.labels) : series;
    const result = StepSeries.blank(labels, dropName, count);
    for (let step = 0; step < count; step += 1) {
      if (series.present[step] === 0) continue;
      const value = series.values[step]!;
      const [one, other] = scalarFirst ? [scalars[step]!, value] : [value, scalars[step]!];
      if (!isComparison(operator)) {
        if (isArithmetic(operator)) result.set(step, calculate(operator, one, other));
        else noteTrim(operator, context, position);
      } else if (returnBool) result.set(step, calculate(operator, one, other));
      else if (compare(operator, one, other)) result.set(step, value);
    }
    collector.merge(result);
  }
  return collector.result();
}

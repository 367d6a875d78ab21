import { ExecutionError } from '../errors.ts';
import type { Aggregation } from '../syntax/ast.ts';
import { floatText, quote } from '../syntax/literals.ts';
import { isLabelName } from '../syntax/selector-parser.ts';
import type { EvaluationContext } from './context.ts';
import { stringOf } from './functions/labels.ts';
import { groupLabels } from './grouping.ts';
import { SeriesCollector, type StepSeries } from './series.ts';

/** How often each value occurs in each group; the value becomes a label. */
export function countValues(aggregation: Aggregation, context: EvaluationContext): StepSeries[] {
  const { count } = context.steps;
  const label = stringOf(aggregation.parameter);
  if (!isLabelName(label)) throw new ExecutionError(`invalid label name ${quote(label)}`);
  const { without } = aggregation;
  const grouping = without ? aggregation.grouping : [...aggregation.grouping, label];
  const collector = new SeriesCollector(count);
  for (const series of context.vector(aggregation.expression)) {
    // A value that stays needs its labels once.
    let last: { readonly value: number; readonly target: StepSeries } | undefined;
    for (let step = 0; step < count; step += 1) {
      if (series.present[step] === 0) continue;
      const value = series.values[step]!;
      if (last === undefined || !Object.is(last.value, value)) {
        const labels = groupLabels(series.labels.with(label, floatText(value)), { without, grouping });
        last = { value, target: collector.series(labels, false) };
        context.charge(1);
      }
      last.target.set(step, last.target.values[step]! + 1);
    }
  }
  return collector.result();
}

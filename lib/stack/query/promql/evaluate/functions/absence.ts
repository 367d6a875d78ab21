import type { Expression } from '../../syntax/ast.ts';
import { LabelSet } from '../label-set.ts';
import { StepSeries } from '../series.ts';
import type { VectorFunction } from './implementation.ts';
import { overWindows } from './over-time.ts';

/** Labels that what is absent would have had, as far as its selector says. */
function labelsOf(argument: Expression): LabelSet {
  const selector = argument.type === 'matrixSelector' ? argument.selector : argument;
  if (selector.type !== 'vectorSelector') return LabelSet.EMPTY;
  const labels = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, operator, value } of selector.matchers) {
    if (name === '__name__') continue;
    if (operator === '=' && !seen.has(name)) {
      labels.set(name, value);
      seen.add(name);
    } else labels.delete(name);
  }
  return LabelSet.of(labels);
}

/** 1 at each step at which no series has a sample. */
function absence(vector: readonly StepSeries[], labels: LabelSet, steps: number): StepSeries[] {
  const result = StepSeries.blank(labels, false, steps);
  for (let step = 0; step < steps; step += 1)
    if (vector.every((series) => series.present[step] === 0)) result.set(step, 1);
  return result.isEmpty() ? [] : [result];
}

export const ABSENCE: Readonly<Record<string, VectorFunction>> = {
  absent: (call, context) => {
    const argument = call.arguments[0]!;
    return absence(context.vector(argument), labelsOf(argument), context.steps.count);
  },
  absent_over_time: (call, context) => {
    const argument = call.arguments[0]!;
    // Under their own names: two metrics that are both there are no conflict.
    const vector = overWindows(context, call, () => 1, { keepsName: true });
    return absence(vector, labelsOf(argument), context.steps.count);
  },
};

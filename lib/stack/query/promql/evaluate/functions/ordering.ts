import type { Call } from '../../syntax/ast.ts';
import type { EvaluationContext } from '../context.ts';
import { LabelSet } from '../label-set.ts';
import { compareValues } from '../value-order.ts';
import type { VectorFunction } from './implementation.ts';
import { stringOf } from './labels.ts';

/** Results of range queries are ordered by labels whatever the query says. */
function warnOfRange(call: Call, context: EvaluationContext): void {
  if (context.steps.count > 1) context.annotations.sortInRangeQuery(call.position);
}

/** @param direction 1 ascending, -1 descending; NaN comes last in both */
function byValue(direction: 1 | -1): VectorFunction {
  return (call, context) => {
    warnOfRange(call, context);
    const vector = context.vector(call.arguments[0]!);
    if (context.steps.count !== 1) return vector;
    return [...vector].sort((one, other) => compareValues(one.values[0]!, other.values[0]!, direction));
  };
}

function byLabels(direction: 1 | -1): VectorFunction {
  return (call, context) => {
    warnOfRange(call, context);
    const names = call.arguments.slice(1).map(stringOf);
    return [...context.vector(call.arguments[0]!)].sort((one, other) => {
      for (const name of names) {
        const order = compareNaturally(one.labels.get(name), other.labels.get(name));
        if (order !== 0) return direction * order;
      }
      return direction * LabelSet.compare(one.labels, other.labels);
    });
  };
}

/** Runs of digits are compared as numbers, all else as text. */
function compareNaturally(one: string, other: string): number {
  if (one === other) return 0;
  const parts = one.match(/\d+|\D+/g) ?? [];
  const otherParts = other.match(/\d+|\D+/g) ?? [];
  for (let index = 0; index < Math.min(parts.length, otherParts.length); index += 1) {
    const [part, otherPart] = [parts[index]!, otherParts[index]!];
    if (part === otherPart) continue;
    const numeric = /^\d/.test(part) && /^\d/.test(otherPart) && Number(part) !== Number(otherPart);
    if (numeric) return Number(part) < Number(otherPart) ? -1 : 1;
    return part < otherPart ? -1 : 1;
  }
  return parts.length - otherParts.length;
}

export const ORDERING: Readonly<Record<string, VectorFunction>> = {
  sort: byValue(1),
  sort_by_label: byLabels(1),
  sort_by_label_desc: byLabels(-1),
  sort_desc: byValue(-1),
};

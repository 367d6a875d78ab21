import { compileRe2 } from '../../../regular-expression.ts';
import { ExecutionError } from '../../errors.ts';
import { type Expression, type StringLiteral, withoutParentheses } from '../../syntax/ast.ts';
import { quote } from '../../syntax/literals.ts';
import { isLabelName } from '../../syntax/selector-parser.ts';
import type { StepSeries } from '../series.ts';
import { relabelAll, type VectorFunction } from './implementation.ts';

/** The value of an argument that the type check has found to be a string. */
export function stringOf(argument: Expression | undefined): string {
  return (withoutParentheses(argument!) as StringLiteral).value;
}

function withLabel(series: StepSeries, name: string, value: string): StepSeries {
  return series.relabelled(series.labels.with(name, value), name === '__name__' ? false : series.dropName);
}

const labelReplace: VectorFunction = (call, context) => {
  const [vector, ...rest] = call.arguments;
  const [target, replacement, source, pattern] = rest.map(stringOf) as [string, string, string, string];
  let expression: RegExp;
  try {
    expression = compileRe2(pattern, { anchored: true, dotAll: true });
  } catch {
    throw new ExecutionError(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isLabelName(target))
    throw new ExecutionError(`invalid destination label name in label_replace(): ${wellFormed(target)}`);
  return relabelAll(context, context.vector(vector!), (series) => {
    const match = expression.exec(series.labels.get(source));
    return match === null ? series : withLabel(series, target, expand(replacement, match));
  });
};

/** Go's `Regexp.Expand`: `$1`, `${1}`, `$name`, `$$`; a group that is not there is empty. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:(\$)|\{(\w+)\}|(\w+))/g, (_, dollar?: string, braced?: string, bare?: string) => {
    if (dollar !== undefined) return '$';
    const name = braced ?? bare!;
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? '';
  });
}

const labelJoin: VectorFunction = (call, context) => {
  const [vector, ...rest] = call.arguments;
  const [target, separator, ...sources] = rest.map(stringOf) as [string, string, ...string[]];
  const wrong = sources.find((source) => !isLabelName(source));
  if (wrong !== undefined) throw new ExecutionError(`invalid source label name in label_join(): ${wellFormed(wrong)}`);
  if (!isLabelName(target))
    throw new ExecutionError(`invalid destination label name in label_join(): ${wellFormed(target)}`);
  return relabelAll(context, context.vector(vector!), (series) =>
    withLabel(series, target, sources.map((source) => series.labels.get(source)).join(separator)),
  );
};

function wellFormed(name: string): string {
  return name.isWellFormed() ? name : quote(name).slice(1, -1);
}

export const LABELS: Readonly<Record<string, VectorFunction>> = {
  label_join: labelJoin,
  label_replace: labelReplace,
};

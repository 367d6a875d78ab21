import type { LabelMatcher } from '../../label-matcher.ts';
import type {
  Aggregation,
  Binary,
  DurationExpression,
  Expression,
  MatrixSelector,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from './ast.ts';
import { durationText, floatText, quote } from './literals.ts';

const PLAIN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** An expression as one line, in Prometheus's normal form: reading it again gives the same expression. */
export function expressionText(expression: Expression): string {
  switch (expression.type) {
    case 'number':
      return expression.duration ? durationText(expression.value * 1000) : floatText(expression.value);
    case 'string':
      return quote(expression.value);
    case 'vectorSelector':
      return selectorText(expression) + extensionText(expression) + modifiersText(expression);
    case 'matrixSelector':
      return matrixText(expression);
    case 'subquery':
      return expressionText(expression.expression) + subqueryText(expression);
    case 'call':
      return `${expression.function.name}(${expression.arguments.map(expressionText).join(', ')})`;
    case 'aggregation': {
      const parameter = expression.parameter === undefined ? '' : `${expressionText(expression.parameter)}, `;
      return `${aggregationHead(expression)}(${parameter}${expressionText(expression.expression)})`;
    }
    case 'binary':
      return `${expressionText(expression.left)} ${operatorText(expression)} ${expressionText(expression.right)}`;
    case 'unary':
      return expression.operator + expressionText(expression.expression);
    case 'parentheses':
      return `(${expressionText(expression.expression)})`;
  }
}

function namesText(names: readonly string[]): string {
  return names.map((name) => (PLAIN_NAME.test(name) ? name : quote(name))).join(', ');
}

/** `sum by (job) ` of an aggregation. */
export function aggregationHead({ operator, grouping, without }: Aggregation): string {
  if (without) return `${operator} without (${namesText(grouping)}) `;
  return grouping.length === 0 ? operator : `${operator} by (${namesText(grouping)}) `;
}

/** Operator and modifiers of a binary expression. */
export function operatorText({ operator, returnBool, matching }: Binary): string {
  let text: string = operator;
  if (returnBool) text += ' bool';
  if (matching === undefined) return text;
  const grouped = matching.cardinality === 'many-to-one' || matching.cardinality === 'one-to-many';
  if (matching.labels.length > 0 || matching.on || grouped)
    text += ` ${matching.on ? 'on' : 'ignoring'} (${namesText(matching.labels)})`;
  if (grouped)
    text += ` group_${matching.cardinality === 'many-to-one' ? 'left' : 'right'} (${namesText(matching.include)})`;
  const { fillLeft, fillRight } = matching;
  if (fillLeft !== undefined && fillLeft === fillRight) return `${text} fill (${floatText(fillLeft)})`;
  if (fillLeft !== undefined) text += ` fill_left (${floatText(fillLeft)})`;
  if (fillRight !== undefined) text += ` fill_right (${floatText(fillRight)})`;
  return text;
}

export function matcherText({ name, operator, value }: LabelMatcher): string {
  return (PLAIN_NAME.test(name) ? name : quote(name)) + operator + quote(value);
}

function selectorText({ name, matchers }: VectorSelector): string {
  const shown = matchers
    .filter(
      (matcher) => !(matcher.name === '__name__' && matcher.operator === '=' && matcher.value === name && name !== ''),
    )
    .map(matcherText)
    .sort();
  return shown.length === 0 ? name : `${name}{${shown.join(',')}}`;
}

function extensionText({ extension }: VectorSelector): string {
  return extension === undefined ? '' : ` ${extension}`;
}

function atText({ at, atEdge }: TimeModifiers): string {
  if (at !== undefined) return ` @ ${(at / 1000).toFixed(3)}`;
  return atEdge === undefined ? '' : ` @ ${atEdge}()`;
}

function offsetText({ offset, offsetExpression }: TimeModifiers): string {
  if (offsetExpression !== undefined) return ` offset ${durationExpressionText(offsetExpression)}`;
  return offset === 0 ? '' : ` offset ${durationText(offset)}`;
}

function modifiersText(modifiers: TimeModifiers): string {
  return atText(modifiers) + offsetText(modifiers);
}

function rangeText(millis: number, expression: DurationExpression | undefined): string {
  return expression === undefined ? durationText(millis) : durationExpressionText(expression);
}

function matrixText({ selector, range, rangeExpression }: MatrixSelector): string {
  return `${selectorText(selector)}[${rangeText(range, rangeExpression)}]${extensionText(selector)}${modifiersText(selector)}`;
}

/** `[5m:1m] @ 10 offset 1m` of a subquery. */
export function subqueryText(subquery: Subquery): string {
  const { range, rangeExpression, step, stepExpression } = subquery;
  const stepText = step === 0 && stepExpression === undefined ? '' : rangeText(step, stepExpression);
  return `[${rangeText(range, rangeExpression)}:${stepText}]${modifiersText(subquery)}`;
}

function durationExpressionText(expression: DurationExpression): string {
  if (expression.type === 'number') return expressionText(expression);
  const { operator, left, right, wrapped } = expression;
  const parts = [left, right].filter((part) => part !== undefined).map(durationExpressionText);
  let text: string;
  if (operator === 'step' || operator === 'range' || operator === 'max_of' || operator === 'min_of')
    text = `${operator}(${parts.join(', ')})`;
  else if (parts.length === 1) text = operator === '-' ? `-${parts[0]}` : parts[0]!;
  else text = `${parts[0]} ${operator} ${parts[1]}`;
  return wrapped ? `(${text})` : text;
}

import type { LabelMatcher } from '../../label-matcher.ts';
import type { FunctionSignature } from './function-table.ts';
import type { PositionRange } from './position.ts';
import type { Aggregator, Operator } from './tokens.ts';

/** What an expression yields. */
export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix';

interface Node {
  readonly position: PositionRange;
}

export interface NumberLiteral extends Node {
  readonly type: 'number';
  readonly value: number;
  /** Written as a duration (`5m`); the value is in seconds. */
  readonly duration: boolean;
}

export interface StringLiteral extends Node {
  readonly type: 'string';
  readonly value: string;
}

/** `offset` and `@` of a selector or subquery. */
export interface TimeModifiers {
  /** Milliseconds; negative looks ahead. */
  readonly offset: number;
  /** In place of `offset`, until the query's step and range are known. */
  readonly offsetExpression?: DurationOperation;
  /** Milliseconds since the epoch: the time that `@` gives. */
  readonly at?: number;
  /** `@ start()`, `@ end()`: resolved when the query's range is known. */
  readonly atEdge?: 'start' | 'end';
}

export interface VectorSelector extends Node, TimeModifiers {
  readonly type: 'vectorSelector';
  /** Written before the braces; '' when it was not. */
  readonly name: string;
  /** All of them, that of the name included. */
  readonly matchers: readonly LabelMatcher[];
  readonly extension?: 'anchored' | 'smoothed';
}

export interface MatrixSelector extends Node {
  readonly type: 'matrixSelector';
  readonly selector: VectorSelector;
  /** Milliseconds. */
  readonly range: number;
  readonly rangeExpression?: DurationOperation;
}

export interface Subquery extends Node, TimeModifiers {
  readonly type: 'subquery';
  readonly expression: Expression;
  /** Milliseconds. */
  readonly range: number;
  readonly rangeExpression?: DurationOperation;
  /** Milliseconds; 0 = the default. */
  readonly step: number;
  readonly stepExpression?: DurationOperation;
}

export interface Call extends Node {
  readonly type: 'call';
  readonly function: FunctionSignature;
  readonly arguments: readonly Expression[];
}

export interface Aggregation extends Node {
  readonly type: 'aggregation';
  readonly operator: Aggregator;
  readonly expression: Expression;
  /** `k` of topk, the quantile, the label of count_values. */
  readonly parameter?: Expression;
  readonly grouping: readonly string[];
  readonly without: boolean;
}

export interface VectorMatching {
  readonly cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';
  /** `true`: match on `labels`; `false`: on all others. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels that `group_left` or `group_right` takes from the one side. */
  readonly include: readonly string[];
  readonly fillLeft?: number;
  readonly fillRight?: number;
}

export interface Binary extends Node {
  readonly type: 'binary';
  readonly operator: Operator;
  readonly left: Expression;
  readonly right: Expression;
  /** `bool`: comparisons give 0 and 1. */
  readonly returnBool: boolean;
  /** Between instant vectors only. */
  readonly matching?: VectorMatching;
}

export interface Unary extends Node {
  readonly type: 'unary';
  readonly operator: '+' | '-';
  readonly expression: Expression;
}

export interface Parentheses extends Node {
  readonly type: 'parentheses';
  readonly expression: Expression;
}

/** Arithmetic where a duration is wanted. */
export interface DurationOperation extends Node {
  readonly type: 'duration';
  readonly operator: '+' | '-' | '*' | '/' | '%' | '^' | 'step' | 'range' | 'max_of' | 'min_of';
  /** Absent of a sign, `step()` and `range()`. */
  readonly left?: DurationExpression;
  readonly right?: DurationExpression;
  readonly wrapped: boolean;
}

export type DurationExpression = NumberLiteral | DurationOperation;

export type Expression =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Parentheses;

export function typeOf(expression: Expression): ValueType {
  switch (expression.type) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'vectorSelector':
    case 'aggregation':
      return 'vector';
    case 'matrixSelector':
    case 'subquery':
      return 'matrix';
    case 'call':
      return expression.function.returns;
    case 'binary':
      return typeOf(expression.left) === 'scalar' && typeOf(expression.right) === 'scalar' ? 'scalar' : 'vector';
    case 'unary':
    case 'parentheses':
      return typeOf(expression.expression);
  }
}

/** Direct parts of an expression. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.type) {
    case 'matrixSelector':
      return [expression.selector];
    case 'call':
      return expression.arguments;
    case 'aggregation':
      return expression.parameter === undefined
        ? [expression.expression]
        : [expression.expression, expression.parameter];
    case 'binary':
      return [expression.left, expression.right];
    case 'subquery':
    case 'unary':
    case 'parentheses':
      return [expression.expression];
    default:
      return [];
  }
}

/** An expression with its direct parts replaced by what `change` makes of them. */
export function mapChildren(expression: Expression, change: (part: Expression) => Expression): Expression {
  switch (expression.type) {
    case 'matrixSelector':
      return { ...expression, selector: change(expression.selector) as VectorSelector };
    case 'call':
      return { ...expression, arguments: expression.arguments.map(change) };
    case 'aggregation':
      return {
        ...expression,
        expression: change(expression.expression),
        ...(expression.parameter !== undefined && { parameter: change(expression.parameter) }),
      };
    case 'binary':
      return { ...expression, left: change(expression.left), right: change(expression.right) };
    case 'subquery':
    case 'unary':
    case 'parentheses':
      return { ...expression, expression: change(expression.expression) };
    default:
      return expression;
  }
}

/** An expression without the parentheses around it. */
export function withoutParentheses(expression: Expression): Expression {
  while (expression.type === 'parentheses') expression = expression.expression;
  return expression;
}

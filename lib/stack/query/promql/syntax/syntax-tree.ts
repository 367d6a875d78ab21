import type { LabelMatcher } from '../../label-matcher.ts';
import { type DurationExpression, type Expression, type TimeModifiers, typeOf, type VectorSelector } from './ast.ts';
import { floatText } from './literals.ts';
import { isSetOperator } from './type-check.ts';

/** An expression as Prometheus's `/parse_query` tells it. Durations in milliseconds. */
export function syntaxTree(expression: Expression): unknown {
  switch (expression.type) {
    case 'aggregation':
      return {
        type: 'aggregation',
        op: expression.operator,
        expr: syntaxTree(expression.expression),
        param: expression.parameter === undefined ? null : syntaxTree(expression.parameter),
        grouping: expression.grouping,
        without: expression.without,
      };
    case 'binary':
      return binaryTree(expression);
    case 'call': {
      const { name, arguments: types, variadic, returns } = expression.function;
      return {
        type: 'call',
        func: { name, argTypes: types, variadic, returnType: returns },
        args: expression.arguments.map(syntaxTree),
      };
    }
    case 'matrixSelector':
      return {
        type: 'matrixSelector',
        range: expression.range,
        rangeExpr: durationTree(expression.rangeExpression),
        ...selectorTree(expression.selector),
      };
    case 'subquery':
      return {
        type: 'subquery',
        expr: syntaxTree(expression.expression),
        range: expression.range,
        rangeExpr: durationTree(expression.rangeExpression),
        step: expression.step,
        stepExpr: durationTree(expression.stepExpression),
        ...modifiersTree(expression),
      };
    case 'number':
      return { type: 'numberLiteral', val: floatText(expression.value) };
    case 'parentheses':
      return { type: 'parenExpr', expr: syntaxTree(expression.expression) };
    case 'string':
      return { type: 'stringLiteral', val: expression.value };
    case 'unary':
      return { type: 'unaryExpr', op: expression.operator, expr: syntaxTree(expression.expression) };
    case 'vectorSelector':
      return { type: 'vectorSelector', ...selectorTree(expression) };
  }
}

function binaryTree(expression: Extract<Expression, { type: 'binary' }>): unknown {
  const { operator, left, right, returnBool, matching } = expression;
  return {
    type: 'binaryExpr',
    op: operator,
    lhs: syntaxTree(left),
    rhs: syntaxTree(right),
    // Between instant vectors only.
    matching:
      matching === undefined || typeOf(left) !== 'vector' || typeOf(right) !== 'vector'
        ? null
        : {
            card: isSetOperator(operator) ? 'many-to-many' : matching.cardinality,
            labels: matching.labels,
            on: matching.on,
            include: matching.include,
            fillValues: { lhs: matching.fillLeft ?? null, rhs: matching.fillRight ?? null },
          },
    bool: returnBool,
  };
}

function modifiersTree({ offset, offsetExpression, at, atEdge }: TimeModifiers): Record<string, unknown> {
  return { offset, offsetExpr: durationTree(offsetExpression), timestamp: at ?? null, startOrEnd: atEdge ?? null };
}

function selectorTree(selector: VectorSelector): Record<string, unknown> {
  return {
    name: selector.name,
    matchers: selector.matchers.map(({ name, operator, value }: LabelMatcher) => ({ name, value, type: operator })),
    ...modifiersTree(selector),
    anchored: selector.extension === 'anchored',
    smoothed: selector.extension === 'smoothed',
  };
}

function durationTree(expression: DurationExpression | undefined): unknown {
  if (expression === undefined) return null;
  if (expression.type === 'number')
    return { type: 'numberLiteral', val: floatText(expression.value), duration: expression.duration };
  const { operator, left, right, wrapped } = expression;
  return { type: 'durationExpr', op: operator, lhs: durationTree(left), rhs: durationTree(right), wrapped };
}

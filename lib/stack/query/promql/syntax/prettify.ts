import type { Expression } from './ast.ts';
import { aggregationHead, expressionText, operatorText, subqueryText } from './printer.ts';

/** Characters of a line; a longer expression is split. Prometheus's number. */
const MAX_LINE = 100;

/** An expression as Prometheus's `/format_query` lays it out. */
export function prettify(expression: Expression, level = 0): string {
  const indent = '  '.repeat(level);
  const line = expressionText(expression);
  // A subquery that fits is not indented: so Prometheus does it.
  if (expression.type === 'subquery' && line.length <= MAX_LINE) return line;
  if (expression.type === 'unary')
    return `${indent}${expression.operator}${prettify(expression.expression, level).trim()}`;
  if (line.length <= MAX_LINE) return indent + line;
  switch (expression.type) {
    case 'aggregation': {
      const parameter = expression.parameter === undefined ? '' : `${prettify(expression.parameter, level + 1)},\n`;
      return `${indent}${aggregationHead(expression)}(\n${parameter}${prettify(expression.expression, level + 1)}\n${indent})`;
    }
    case 'binary':
      return `${prettify(expression.left, level + 1)}\n${indent}${operatorText(expression)}\n${prettify(expression.right, level + 1)}`;
    case 'call': {
      const parts = expression.arguments.map((argument) => prettify(argument, level + 1)).join(',\n');
      return `${indent}${expression.function.name}(\n${parts}\n${indent})`;
    }
    case 'parentheses':
      return `${indent}(\n${prettify(expression.expression, level + 1)}\n${indent})`;
    case 'subquery':
      return prettify(expression.expression, level) + subqueryText(expression);
    default:
      return indent + line;
  }
}

import { compileMatcher } from '../../label-matcher.ts';
import { ParseError } from '../errors.ts';
import type { VectorSelector } from './ast.ts';
import { type Binary, type Call, childrenOf, type Expression, typeOf, type ValueType } from './ast.ts';
import type { PositionRange } from './position.ts';
import type { Operator } from './tokens.ts';

/** How Prometheus's documentation names a type. */
export function typeName(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type;
}

const COMPARISONS: ReadonlySet<Operator> = new Set<Operator>(['==', '!=', '<=', '<', '>=', '>']);
const SET_OPERATORS: ReadonlySet<Operator> = new Set<Operator>(['and', 'or', 'unless']);

export function isComparison(operator: Operator): boolean {
  return COMPARISONS.has(operator);
}

export function isSetOperator(operator: Operator): boolean {
  return SET_OPERATORS.has(operator);
}

/**
 * Whether the types of an expression fit.
 *
 * @throws ParseError for the first that does not, worded as Prometheus words it
 */
export function checkTypes(expression: Expression, query: string): void {
  const fail = (reason: string, position: PositionRange): never => {
    throw new ParseError(reason, position, query);
  };
  const expectType = (part: Expression, wanted: ValueType, where: string): void => {
    const type = typeOf(part);
    if (type !== wanted) fail(`expected type ${typeName(wanted)} in ${where}, got ${typeName(type)}`, part.position);
  };

  switch (expression.type) {
    case 'aggregation': {
      const { operator, parameter } = expression;
      checkTypes(expression.expression, query);
      expectType(expression.expression, 'vector', 'aggregation expression');
      if (parameter === undefined) return;
      checkTypes(parameter, query);
      expectType(parameter, operator === 'count_values' ? 'string' : 'scalar', 'aggregation parameter');
      return;
    }
    case 'binary':
      checkTypes(expression.left, query);
      checkTypes(expression.right, query);
      checkBinary(expression, query, fail);
      return;
    case 'call':
      checkCall(expression, fail);
      expression.arguments.forEach((argument, index) => {
        // info()'s second argument only selects labels: it need not name anything.
        if (expression.function.name === 'info' && index === 1) return;
        checkTypes(argument, query);
        const { arguments: types, name } = expression.function;
        expectType(argument, types[Math.min(index, types.length - 1)]!, `call to function ${JSON.stringify(name)}`);
      });
      return;
    case 'unary': {
      checkTypes(expression.expression, query);
      const type = typeOf(expression.expression);
      if (type !== 'scalar' && type !== 'vector')
        fail(
          `unary expression only allowed on expressions of type scalar or instant vector, got ${JSON.stringify(typeName(type))}`,
          expression.position,
        );
      return;
    }
    case 'subquery': {
      checkTypes(expression.expression, query);
      const type = typeOf(expression.expression);
      if (type !== 'vector')
        fail(`subquery is only allowed on instant vector, got ${type} instead`, expression.position);
      return;
    }
    case 'vectorSelector':
      checkSelector(expression, fail);
      return;
    default:
      for (const part of childrenOf(expression)) checkTypes(part, query);
  }
}

type Fail = (reason: string, position: PositionRange) => never;

function checkSelector(selector: VectorSelector, fail: Fail): void {
  if (selector.name !== '') {
    const twice = selector.matchers.slice(0, -1).find((matcher) => matcher.name === '__name__');
    if (twice !== undefined)
      fail(
        `metric name must not be set twice: ${JSON.stringify(selector.name)} or ${JSON.stringify(twice.value)}`,
        selector.position,
      );
    return;
  }
  if (selector.matchers.every((matcher) => compileMatcher(matcher)('')))
    fail('vector selector must contain at least one non-empty matcher', selector.position);
}

function checkCall({ function: signature, arguments: given, position }: Call, fail: Fail): void {
  const { name, arguments: types, variadic } = signature;
  const quoted = JSON.stringify(name);
  if (variadic === 0) {
    if (given.length !== types.length)
      fail(`expected ${types.length} argument(s) in call to ${quoted}, got ${given.length}`, position);
    return;
  }
  const least = types.length - 1;
  if (given.length < least)
    fail(`expected at least ${least} argument(s) in call to ${quoted}, got ${given.length}`, position);
  const most = least + variadic;
  if (variadic > 0 && given.length > most)
    fail(`expected at most ${most} argument(s) in call to ${quoted}, got ${given.length}`, position);
}

function checkBinary(expression: Binary, query: string, fail: Fail): void {
  const { operator, left, right, returnBool, matching, position } = expression;
  const leftType = typeOf(left);
  const rightType = typeOf(right);
  const operatorPosition = trimmed(query, left.position.end, right.position.start);
  if (returnBool && !isComparison(operator))
    fail('bool modifier can only be used on comparison operators', operatorPosition);
  if (isComparison(operator) && !returnBool && leftType === 'scalar' && rightType === 'scalar')
    fail('comparisons between scalars must use BOOL modifier', operatorPosition);
  if (matching?.on === true) {
    const both = matching.labels.find((label) => matching.include.includes(label));
    if (both !== undefined)
      fail(`label ${JSON.stringify(both)} must not occur in ON and GROUP clause at once`, operatorPosition);
  }
  for (const part of [left, right]) {
    const type = typeOf(part);
    if (type !== 'scalar' && type !== 'vector')
      fail('binary expression must contain only scalar and instant vector types', part.position);
  }
  const filled = matching?.fillLeft !== undefined || matching?.fillRight !== undefined;
  if (leftType !== 'vector' || rightType !== 'vector') {
    if ((matching?.labels.length ?? 0) > 0) fail('vector matching only allowed between instant vectors', position);
    if (filled) fail('filling in missing series only allowed between instant vectors', position);
  } else if (isSetOperator(operator)) {
    if (matching !== undefined && matching.cardinality !== 'one-to-one')
      fail(`no grouping allowed for ${JSON.stringify(operator)} operation`, position);
    if (filled) fail('filling in missing series not allowed for set operators', position);
  }
  if ((leftType === 'scalar' || rightType === 'scalar') && isSetOperator(operator))
    fail(`set operator ${JSON.stringify(operator)} not allowed in binary scalar expression`, position);
}

function trimmed(query: string, start: number, end: number): PositionRange {
  const text = query.slice(start, end);
  return { start: start + text.length - text.trimStart().length, end: end - text.length + text.trimEnd().length };
}

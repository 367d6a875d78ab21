import { InvalidDuration } from '../errors.ts';
import {
  type DurationExpression,
  type Expression,
  mapChildren,
  type TimeModifiers,
  withoutParentheses,
} from '../syntax/ast.ts';
import { MAX_DURATION_SECONDS } from '../syntax/literals.ts';
import type { PositionRange } from '../syntax/position.ts';

/** What `start()`, `end()`, `step()` and `range()` stand for, milliseconds. */
export interface QueryTimes {
  readonly start: number;
  readonly end: number;
  /** 0 of an instant query. */
  readonly step: number;
}

/**
 * An expression with everything put in that depends only on the times of the query, and without parentheses around
 * arguments.
 *
 * @throws InvalidDuration
 */
export function prepare(expression: Expression, times: QueryTimes): Expression {
  const prepared = mapChildren(expression, (part) => prepare(part, times));
  switch (prepared.type) {
    case 'vectorSelector':
      return { ...prepared, ...resolved(prepared, times) };
    case 'matrixSelector': {
      const { rangeExpression } = prepared;
      return rangeExpression === undefined ? prepared : { ...prepared, range: positive(rangeExpression, times) };
    }
    case 'subquery': {
      const { rangeExpression, stepExpression } = prepared;
      return {
        ...prepared,
        ...resolved(prepared, times),
        ...(rangeExpression !== undefined && { range: positive(rangeExpression, times) }),
        ...(stepExpression !== undefined && { step: positive(stepExpression, times) }),
      };
    }
    case 'call': {
      const value = queryValue(prepared.function.name, times);
      return value === undefined
        ? { ...prepared, arguments: prepared.arguments.map(withoutParentheses) }
        : { type: 'number', value, duration: false, position: prepared.position };
    }
    default:
      return prepared;
  }
}

function queryValue(name: string, { start, end, step }: QueryTimes): number | undefined {
  if (name === 'start') return start / 1000;
  if (name === 'end') return end / 1000;
  if (name === 'range') return (end - start) / 1000;
  if (name === 'step') return start === end ? 0 : step / 1000;
  return undefined;
}

function resolved({ atEdge, offsetExpression }: TimeModifiers, times: QueryTimes): Partial<TimeModifiers> {
  return {
    ...(atEdge !== undefined && { at: times[atEdge] }),
    ...(offsetExpression !== undefined && { offset: millisOf(offsetExpression, times) }),
  };
}

function positive(expression: DurationExpression, times: QueryTimes): number {
  const millis = millisOf(expression, times);
  if (!(secondsOf(expression, times) > 0)) throw wrong(expression.position, 'duration must be greater than 0');
  return millis;
}

function millisOf(expression: DurationExpression, times: QueryTimes): number {
  const seconds = secondsOf(expression, times);
  if (!Number.isFinite(seconds)) throw wrong(expression.position, 'duration is NaN or infinite');
  if (Math.abs(seconds) > MAX_DURATION_SECONDS) throw wrong(expression.position, 'duration is out of range');
  return Math.trunc(seconds * 1000);
}

function wrong({ start, end }: PositionRange, reason: string): InvalidDuration {
  return new InvalidDuration(`${start}:${end}: ${reason}`);
}

function secondsOf(expression: DurationExpression, times: QueryTimes): number {
  if (expression.type === 'number') return expression.value;
  const { operator, left, right, position } = expression;
  if (operator === 'step') return times.step / 1000;
  if (operator === 'range') return (times.end - times.start) / 1000;
  const other = right === undefined ? 0 : secondsOf(right, times);
  if (left === undefined) return operator === '-' ? -other : other;
  const one = secondsOf(left, times);
  if (other === 0 && operator === '/') throw wrong(position, 'division by zero');
  if (other === 0 && operator === '%') throw wrong(position, 'modulo by zero');
  switch (operator) {
    case 'max_of':
      return Math.max(one, other);
    case 'min_of':
      return Math.min(one, other);
    case '+':
      return one + other;
    case '-':
      return one - other;
    case '*':
      return one * other;
    case '/':
      return one / other;
    case '%':
      return one % other;
    case '^':
      return one ** other;
  }
}

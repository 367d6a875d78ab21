import type { PositionRange } from '../syntax/position.ts';
import type { Operator } from '../syntax/tokens.ts';
import type { EvaluationContext } from './context.ts';

/** Operators that make another metric of their operands: the name goes. */
const ARITHMETIC: ReadonlySet<Operator> = new Set<Operator>(['+', '-', '*', '/', '%', '^', 'atan2']);

export function isArithmetic(operator: Operator): boolean {
  return ARITHMETIC.has(operator);
}

/** Value of two numbers; of a comparison 1 or 0. `</` and `>/` are for native histograms. */
export function calculate(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '^':
      return power(left, right);
    case 'atan2':
      return Math.atan2(left, right);
    default:
      return compare(operator, left, right) ? 1 : 0;
  }
}

/** Go's and C's power: one to whatever is one. JavaScript gives NaN for an infinite or missing exponent. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

export function compare(operator: Operator, left: number, right: number): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    default:
      return false;
  }
}

/** `</` and `>/` cut native histograms: between floats they have no result. */
export function noteTrim(operator: Operator, context: EvaluationContext, position: PositionRange): void {
  context.annotations.incompatibleTypes('float', operator, 'float', position);
}

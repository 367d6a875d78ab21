import type { DurationExpression, DurationOperation, NumberLiteral } from './ast.ts';
import { DurationError, MAX_DURATION_SECONDS, parseDuration, parseNumber } from './literals.ts';
import { type PositionRange, spanning } from './position.ts';
import type { TokenStream } from './token-stream.ts';

const PRECEDENCE: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 };
const WANTED = 'number, duration, step(), or range()';

/** A number or duration token as a literal. */
export function parseNumberLiteral(tokens: TokenStream): NumberLiteral {
  const token = tokens.take();
  const position = { start: token.start, end: token.end };
  if (token.kind === 'duration') {
    try {
      return { type: 'number', value: parseDuration(token.text) / 1000, duration: true, position };
    } catch (error) {
      if (error instanceof DurationError) throw tokens.error(error.message, token);
      throw error;
    }
  }
  const value = parseNumber(token.text);
  if (value === undefined)
    throw tokens.error(
      `error parsing number: strconv.ParseFloat: parsing ${JSON.stringify(token.text)}: invalid syntax`,
      token,
    );
  return { type: 'number', value, duration: false, position };
}

/** Reads the duration between brackets and after `offset`, which may be arithmetic. */
export class DurationParser {
  readonly #tokens: TokenStream;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  /** A duration that must be above zero. @param context how an error names the place */
  positive(context: string, wanted = WANTED): DurationExpression {
    if (!this.#canBegin()) this.#tokens.unexpected(context, wanted);
    const duration = this.#operation(1);
    if (duration.type === 'number' && !(duration.value > 0))
      throw this.#tokens.error('duration must be greater than 0', duration.position);
    return duration;
  }

  /** What follows `offset`: one operand, so that `x offset 1m + y` adds `y` to the shifted `x`. */
  offset(): DurationExpression {
    if (!this.#canBegin()) this.#tokens.unexpected('offset', WANTED);
    const sign = this.#tokens.takeIf('-') ?? this.#tokens.takeIf('+');
    if (sign !== undefined && !this.#canBegin()) this.#tokens.unexpected('offset', WANTED);
    const operand = this.#operand();
    return sign === undefined ? operand : this.#signed(sign.kind === '-', operand, sign);
  }

  #canBegin(): boolean {
    return ['number', 'duration', '+', '-', '(', 'step', 'range', 'max_of', 'min_of'].includes(
      this.#tokens.current.kind,
    );
  }

  #operation(least: number): DurationExpression {
    let left = this.#signedOperand();
    for (;;) {
      const { kind } = this.#tokens.current;
      const precedence = PRECEDENCE[kind];
      if (precedence === undefined || precedence < least) return left;
      const token = this.#tokens.take();
      const right = this.#operation(kind === '^' ? precedence : precedence + 1);
      if ((kind === '/' || kind === '%') && right.type === 'number' && right.value === 0)
        throw this.#tokens.error(kind === '/' ? 'division by zero' : 'modulo by zero', token);
      left = {
        type: 'duration',
        operator: kind as DurationOperation['operator'],
        left,
        right,
        wrapped: false,
        position: spanning(left.position, right.position),
      };
    }
  }

  #signedOperand(): DurationExpression {
    const sign = this.#tokens.takeIf('-') ?? this.#tokens.takeIf('+');
    if (sign === undefined) return this.#operand();
    return this.#signed(sign.kind === '-', this.#operation(3), sign);
  }

  #signed(negative: boolean, operand: DurationExpression, sign: PositionRange): DurationExpression {
    const position = spanning(sign, operand.position);
    if (operand.type === 'number') return { ...operand, value: negative ? -operand.value : operand.value, position };
    return negative ? { type: 'duration', operator: '-', right: operand, wrapped: false, position } : operand;
  }

  #operand(): DurationExpression {
    const token = this.#tokens.current;
    switch (token.kind) {
      case 'number':
      case 'duration': {
        const literal = parseNumberLiteral(this.#tokens);
        if (Math.abs(literal.value) > MAX_DURATION_SECONDS)
          throw this.#tokens.error('duration out of range', literal.position);
        return literal;
      }
      case 'step':
      case 'range':
      case 'max_of':
      case 'min_of':
        return this.#call(token.kind);
      case '(': {
        this.#tokens.take();
        const inner = this.#operation(1);
        const { end } = this.#tokens.expect(')');
        const position = { start: token.start, end };
        // A literal has no place for "in parentheses", so that it becomes an operation that does nothing.
        return inner.type === 'duration'
          ? { ...inner, wrapped: true }
          : { type: 'duration', operator: '+', right: inner, wrapped: true, position };
      }
      default:
        return this.#tokens.unexpected();
    }
  }

  #call(operator: 'step' | 'range' | 'max_of' | 'min_of'): DurationOperation {
    const { start } = this.#tokens.take();
    this.#tokens.expect('(');
    let parts: { left?: DurationExpression; right?: DurationExpression } = {};
    if (operator === 'max_of' || operator === 'min_of') {
      const left = this.#operation(1);
      this.#tokens.expect(',');
      parts = { left, right: this.#operation(1) };
    }
    const { end } = this.#tokens.expect(')');
    return { type: 'duration', operator, ...parts, wrapped: false, position: { start, end } };
  }
}

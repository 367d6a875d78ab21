import type { ParseError } from '../errors.ts';
import type {
  Aggregation,
  Call,
  DurationExpression,
  Expression,
  StringLiteral,
  Subquery,
  VectorSelector,
} from './ast.ts';
import { DurationParser, parseNumberLiteral } from './duration-parser.ts';
import { FUNCTIONS } from './function-table.ts';
import { unquote } from './literals.ts';
import { BinaryModifierParser } from './modifier-parser.ts';
import type { PositionRange } from './position.ts';
import { parseLabelList, parseVectorSelector } from './selector-parser.ts';
import { withAt, withAtEdge, withExtension, withOffset } from './time-modifiers.ts';
import { TokenStream } from './token-stream.ts';
import { type Aggregator, isAggregator, isOperator, METRIC_NAME_WORDS, type Token, type TokenKind } from './tokens.ts';
import { checkTypes } from './type-check.ts';

/** What Prometheus keeps behind feature flags. All off by default, as in a Prometheus without flags. */
export interface ParserOptions {
  readonly experimentalFunctions?: boolean;
  readonly fillModifiers?: boolean;
}

/** Characters of one expression. */
const MAX_LENGTH = 64 * 1024;
/** Expressions within expressions: beyond, the stack of the thread would end first. */
const MAX_DEPTH = 500;

const PRECEDENCE: Readonly<Partial<Record<TokenKind, number>>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<=': 3,
  '<': 3,
  '>=': 3,
  '>': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
};
const POWER = 6;

/** Aggregations that take a parameter before the vector. */
export const WITH_PARAMETER: ReadonlySet<Aggregator> = new Set<Aggregator>([
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
]);

/**
 * Reads and type-checks a PromQL expression (Prometheus 3).
 *
 * @throws ParseError with Prometheus's position and text
 */
export function parseExpression(query: string, options: ParserOptions = {}): Expression {
  const parser = new Parser(query, options);
  const expression = parser.whole();
  checkTypes(expression, query);
  return expression;
}

/**
 * Reads a selector alone, as in `match[]`. It may select everything: whether that is allowed is for the caller to say.
 *
 * @throws ParseError
 */
export function parseSelector(query: string): VectorSelector {
  return new Parser(query, {}).selector();
}

class Parser {
  readonly #tokens: TokenStream;
  readonly #options: ParserOptions;
  readonly #durations: DurationParser;
  #depth = 0;

  constructor(query: string, options: ParserOptions) {
    this.#tokens = new TokenStream(query.length > MAX_LENGTH ? '' : query);
    if (query.length > MAX_LENGTH)
      throw this.#error(`expression too long: got ${query.length} characters, wanted at most ${MAX_LENGTH}`);
    this.#options = options;
    this.#durations = new DurationParser(this.#tokens);
  }

  whole(): Expression {
    if (this.#tokens.is('end of input')) throw this.#error('no expression found in input');
    const expression = this.#binary(1);
    if (!this.#tokens.is('end of input')) this.#tokens.unexpected();
    return expression;
  }

  selector(): VectorSelector {
    const name = METRIC_NAME_WORDS.has(this.#tokens.current.kind) ? this.#tokens.take() : undefined;
    if (name === undefined && !this.#tokens.is('{')) this.#tokens.unexpected();
    const selector = parseVectorSelector(this.#tokens, name);
    if (!this.#tokens.is('end of input')) this.#tokens.unexpected();
    return selector;
  }

  #error(reason: string, position: PositionRange = { start: 0, end: 0 }): ParseError {
    return this.#tokens.error(reason, position);
  }

  #binary(least: number): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#error(`expression nested deeper than ${MAX_DEPTH}`, this.#tokens.current);
    let left = this.#unary();
    for (;;) {
      const { kind } = this.#tokens.current;
      const precedence = PRECEDENCE[kind];
      if (precedence === undefined || precedence < least || !isOperator(kind)) break;
      this.#tokens.take();
      const modifiers = new BinaryModifierParser(this.#tokens).read();
      const right = this.#binary(kind === '^' ? precedence : precedence + 1);
      const position = { start: left.position.start, end: right.position.end };
      const { fillLeft, fillRight } = modifiers.matching;
      if ((fillLeft !== undefined || fillRight !== undefined) && this.#options.fillModifiers !== true)
        throw this.#error('binop fill modifiers are experimental and not enabled', position);
      left = { type: 'binary', operator: kind, left, right, ...modifiers, position };
    }
    this.#depth -= 1;
    return left;
  }

  #unary(): Expression {
    const sign = this.#tokens.takeIf('-') ?? this.#tokens.takeIf('+');
    if (sign === undefined) return this.#postfix(this.#primary());
    // Binds as `*`: only powers and postfix operators go before it.
    const operand = this.#binary(POWER);
    const position = { start: sign.start, end: operand.position.end };
    if (operand.type === 'number')
      return { ...operand, value: sign.kind === '-' ? -operand.value : operand.value, position };
    return { type: 'unary', operator: sign.kind as '+' | '-', expression: operand, position };
  }

  #primary(): Expression {
    const token = this.#tokens.current;
    switch (token.kind) {
      case 'number':
      case 'duration':
        return parseNumberLiteral(this.#tokens);
      case 'string':
        return this.#stringLiteral();
      case '{':
        return parseVectorSelector(this.#tokens, undefined);
      case '(': {
        this.#tokens.take();
        const expression = this.#binary(1);
        const { end } = this.#tokens.expect(')');
        return { type: 'parentheses', expression, position: { start: token.start, end } };
      }
      default:
        return this.#named(token);
    }
  }

  /** What begins with a word: an aggregation, a call, or a selector. */
  #named(token: Token): Expression {
    if (!METRIC_NAME_WORDS.has(token.kind)) this.#tokens.unexpected();
    this.#tokens.take();
    if (isAggregator(token.kind)) return this.#aggregationOrSelector(token, token.kind);
    const callable = token.kind === 'identifier' || FUNCTIONS.has(token.kind);
    return callable && this.#tokens.is('(') ? this.#call(token) : parseVectorSelector(this.#tokens, token);
  }

  #stringLiteral(): StringLiteral {
    const { text, start, end } = this.#tokens.take();
    return { type: 'string', value: unquote(text), position: { start, end } };
  }

  /** `offset`, `@`, ranges and the like, which follow their operand. */
  #postfix(expression: Expression): Expression {
    for (;;) {
      switch (this.#tokens.current.kind) {
        case 'offset': {
          this.#tokens.take();
          expression = withOffset(expression, this.#durations.offset(), this.#tokens);
          break;
        }
        case '@':
          this.#tokens.take();
          expression = this.#at(expression);
          break;
        case 'anchored':
        case 'smoothed': {
          const extension = this.#tokens.take().kind as 'anchored' | 'smoothed';
          expression = withExtension(expression, extension, this.#tokens);
          break;
        }
        case '[':
          expression = this.#range(expression);
          break;
        default:
          return expression;
      }
    }
  }

  #at(expression: Expression): Expression {
    const edge = this.#tokens.takeIf('start') ?? this.#tokens.takeIf('end');
    if (edge !== undefined) {
      this.#tokens.expect('(');
      this.#tokens.expect(')');
      return withAtEdge(expression, edge.kind as 'start' | 'end', this.#tokens);
    }
    const sign = this.#tokens.takeIf('-') ?? this.#tokens.takeIf('+');
    if (!this.#tokens.is('number') && !this.#tokens.is('duration')) this.#tokens.unexpected('@', 'timestamp');
    const { value } = parseNumberLiteral(this.#tokens);
    return withAt(expression, sign?.kind === '-' ? -value : value, this.#tokens);
  }

  #range(expression: Expression): Expression {
    const bracket = this.#tokens.take();
    const range = this.#durations.positive('subquery or range selector');
    if (this.#tokens.is(':')) return this.#subquery(expression, range);
    this.#tokens.expect(']', 'subquery or range', '":" or "]"');
    const brackets = { start: bracket.start, end: this.#tokens.end };
    if (expression.type !== 'vectorSelector') throw this.#error('ranges only allowed for vector selectors', brackets);
    if (expression.offset !== 0 || expression.offsetExpression !== undefined)
      throw this.#error('no offset modifiers allowed before range', brackets);
    if (expression.at !== undefined || expression.atEdge !== undefined)
      throw this.#error('no @ modifiers allowed before range', brackets);
    return {
      type: 'matrixSelector',
      selector: expression,
      range: millisOf(range),
      ...(range.type === 'duration' && { rangeExpression: range }),
      position: { start: expression.position.start, end: this.#tokens.end },
    };
  }

  #subquery(expression: Expression, range: DurationExpression): Subquery {
    this.#tokens.take();
    const step = this.#tokens.is(']')
      ? undefined
      : this.#durations.positive('subquery selector', 'number, duration, step(), range(), or "]"');
    this.#tokens.expect(']', 'subquery selector', '"]"');
    return {
      type: 'subquery',
      expression,
      range: millisOf(range),
      ...(range.type === 'duration' && { rangeExpression: range }),
      step: step === undefined ? 0 : millisOf(step),
      ...(step?.type === 'duration' && { stepExpression: step }),
      offset: 0,
      position: { start: expression.position.start, end: this.#tokens.end },
    };
  }

  #arguments(): Expression[] {
    this.#tokens.expect('(');
    const values: Expression[] = [];
    while (!this.#tokens.is(')')) {
      values.push(this.#binary(1));
      if (this.#tokens.is(')')) break;
      const comma = this.#tokens.expect(',');
      if (this.#tokens.is(')')) throw this.#error('trailing commas not allowed in function call args', comma);
    }
    this.#tokens.expect(')');
    return values;
  }

  #call(name: Token): Call {
    const values = this.#arguments();
    const signature = FUNCTIONS.get(name.text);
    if (signature === undefined) throw this.#error(`unknown function with name ${JSON.stringify(name.text)}`, name);
    if (signature.experimental && this.#options.experimentalFunctions !== true)
      throw this.#error(`function ${JSON.stringify(name.text)} is not enabled`, name);
    return {
      type: 'call',
      function: signature,
      arguments: values,
      position: { start: name.start, end: this.#tokens.end },
    };
  }

  #aggregationOrSelector(token: Token, operator: Aggregator): Expression {
    const { kind } = this.#tokens.current;
    if (kind === '(' || kind === 'by' || kind === 'without') return this.#aggregation(token, operator);
    const maySelect =
      isOperator(kind) ||
      ['end of input', ')', ']', '[', '{', ',', '@', 'offset', 'anchored', 'smoothed'].includes(kind);
    return maySelect ? parseVectorSelector(this.#tokens, token) : this.#tokens.unexpected('aggregation');
  }

  #aggregation(token: Token, operator: Aggregator): Aggregation {
    let clause = this.#grouping();
    if (!this.#tokens.is('(')) this.#tokens.unexpected('aggregation');
    const values = this.#arguments();
    clause ??= this.#grouping();
    const position = { start: token.start, end: this.#tokens.end };
    if (values.length === 0) throw this.#error('no arguments for aggregate expression provided', position);
    if ((operator === 'limitk' || operator === 'limit_ratio') && this.#options.experimentalFunctions !== true)
      throw this.#error(
        `${operator}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
        position,
      );
    const wanted = WITH_PARAMETER.has(operator) ? 2 : 1;
    if (values.length !== wanted)
      throw this.#error(
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${values.length}`,
        position,
      );
    return {
      type: 'aggregation',
      operator,
      expression: values[wanted - 1]!,
      ...(wanted === 2 && { parameter: values[0]! }),
      grouping: clause?.grouping ?? [],
      without: clause?.without ?? false,
      position,
    };
  }

  #grouping(): { grouping: string[]; without: boolean } | undefined {
    const word = this.#tokens.takeIf('by') ?? this.#tokens.takeIf('without');
    return word === undefined
      ? undefined
      : { grouping: parseLabelList(this.#tokens), without: word.kind === 'without' };
  }
}

function millisOf(duration: DurationExpression): number {
  return duration.type === 'number' ? Math.trunc(Math.round(duration.value * 1e9) / 1e6) : 0;
}

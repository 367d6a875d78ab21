import { ParseError } from '../errors.ts';
import { Lexer } from './lexer.ts';
import type { PositionRange } from './position.ts';
import { describeToken, type Token, type TokenKind } from './tokens.ts';

/** The tokens of a query with one token of lookahead, and the errors that name it. */
export class TokenStream {
  readonly query: string;
  readonly #lexer: Lexer;
  #current: Token;
  /** End of the last token taken. */
  #end = 0;

  constructor(query: string) {
    this.query = query;
    this.#lexer = new Lexer(query);
    this.#current = this.#read();
  }

  get current(): Token {
    return this.#current;
  }

  /** Offset after the last token that was taken. */
  get end(): number {
    return this.#end;
  }

  is(kind: TokenKind): boolean {
    return this.#current.kind === kind;
  }

  take(): Token {
    const token = this.#current;
    this.#end = token.end;
    if (token.kind !== 'end of input') this.#current = this.#read();
    return token;
  }

  /** Takes the token if it is of this kind. */
  takeIf(kind: TokenKind): Token | undefined {
    return this.is(kind) ? this.take() : undefined;
  }

  /** Takes a token of this kind. @throws ParseError worded with the context */
  expect(kind: TokenKind, context = '', expected = ''): Token {
    return this.is(kind) ? this.take() : this.unexpected(context, expected);
  }

  /** @throws ParseError always: what stands here does not belong here */
  unexpected(context = '', expected = ''): never {
    throw this.error(
      `unexpected ${describeToken(this.#current)}${context === '' ? '' : ` in ${context}`}${expected === '' ? '' : `, expected ${expected}`}`,
      this.#current,
    );
  }

  error(reason: string, position: PositionRange): ParseError {
    return new ParseError(reason, position, this.query);
  }

  #read(): Token {
    const token = this.#lexer.next();
    if (token.kind === 'error') throw this.error(token.text, token);
    return token;
  }
}

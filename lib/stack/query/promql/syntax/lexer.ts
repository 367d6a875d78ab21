import { RESERVED_WORDS, type Token, type TokenKind } from './tokens.ts';

const SPACE = /[ \t\n\r]*/y;
const COMMENT = /#[^\r\n]*/y;
const WORD = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const WORD_WITH_COLONS = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const HEXADECIMAL = /0[xX]_?[\da-fA-F]+(?:_[\da-fA-F]+)*/y;
const NUMBER = /(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?/y;
const DURATION = /\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdw]))*/y;
const BAD_NUMBER = /[\w.]+/y;
const SYMBOLS: readonly TokenKind[] = [
  '==',
  '=',
  '!=',
  '<=',
  '</',
  '<',
  '>=',
  '>/',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  ',',
  '@',
];

/** Splits a query into tokens, one at a time. After an error, or the end, there is nothing more. */
export class Lexer {
  readonly #input: string;
  #at = 0;
  #parentheses = 0;
  #inBraces = false;
  #inBrackets = false;
  #gotColon = false;
  /** Behind a bracket, before its first number: only a duration may come. */
  #wantsDuration = false;

  constructor(input: string) {
    this.#input = input;
  }

  next(): Token {
    for (;;) {
      this.#take(SPACE);
      if (this.#take(COMMENT) === undefined) break;
    }
    if (this.#inBraces) return this.#insideBraces();
    const start = this.#at;
    const character = this.#character();
    if (this.#wantsDuration) {
      const wrong = this.#noDuration(character);
      if (wrong !== undefined) return wrong;
    }
    if (character === '') {
      if (this.#parentheses !== 0) return this.#error('unclosed left parenthesis');
      if (this.#inBrackets) return this.#error('unclosed left bracket');
      return { kind: 'end of input', text: '', start, end: start };
    }
    if (/\d/.test(character) || /^\.\d/.test(this.#input.slice(start, start + 2))) return this.#number();
    if (character === '"' || character === "'" || character === '`') return this.#string(character);
    if (/[a-zA-Z_:]/.test(character)) return this.#inBrackets ? this.#wordInBrackets(character) : this.#word();
    if (this.#input.startsWith('=~', start)) return this.#error(`unexpected character after '=': '~'`);
    const symbol = SYMBOLS.find((candidate) => this.#input.startsWith(candidate, start));
    if (symbol !== undefined) return this.#symbol(symbol);
    if (character === '!') return this.#error(`unexpected character after '!': ${rune(this.#input.slice(start + 1))}`);
    return this.#grouping(character);
  }

  /** @returns the error when a character begins no duration */
  #noDuration(character: string): Token | undefined {
    if (character === '') return this.#error('unexpected end of input in duration expression');
    if (character === ':') {
      this.#at += 1;
      return this.#error('unexpected colon before duration in duration expression');
    }
    if (/[\d.]/.test(character)) this.#wantsDuration = false;
    else if (!/[\]()+\-*/%^,srmSRM]/.test(character))
      return this.#error(`unexpected character in duration expression: ${rune(character)}`);
    return undefined;
  }

  #grouping(character: string): Token {
    switch (character) {
      case '(':
        this.#parentheses += 1;
        return this.#symbol('(');
      case ')':
        this.#parentheses -= 1;
        if (this.#parentheses >= 0) return this.#symbol(')');
        this.#at += 1;
        return this.#error(`unexpected right parenthesis ')'`);
      case '{':
        this.#inBraces = true;
        return this.#symbol('{');
      case '[':
        if (this.#inBrackets) return this.#error(`unexpected left bracket '['`);
        this.#inBrackets = true;
        this.#wantsDuration = true;
        this.#gotColon = false;
        return this.#symbol('[');
      case ']':
        if (!this.#inBrackets) return this.#error(`unexpected right bracket ']'`);
        this.#inBrackets = false;
        this.#wantsDuration = false;
        return this.#symbol(']');
      default:
        return this.#error(`unexpected character: ${rune(this.#input.slice(this.#at))}`);
    }
  }

  #insideBraces(): Token {
    const start = this.#at;
    const character = this.#character();
    const word = this.#take(WORD);
    if (word !== undefined) return { kind: 'identifier', text: word, start, end: this.#at };
    switch (character) {
      case '':
        return this.#error('unexpected end of input inside braces');
      case ',':
        return this.#symbol(',');
      case '"':
      case "'":
      case '`':
        return this.#string(character);
      case '=':
        return this.#symbol(this.#input[start + 1] === '~' ? '=~' : '=');
      case '!': {
        const next = this.#input[start + 1];
        if (next === '~' || next === '=') return this.#symbol(`!${next}`);
        return this.#error(`unexpected character after '!' inside braces: ${rune(this.#input.slice(start + 1))}`);
      }
      case '{':
        return this.#error(`unexpected left brace '{'`);
      case '}':
        this.#inBraces = false;
        return this.#symbol('}');
      default:
        return this.#error(`unexpected character inside braces: ${rune(this.#input.slice(start))}`);
    }
  }

  #word(): Token {
    const start = this.#at;
    const text = this.#take(WORD_WITH_COLONS)!;
    let kind: TokenKind =
      RESERVED_WORDS.get(text.toLowerCase()) ?? (text.includes(':') ? 'metric identifier' : 'identifier');
    // As metric names these are older than the modifiers.
    if (/^fill(?:_left|_right)?$/.test(kind) && !/^[ \t\n\r]*\(/.test(this.#input.slice(this.#at))) kind = 'identifier';
    return { kind, text, start, end: this.#at };
  }

  #wordInBrackets(character: string): Token {
    const start = this.#at;
    if (character === ':') {
      if (this.#gotColon) return this.#error(`unexpected colon ':'`);
      this.#gotColon = true;
      return this.#symbol(':');
    }
    const word = this.#peek(WORD)?.toLowerCase() ?? '';
    if (word === 'step' || word === 'range' || word === 'max_of' || word === 'min_of') {
      const text = this.#take(WORD)!;
      return { kind: word, text, start, end: this.#at };
    }
    return this.#error(
      this.#wantsDuration
        ? `unexpected character in duration expression: ${rune(character)}`
        : `unexpected character: ${rune(character)}, expected ':'`,
    );
  }

  #number(): Token {
    const start = this.#at;
    for (const [kind, pattern] of [
      ['number', HEXADECIMAL],
      ['duration', DURATION],
      ['number', NUMBER],
    ] as const) {
      const text = this.#peek(pattern);
      const next = this.#input[start + (text?.length ?? 0)] ?? '';
      if (text === undefined || /[\w.]/.test(next)) continue;
      this.#at += text.length;
      return { kind, text, start, end: this.#at };
    }
    return this.#error(`bad number or duration syntax: ${JSON.stringify(this.#peek(BAD_NUMBER))}`);
  }

  #string(quoteMark: string): Token {
    const start = this.#at;
    this.#at += 1;
    for (;;) {
      const character = this.#character();
      if (character === '' || (character === '\n' && quoteMark !== '`')) {
        this.#at = start;
        return this.#error(quoteMark === '`' ? 'unterminated raw string' : 'unterminated quoted string');
      }
      this.#at += character.length;
      if (character === quoteMark) {
        return { kind: 'string', text: this.#input.slice(start, this.#at), start, end: this.#at };
      }
      if (character === '\\' && quoteMark !== '`') {
        const wrong = this.#escape(quoteMark);
        if (wrong !== undefined) {
          this.#at = start;
          return this.#error(wrong);
        }
      }
    }
  }

  /** @returns what is wrong with the escape sequence whose backslash was read */
  #escape(quoteMark: string): string | undefined {
    const character = this.#character();
    if (character === '') return 'escape sequence not terminated';
    if (character === quoteMark || 'abfnrtv\\'.includes(character)) {
      this.#at += 1;
      return undefined;
    }
    const digits = { x: 2, u: 4, U: 8 }[character] ?? (/[0-7]/.test(character) ? 3 : undefined);
    if (digits === undefined) return `unknown escape sequence ${codePoint(character)}`;
    if (digits !== 3) this.#at += 1;
    const allowed = digits === 3 ? /[0-7]/ : /[\da-fA-F]/;
    let value = 0;
    for (let index = 0; index < digits; index += 1) {
      const digit = this.#character();
      if (digit === '') return 'escape sequence not terminated';
      if (!allowed.test(digit)) return `illegal character ${codePoint(digit)} in escape sequence`;
      value = value * (digits === 3 ? 8 : 16) + Number.parseInt(digit, 16);
      this.#at += 1;
    }
    const most = digits <= 3 ? 255 : 0x10ffff;
    if (value > most || (value >= 0xd800 && value < 0xe000)) return 'escape sequence is an invalid Unicode code point';
    return undefined;
  }

  #symbol(kind: TokenKind): Token {
    const start = this.#at;
    this.#at += kind.length;
    return { kind, text: kind, start, end: this.#at };
  }

  #error(text: string): Token {
    const start = this.#at;
    this.#at = this.#input.length;
    return { kind: 'error', text, start, end: this.#input.length };
  }

  #character(): string {
    const point = this.#input.codePointAt(this.#at);
    return point === undefined ? '' : String.fromCodePoint(point);
  }

  #peek(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#input)?.[0];
  }

  #take(pattern: RegExp): string | undefined {
    const found = this.#peek(pattern);
    this.#at += found?.length ?? 0;
    return found;
  }
}

/** One character as Go's `%q` writes it. */
function rune(text: string): string {
  const point = text.codePointAt(0);
  if (point === undefined) return "'\uFFFD'";
  const character = String.fromCodePoint(point);
  if (character === "'") return "'\\''";
  return `'${JSON.stringify(character).slice(1, -1).replace('\\"', '"')}'`;
}

/** As Go's `%#U`. */
function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${character}'`;
}

import { YamlMistake, type YamlNode } from './yaml-node.ts';
import { readScalar } from './yaml-scalar.ts';

/** Levels of one value; each costs a stack frame. */
const MAX_DEPTH = 64;

interface Token {
  /** A bracket, brace, comma or colon; `text` for a scalar. */
  readonly kind: string;
  readonly text: string;
  readonly line: number;
}

const TOKEN =
  /\s*(?:([[\]{},])|(:)(?=[\s,[\]{}"']|$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|((?:[^\s,[\]{}:]|:(?![\s,[\]{}]|$)|[ \t](?![\s#]))+))/y;

/** A value in brackets or braces, over one line or several. JSON is one. */
export class YamlFlow {
  readonly #tokens: Token[] = [];
  #line: number;
  #open = 0;
  #at = 0;

  constructor(line: number) {
    this.#line = line;
  }

  /** Takes the next line. @returns whether it ends the value @throws YamlMistake */
  add(text: string): boolean {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length && text.slice(TOKEN.lastIndex).trim() !== '') {
      if (this.#tokens.length > 0 && this.#open === 0) throw new YamlMistake(this.#line, 'something after the bracket');
      // A colon after quotes needs no blank, as in JSON.
      const adjacent = /^["']/.test(this.#tokens.at(-1)?.text ?? '') ? /\s*:/y : undefined;
      if (adjacent !== undefined) {
        adjacent.lastIndex = TOKEN.lastIndex;
        if (adjacent.test(text)) {
          this.#tokens.push({ kind: ':', text: '', line: this.#line });
          TOKEN.lastIndex = adjacent.lastIndex;
          continue;
        }
      }
      const match = TOKEN.exec(text);
      if (match === null) throw new YamlMistake(this.#line, `cannot be read: ${text.slice(0, 60)}`);
      const [, bracket, colon, quoted, plain] = match;
      const kind = bracket ?? colon ?? 'text';
      if (kind === '[' || kind === '{') this.#open += 1;
      if (kind === ']' || kind === '}') this.#open -= 1;
      this.#tokens.push({ kind, text: quoted ?? plain ?? '', line: this.#line });
    }
    this.#line += 1;
    return this.#tokens.length > 0 && this.#open <= 0;
  }

  /** @throws YamlMistake */
  read(): YamlNode {
    return this.#value(0);
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new YamlMistake(this.#line - 1, 'a bracket is not closed');
    this.#at += 1;
    return token;
  }

  #is(kind: string): boolean {
    return this.#tokens[this.#at]?.kind === kind;
  }

  #value(depth: number): YamlNode {
    const token = this.#next();
    if (depth > MAX_DEPTH) throw new YamlMistake(token.line, `got more than ${MAX_DEPTH} levels`);
    if (token.kind === '[') return this.#list(token.line, depth);
    if (token.kind === '{') return this.#map(token.line, depth);
    if (token.kind !== 'text') throw new YamlMistake(token.line, `got ${token.kind}, wanted a value`);
    const { text, plain } = readScalar(token.text, token.line);
    return plain && (text === '~' || text === 'null')
      ? { kind: 'null', line: token.line }
      : { kind: 'scalar', text, line: token.line };
  }

  #list(line: number, depth: number): YamlNode {
    const items: YamlNode[] = [];
    while (!this.#is(']')) {
      items.push(this.#value(depth + 1));
      if (!this.#is(']')) this.#expect(',');
    }
    this.#next();
    return { kind: 'list', items, line };
  }

  #map(line: number, depth: number): YamlNode {
    const entries = new Map<string, { line: number; value: YamlNode }>();
    while (!this.#is('}')) {
      const token = this.#next();
      if (token.kind !== 'text') throw new YamlMistake(token.line, `got ${token.kind}, wanted a key`);
      const key = readScalar(token.text, token.line).text;
      if (entries.has(key)) throw new YamlMistake(token.line, `key ${key} twice`);
      this.#expect(':');
      entries.set(key, { line: token.line, value: this.#value(depth + 1) });
      if (!this.#is('}')) this.#expect(',');
    }
    this.#next();
    return { kind: 'map', entries, line };
  }

  #expect(kind: string): void {
    const token = this.#next();
    if (token.kind !== kind) throw new YamlMistake(token.line, `got ${token.text || token.kind}, wanted ${kind}`);
  }
}

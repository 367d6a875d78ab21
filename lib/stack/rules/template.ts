import { parseNumber, unquote } from '../query/promql/syntax/literals.ts';
import type { Labels } from '../store/store.ts';
import { TEMPLATE_FUNCTIONS, type TemplateFunction } from './template-functions.ts';
import { ExpansionError, isTrue, MAX_TEXT, type TemplateValue, textOfValue } from './template-values.ts';

/** What is wrong with, or not supported of, a template. */
export class TemplateMistake extends Error {
  override readonly name = 'TemplateMistake';
}

/** What an alert gives its templates. */
export interface TemplateData {
  readonly labels: Labels;
  readonly externalLabels: Labels;
  readonly externalUrl: string;
  readonly value: number;
}

/** A template, read once. @throws ExpansionError */
export type Template = (data: TemplateData) => string;

type Part = (data: TemplateData) => string;
type Operand = (data: TemplateData) => TemplateValue;

/** Characters of one template. */
const MAX_TEMPLATE = 64 * 1024;
/** Parentheses and conditions inside of each other; each costs a stack frame. */
const MAX_DEPTH = 32;

/**
 * Reads the part of Go's template language that alerts use: `{{ $labels.x }}`, `{{ $value }}`, `.Labels`, `.Value`,
 * `$externalLabels`, `$externalURL`, pipelines, the functions of `TEMPLATE_FUNCTIONS`, `if`, `else if`, `else`, trimming and
 * comments. What else there is (queries, loops, variables) is refused.
 *
 * @throws TemplateMistake
 */
export function compileTemplate(text: string): Template {
  if (text.length > MAX_TEMPLATE) throw new TemplateMistake(`longer than ${MAX_TEMPLATE} characters`);
  const parts = new Compiler(split(text)).parts(0);
  return (data) => {
    const result = parts(data);
    if (result.length > MAX_TEXT) throw new ExpansionError(`longer than ${MAX_TEXT} characters`);
    return result;
  };
}

type Piece = { readonly kind: 'text' | 'action'; readonly text: string };

/** Texts and actions in turn; `{{-` and `-}}` trim what is beside them. */
function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  const action = /\{\{(- )?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*.*?\*\/|[^"`])*?)( -)?\}\}/gs;
  let at = 0;
  let trim = false;
  const add = (piece: string, trimEnd: boolean) => {
    const begun = trim ? piece.trimStart() : piece;
    pieces.push({ kind: 'text', text: trimEnd ? begun.trimEnd() : begun });
  };
  for (const match of text.matchAll(action)) {
    add(text.slice(at, match.index), match[1] !== undefined);
    pieces.push({ kind: 'action', text: match[2]!.trim() });
    at = match.index + match[0].length;
    trim = match[3] !== undefined;
  }
  if (text.indexOf('{{', at) >= 0) throw new TemplateMistake('unclosed action');
  add(text.slice(at), false);
  return pieces;
}

class Compiler {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Up to the end of the template or, inside of a condition, to its `else` or `end`. */
  parts(depth: number): Part {
    if (depth > MAX_DEPTH) throw new TemplateMistake(`more than ${MAX_DEPTH} conditions inside of each other`);
    const parts: Part[] = [];
    for (let piece = this.#pieces[this.#at]; piece !== undefined; piece = this.#pieces[this.#at]) {
      const { kind, text } = piece;
      if (kind === 'action' && /^(?:else|end)\b/.test(text)) {
        if (depth === 0) throw new TemplateMistake(`unexpected {{${text}}}`);
        return joined(parts);
      }
      this.#at += 1;
      if (kind === 'text') parts.push(() => text);
      else if (/^if\b/.test(text)) parts.push(this.#condition(text.slice(2), depth));
      else if (!/^\/\*.*\*\/$/s.test(text)) {
        const value = pipeline(text);
        parts.push((data) => textOfValue(value(data)));
      }
    }
    if (depth > 0) throw new TemplateMistake('unexpected EOF: {{end}} is missing');
    return joined(parts);
  }

  #condition(text: string, depth: number): Part {
    const test = pipeline(text);
    const yes = this.parts(depth + 1);
    const next = this.#pieces[this.#at]!.text;
    this.#at += 1;
    let no: Part = () => '';
    if (/^else\s+if\b/.test(next)) no = this.#condition(next.replace(/^else\s+if/, ''), depth + 1);
    else if (next === 'else') {
      no = this.parts(depth + 1);
      if (this.#pieces[this.#at]?.text !== 'end') throw new TemplateMistake('expected {{end}}');
      this.#at += 1;
    } else if (next !== 'end') throw new TemplateMistake(`{{${next}}} is not supported by the local stack`);
    return (data) => (isTrue(test(data)) ? yes(data) : no(data));
  }
}

function joined(parts: readonly Part[]): Part {
  return (data) => parts.map((part) => part(data)).join('');
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[()|]|[^\s()|"`]+)/y;

function pipeline(text: string): Operand {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length && text.slice(TOKEN.lastIndex).trim() !== '') {
    const match = TOKEN.exec(text);
    if (match === null) throw new TemplateMistake(`cannot be read: {{${text}}}`);
    tokens.push(match[1]!);
  }
  const reader = new Pipeline(tokens, text);
  const value = reader.pipe(0);
  reader.finish();
  return value;
}

class Pipeline {
  readonly #tokens: readonly string[];
  readonly #text: string;
  #at = 0;

  constructor(tokens: readonly string[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  finish(): void {
    if (this.#at < this.#tokens.length) this.#refuse(this.#tokens[this.#at]!);
  }

  #refuse(what: string): never {
    throw new TemplateMistake(
      `${what || 'an empty action'} is not supported by the local stack: {{ ${this.#text.trim()} }}`,
    );
  }

  pipe(depth: number): Operand {
    if (depth > MAX_DEPTH) throw new TemplateMistake(`more than ${MAX_DEPTH} parentheses inside of each other`);
    let value = this.#command(undefined, depth);
    while (this.#tokens[this.#at] === '|') {
      this.#at += 1;
      value = this.#command(value, depth);
    }
    return value;
  }

  #command(piped: Operand | undefined, depth: number): Operand {
    const name = this.#tokens[this.#at] ?? '';
    const called = TEMPLATE_FUNCTIONS.get(name);
    if (called === undefined) {
      // Only a function takes what is piped.
      if (piped !== undefined) this.#refuse(name);
      const value = this.#operand(depth);
      if (this.#atOperand()) this.#refuse(this.#tokens[this.#at]!);
      return value;
    }
    this.#at += 1;
    const operands: Operand[] = [];
    while (this.#atOperand()) operands.push(this.#operand(depth));
    if (piped !== undefined) operands.push(piped);
    return callOf(name, called, operands);
  }

  #atOperand(): boolean {
    const token = this.#tokens[this.#at];
    return token !== undefined && token !== '|' && token !== ')';
  }

  #operand(depth: number): Operand {
    const token = this.#tokens[this.#at] ?? '';
    this.#at += 1;
    if (token === '(') {
      const value = this.pipe(depth + 1);
      if (this.#tokens[this.#at] !== ')') throw new TemplateMistake(`unclosed left paren: {{ ${this.#text.trim()} }}`);
      this.#at += 1;
      return value;
    }
    if (/^["`]/.test(token)) {
      const text = unquote(token);
      return () => text;
    }
    if (token === 'true' || token === 'false') return () => token === 'true';
    const number = /^[+-]?[\d.]/.test(token) ? parseNumber(token) : undefined;
    if (number !== undefined) {
      const value = /^[+-]?\d+$/.test(token) ? BigInt(token) : number;
      return () => value;
    }
    const called = TEMPLATE_FUNCTIONS.get(token);
    if (called !== undefined && called.least === 0) return callOf(token, called, []);
    return variableOf(token) ?? this.#refuse(token);
  }
}

function callOf(name: string, called: TemplateFunction, operands: readonly Operand[]): Operand {
  if (operands.length < called.least || operands.length > called.most)
    throw new TemplateMistake(`wrong number of arguments for ${name}: ${operands.length}`);
  return (data) => called.call(operands.map((operand) => operand(data)));
}

const LABELS = /^(?:\$labels|\.Labels|\$\.Labels)(?:\.(\w+))?$/;
const EXTERNAL = /^(?:\$externalLabels|\.ExternalLabels|\$\.ExternalLabels)(?:\.(\w+))?$/;

function variableOf(token: string): Operand | undefined {
  if (/^(?:\$value|\.Value|\$\.Value)$/.test(token)) return (data) => data.value;
  if (/^(?:\$externalURL|\.ExternalURL)$/.test(token)) return (data) => data.externalUrl;
  const label = LABELS.exec(token);
  if (label !== null) return (data) => pick(data.labels, label[1]);
  const external = EXTERNAL.exec(token);
  return external === null ? undefined : (data) => pick(data.externalLabels, external[1]);
}

function pick(labels: Labels, name: string | undefined): TemplateValue {
  if (name === undefined) return labels;
  return Object.hasOwn(labels, name) ? labels[name]! : '';
}

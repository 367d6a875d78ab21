import { truncate } from '../../core/truncate.ts';
import type { LintFormat } from './finding.ts';

/** Characters of a message at most. */
const MESSAGE_LENGTH = 500;

/** A line that no scraper reads. */
export class MalformedLine extends Error {
  readonly code: string;
  readonly column: number;
  readonly fix: string;
  readonly metric: string;

  constructor(code: string, column: number, message: string, fix: string, metric = '') {
    // It quotes the line, which may be a megabyte of anything.
    super(truncate(message, MESSAGE_LENGTH));
    this.code = code;
    this.column = column;
    this.fix = fix;
    this.metric = metric;
  }
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const BLANK = /[ \t]*/y;
const TOKEN = /[^ \t]*/y;

interface SampleLine {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  readonly exemplar: { readonly labels: ReadonlyMap<string, string>; readonly value: number } | undefined;
  readonly exemplarColumn: number;
}

/** Reads one sample line, character by character, so that each mistake has its column. */
export class LineReader {
  private readonly line: string;
  private readonly format: LintFormat;
  private at = 0;
  private metric = '';

  constructor(line: string, format: LintFormat) {
    this.line = line;
    this.format = format;
  }

  /** As Go's `ParseFloat` without hexadecimal and underscores; undefined when it is none. */
  static number(text: string): number | undefined {
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
    const named = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
    if (named === null) return undefined;
    if (named[2]?.toLowerCase() === 'nan') return named[1] === '' ? Number.NaN : undefined;
    return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.line)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private fail(code: string, message: string, fix: string, at = this.at): never {
    throw new MalformedLine(code, at + 1, message, fix, this.metric);
  }

  /** The next character, empty at the end. */
  private peek(): string {
    return this.line[this.at] ?? '';
  }

  sample(): SampleLine {
    this.match(BLANK);
    const start = this.at;
    let name = this.match(NAME);
    if (name === '' && this.peek() !== '{')
      this.fail(
        'metric-name',
        `invalid metric name at ${JSON.stringify(this.line.slice(start, start + 20))}`,
        'start it with a letter or _',
      );
    this.metric = name;
    this.match(BLANK);
    let labels: ReadonlyMap<string, string> = new Map();
    if (this.peek() === '{') {
      const block = this.labels(name === '');
      labels = block.labels;
      name = name === '' ? (block.name ?? '') : name;
      this.metric = name;
    }
    if (name === '') this.fail('metric-name', 'there is no metric name', 'write one before {', start);
    this.match(BLANK);
    const value = this.value('value');
    if (this.peek() === '') return { name, labels, value, exemplar: undefined, exemplarColumn: 0 };
    return { name, labels, value, ...(this.format === 'text' ? this.textEnd() : this.openMetricsEnd()) };
  }

  private value(what: string): number {
    const at = this.at;
    const text = this.match(TOKEN);
    const value = LineReader.number(text);
    if (value === undefined)
      this.fail('value', `the ${what} is no number: ${JSON.stringify(text)}`, 'write a number, +Inf, -Inf or NaN', at);
    return value as number;
  }

  private textEnd(): { exemplar: undefined; exemplarColumn: number } {
    this.match(BLANK);
    const at = this.at;
    const text = this.match(TOKEN);
    if (!/^[+-]?\d+$/.test(text) || BigInt.asIntN(64, BigInt(text.replace('+', ''))) !== BigInt(text.replace('+', '')))
      this.fail(
        'timestamp',
        `the timestamp is no whole number of milliseconds: ${JSON.stringify(text)}`,
        text.startsWith('#') ? 'exemplars belong to OpenMetrics' : 'leave it out',
        at,
      );
    if (this.peek() !== '')
      this.fail(
        'spurious',
        `there is something after the timestamp: ${JSON.stringify(this.line.slice(this.at))}`,
        'leave it out',
      );
    return { exemplar: undefined, exemplarColumn: 0 };
  }

  private openMetricsEnd(): Pick<SampleLine, 'exemplar' | 'exemplarColumn'> {
    this.space();
    if (this.peek() !== '#') {
      this.value('timestamp');
      if (this.peek() === '') return { exemplar: undefined, exemplarColumn: 0 };
      this.space();
    }
    const exemplarColumn = this.at + 1;
    if (!this.line.startsWith('# {', this.at))
      this.fail('exemplar', 'an exemplar is written as # {…} value', 'write it so');
    this.at += 2;
    const { labels } = this.labels(false);
    this.space();
    const value = this.value('value of the exemplar');
    if (this.peek() !== '') {
      this.space();
      this.value('timestamp of the exemplar');
    }
    if (this.peek() !== '') this.fail('spurious', 'there is something after the sample', 'leave it out');
    return { exemplar: { labels, value }, exemplarColumn };
  }

  private space(): void {
    if (this.peek() !== ' ') this.fail('spurious', 'wanted one space', 'write one space');
    this.at += 1;
  }

  /** @param named true: the first member may be the quoted name of the metric */
  private labels(named: boolean): { labels: Map<string, string>; name: string | undefined } {
    const labels = new Map<string, string>();
    let name: string | undefined;
    this.at += 1;
    for (;;) {
      this.match(BLANK);
      if (this.peek() === '}') {
        this.at += 1;
        return { labels, name };
      }
      const at = this.at;
      const quoted = this.peek() === '"' ? this.quoted() : undefined;
      const label = quoted ?? this.match(LABEL);
      this.match(BLANK);
      if (quoted !== undefined && named && name === undefined && this.peek() !== '=') {
        name = quoted;
        if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
          this.fail('metric-name', `invalid metric name ${JSON.stringify(name)}`, 'use letters, digits and _', at);
      } else {
        if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label))
          this.fail(
            'label-name',
            `invalid label name at ${JSON.stringify(this.line.slice(at, at + 20))}`,
            'use letters, digits and _, start with a letter',
            at,
          );
        if (label === '__name__') this.fail('label-reserved', 'label name "__name__" is reserved', 'rename it', at);
        if (labels.has(label)) this.fail('label-twice', `label ${label} twice`, 'keep one', at);
        if (this.peek() !== '=') this.fail('label-value', `wanted = after label ${label}`, 'write label="value"');
        this.at += 1;
        this.match(BLANK);
        if (this.peek() !== '"')
          this.fail('label-value', `the value of label ${label} is not quoted`, 'write label="value"');
        labels.set(label, this.quoted());
        this.match(BLANK);
      }
      if (this.peek() === ',') this.at += 1;
      else if (this.peek() !== '}')
        this.fail('label-value', 'wanted , or } after a label', 'separate labels by commas and end them with }');
    }
  }

  private quoted(): string {
    const start = this.at;
    this.at += 1;
    let value = '';
    for (;;) {
      const character = this.peek();
      if (character === '')
        this.fail('label-value', 'a label value does not end', 'close the quote; write \\n for a line end', start);
      this.at += 1;
      if (character === '"') return value;
      if (character !== '\\') {
        value += character;
        continue;
      }
      const escaped = this.peek();
      if (escaped !== 'n' && escaped !== '"' && escaped !== '\\')
        this.fail('escape', `invalid escape \\${escaped}`, 'write \\\\, \\" or \\n', this.at - 1);
      value += escaped === 'n' ? '\n' : escaped;
      this.at += 1;
    }
  }
}

import type { Finding, LintFormat } from './finding.ts';
import { LineReader, MalformedLine } from './line-reader.ts';

/** Samples that are looked at; what follows is left out with one finding. */
const MAX_SAMPLES = 500_000;
/** Findings that a page may have: a page of another language would have one a line. */
const MAX_FINDINGS = 1000;

export interface LintSample {
  readonly line: number;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  readonly exemplar: { readonly labels: ReadonlyMap<string, string>; readonly value: number } | undefined;
  /** Column of the exemplar. */
  readonly exemplarColumn: number;
}

export interface LintFamily {
  readonly name: string;
  /** Lower case; `untyped` (text) or `unknown` (OpenMetrics) without a TYPE line. */
  type: string;
  help: string | undefined;
  unit: string | undefined;
  typeLine: number | undefined;
  unitLine: number | undefined;
  /** Where it is first spoken of. */
  readonly line: number;
  readonly samples: LintSample[];
}

export interface LintPage {
  readonly format: LintFormat;
  readonly families: readonly LintFamily[];
  /** What no scraper would read. */
  readonly malformed: readonly Finding[];
}

const TYPES: Readonly<Record<LintFormat, readonly string[]>> = {
  text: ['counter', 'gauge', 'histogram', 'summary', 'untyped', 'gauge_histogram'],
  openmetrics: ['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset', 'unknown'],
};
/** Suffixes of samples by type of the family (OpenMetrics 1.0, "MetricFamily types"). */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  unknown: [''],
  stateset: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
};

/**
 * Reads a page and goes on behind every mistake, so that one run tells them all. What it refuses is what Prometheus's
 * parsers refuse (text 0.0.4 as `expfmt` reads it with classic names, OpenMetrics 1.0).
 */
export function readLintPage(text: string, format: LintFormat): LintPage {
  return new PageReader(text, format).read();
}

class PageReader {
  private readonly text: string;
  private readonly format: LintFormat;
  private readonly families = new Map<string, LintFamily>();
  private readonly malformed: Finding[] = [];
  private current: LintFamily | undefined;
  private readonly ended = new Set<LintFamily>();
  private samples = 0;
  private line = 0;

  constructor(text: string, format: LintFormat) {
    this.text = text;
    this.format = format;
  }

  read(): LintPage {
    const lines = this.text.split('\n');
    const rest = lines.pop() ?? '';
    const openMetrics = this.format === 'openmetrics';
    let eof = false;
    if (rest !== '') lines.push(rest);
    for (const line of lines) {
      this.line += 1;
      if (this.malformed.length >= MAX_FINDINGS || this.samples >= MAX_SAMPLES) break;
      if (eof) {
        this.refuse('eof', 1, '', 'there is something after # EOF', 'end the page with # EOF');
        break;
      }
      if (openMetrics && line === '# EOF') eof = true;
      else this.take(line);
    }
    if (rest !== '' && !(openMetrics && eof))
      this.refuse('line-end', rest.length + 1, '', 'the last line has no end', 'end every line with \\n');
    if (openMetrics && !eof) {
      this.line += 1;
      this.refuse('eof', 1, '', 'the page does not end with # EOF', 'write # EOF as the last line');
    }
    return { format: this.format, families: [...this.families.values()], malformed: this.malformed };
  }

  private refuse(code: string, column: number, metric: string, message: string, fix: string): void {
    this.malformed.push({ code, origin: 'format', severity: 'error', line: this.line, column, metric, message, fix });
  }

  private take(line: string): void {
    try {
      if (this.format === 'openmetrics' && line.trim() === '')
        throw new MalformedLine('blank-line', 1, 'OpenMetrics has no blank lines', 'leave the line out');
      if (/^[ \t]*$/.test(line)) return;
      if (/^[ \t]*#/.test(line)) this.comment(line);
      else this.sample(line);
    } catch (error) {
      if (!(error instanceof MalformedLine)) throw error;
      this.refuse(error.code, error.column, error.metric, error.message, error.fix);
    }
  }

  private comment(line: string): void {
    if (this.format === 'openmetrics' && !/^# (?:HELP|TYPE|UNIT) /.test(line))
      throw new MalformedLine(
        'comment',
        1,
        'OpenMetrics has no other comments than HELP, TYPE, UNIT and EOF',
        'leave it out',
      );
    const match = /^([ \t]*#[ \t]*)(HELP|TYPE|UNIT)([ \t]+)(\S*)(?:([ \t]+)(.*))?$/.exec(line);
    if (match === null || match[4] === '') return;
    const [, before = '', keyword = '', gap = '', name = '', space, rest = ''] = match;
    if (keyword === 'UNIT' && this.format === 'text') return;
    const at = before.length + keyword.length + gap.length + 1;
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
      throw new MalformedLine(
        'metric-name',
        at,
        `invalid metric name ${JSON.stringify(name)}`,
        'use letters, digits and _',
      );
    if (space === undefined) return;
    const family = this.familyOf(name, this.format === 'openmetrics');
    if (rest === '') return;
    const column = at + name.length + space.length;
    if (keyword === 'HELP') this.help(family, rest, column);
    else if (keyword === 'TYPE') this.type(family, rest, column);
    else this.unit(family, rest, column);
  }

  private help(family: LintFamily, rest: string, column: number): void {
    if (family.help !== undefined)
      throw new MalformedLine('help-twice', 1, `second HELP line for metric ${family.name}`, 'keep one', family.name);
    const wrong = (this.format === 'text' ? /\\(?:[^\\n]|$)/ : /\\(?:[^\\n"]|$)/).exec(rest.replace(/\\\\/g, '__'));
    if (wrong !== null)
      throw new MalformedLine(
        'escape',
        column + wrong.index,
        `invalid escape ${wrong[0]}`,
        'write \\\\ or \\n',
        family.name,
      );
    family.help = rest.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  }

  private type(family: LintFamily, rest: string, column: number): void {
    if (family.typeLine !== undefined || family.samples.length > 0)
      throw new MalformedLine(
        'type-twice',
        1,
        `second TYPE line for metric ${family.name}, or TYPE after its samples`,
        'keep one, before the samples',
        family.name,
      );
    const type = this.format === 'text' ? rest.toLowerCase() : rest;
    if (!TYPES[this.format].includes(type))
      throw new MalformedLine(
        'type',
        column,
        `unknown type ${JSON.stringify(rest)}`,
        `use one of ${TYPES[this.format].join(', ')}`,
        family.name,
      );
    family.type = type;
    family.typeLine = this.line;
  }

  private unit(family: LintFamily, rest: string, column: number): void {
    if (family.unit !== undefined || family.samples.length > 0)
      throw new MalformedLine(
        'unit-twice',
        1,
        `second UNIT line for metric ${family.name}, or UNIT after its samples`,
        'keep one, before the samples',
        family.name,
      );
    family.unit = rest;
    family.unitLine = this.line;
    if (!family.name.endsWith(`_${rest}`))
      throw new MalformedLine(
        'unit-suffix',
        column,
        `unit ${JSON.stringify(rest)} is not the end of the name ${family.name}`,
        `name it ${family.name}_${rest}, or leave UNIT out`,
        family.name,
      );
  }

  private sample(line: string): void {
    const reader = new LineReader(line, this.format);
    const { name, labels, value, exemplar, exemplarColumn } = reader.sample();
    const family = this.familyOfSample(name);
    for (const bound of ['le', 'quantile']) {
      const text = labels.get(bound);
      const wanted = bound === 'le' ? family.type.endsWith('histogram') : family.type === 'summary';
      if (wanted && text !== undefined && LineReader.number(text) === undefined)
        throw new MalformedLine(
          'bound',
          1,
          `${bound} is no number: ${JSON.stringify(text)}`,
          'write a number or +Inf',
          family.name,
        );
    }
    this.samples += 1;
    family.samples.push({ line: this.line, name, labels, value, exemplar, exemplarColumn });
  }

  private familyOfSample(name: string): LintFamily {
    if (this.format === 'text') return this.familyOf(name, false);
    const { current } = this;
    if (current !== undefined && fits(current, name)) return current;
    for (const family of this.families.values()) {
      if (!fits(family, name)) continue;
      return this.familyOf(family.name, true);
    }
    const near = [...this.families.values()].find(
      (family) => name.startsWith(family.name) && family.type === 'counter',
    );
    if (near !== undefined && name === near.name)
      throw new MalformedLine(
        'counter-suffix',
        1,
        `the sample of counter ${near.name} does not end in _total`,
        `name it ${near.name}_total`,
        near.name,
      );
    return this.familyOf(name, true);
  }

  /** The family of this name, made when it is new. In the text format a name with a suffix belongs to its histogram or summary. */
  private familyOf(name: string, exact: boolean): LintFamily {
    let family = this.families.get(name);
    if (family === undefined && !exact) {
      const summary = this.families.get(name.replace(/_(?:sum|count)$/, ''));
      const histogram = this.families.get(name.replace(/_(?:sum|count|bucket)$/, ''));
      if (summary?.type === 'summary') family = summary;
      else if (histogram?.type === 'histogram' || histogram?.type === 'gauge_histogram') family = histogram;
    }
    if (family === undefined) {
      const type = this.format === 'text' ? 'untyped' : 'unknown';
      family = {
        name,
        type,
        help: undefined,
        unit: undefined,
        typeLine: undefined,
        unitLine: undefined,
        line: this.line,
        samples: [],
      };
      this.families.set(name, family);
    }
    if (family !== this.current) {
      if (this.current !== undefined && this.current.samples.length > 0) this.ended.add(this.current);
      this.current = family;
      if (this.format === 'openmetrics' && this.ended.has(family))
        throw new MalformedLine(
          'interleaved',
          1,
          `the lines of ${family.name} are not together`,
          'write each metric in one piece',
          family.name,
        );
    }
    return family;
  }
}

function fits(family: LintFamily, name: string): boolean {
  if (!name.startsWith(family.name)) return false;
  return (SUFFIXES[family.type] ?? ['']).includes(name.slice(family.name.length));
}

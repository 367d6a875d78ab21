import { parseDuration, unquote } from '../../lib/stack/query/promql/syntax/literals.ts';
import { parseSeries, type SequenceValue, type SeriesDescription } from './series-notation.ts';

/** A text that an error or annotation must equal, or a pattern that it must match. */
export interface ExpectedText {
  readonly message?: string;
  readonly pattern?: RegExp;
}

export interface Expectations {
  ordered: boolean;
  fail: ExpectedText | undefined;
  readonly warn: ExpectedText[];
  readonly info: ExpectedText[];
  noWarn: boolean;
  noInfo: boolean;
  /** An instant query that yields a range vector. */
  range: { readonly start: number; readonly end: number; readonly step: number } | undefined;
  string: string | undefined;
  scalar: SequenceValue;
  readonly series: SeriesDescription[];
}

export interface Evaluation {
  readonly kind: 'eval';
  readonly line: number;
  readonly query: string;
  /** Milliseconds; `step` 0 of an instant query. */
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly expected: Expectations;
}

export interface Load {
  readonly kind: 'load';
  readonly line: number;
  /** Milliseconds between values. */
  readonly step: number;
  /** Classic histograms become native ones beside themselves. */
  readonly withNative: boolean;
  readonly series: readonly SeriesDescription[];
  /** Keys of series whose samples have start times. */
  readonly startTimes: ReadonlySet<string>;
}

export type Command = Load | Evaluation | { readonly kind: 'clear'; readonly line: number };

/** A script that cannot be read. */
export class ScriptError extends Error {
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
  }
}

const LOAD = /^load(?:_(with_nhcb))?\s+(.+?)$/;
const INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$/;
const RANGE = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/;
const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/;
const EXPECT_RANGE = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/;

/** Reads a script of Prometheus's PromQL test language. Source: prometheus/prometheus, `promql/promqltest/README.md`. */
export function parseScript(text: string): Command[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .map((line) => (line.startsWith('#') ? '' : line));
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const head = lines[at]!;
    if (head === '') continue;
    const line = at + 1;
    const body: string[] = [];
    try {
      if (head === 'clear') {
        commands.push({ kind: 'clear', line });
        continue;
      }
      while (lines[at + 1] !== undefined && lines[at + 1] !== '') body.push(lines[(at += 1)]!);
      if (head.startsWith('load')) commands.push(parseLoad(head, body, line));
      else if (head.startsWith('eval')) commands.push(parseEvaluation(head, body, line));
      else throw new Error(`invalid command ${JSON.stringify(head)}`);
    } catch (error) {
      throw error instanceof ScriptError ? error : new ScriptError(line, (error as Error).message);
    }
  }
  return commands;
}

function parseLoad(head: string, body: readonly string[], line: number): Load {
  const match = LOAD.exec(head);
  if (match === null) throw new Error('invalid load command, wanted load[_with_nhcb] <step:duration>');
  const startTimes = new Set<string>();
  const series: SeriesDescription[] = [];
  for (const text of body) {
    const start = /^(\S+)@st\s/.exec(text);
    if (start === null) series.push(parseSeries(text));
    else startTimes.add(parseSeries(start[1]!).labels.key);
  }
  return { kind: 'load', line, step: parseDuration(match[2]!), withNative: match[1] !== undefined, series, startTimes };
}

function parseEvaluation(head: string, body: readonly string[], line: number): Evaluation {
  const expected: Expectations = {
    ordered: false,
    fail: undefined,
    warn: [],
    info: [],
    noWarn: false,
    noInfo: false,
    range: undefined,
    string: undefined,
    scalar: undefined,
    series: [],
  };
  const range = RANGE.exec(head);
  const instant = range === null ? INSTANT.exec(head) : null;
  const mode = range?.[1] ?? instant?.[1];
  if (mode === 'ordered') expected.ordered = true;
  if (mode === 'fail') expected.fail = {};
  if (mode === 'warn') expected.warn.push({});
  if (mode === 'info') expected.info.push({});
  for (const text of body) expectation(text, expected, range === null);
  if (range !== null) {
    const [, , from = '', to = '', step = '', query = ''] = range;
    const times = { start: parseDuration(from), end: parseDuration(to), step: parseDuration(step) };
    return { kind: 'eval', line, query, ...times, expected };
  }
  if (instant === null) throw new Error('invalid evaluation command');
  const at = parseDuration(instant[2] ?? '0');
  return { kind: 'eval', line, query: instant[3]!, start: at, end: at, step: 0, expected };
}

function expectation(text: string, expected: Expectations, instant: boolean): void {
  const failure = /^expected_fail_(message|regexp)\s+(.*)$/.exec(text);
  if (failure !== null) {
    expected.fail = failure[1] === 'message' ? { message: failure[2]! } : { pattern: new RegExp(failure[2]!) };
    return;
  }
  const range = EXPECT_RANGE.exec(text);
  if (range !== null) {
    const [start, end, step] = range.slice(1).map(parseDuration) as [number, number, number];
    expected.range = { start, end, step };
    return;
  }
  const string = /^expect string\s+(.+)$/.exec(text);
  if (string !== null) {
    expected.string = unquote(string[1]!);
    return;
  }
  if (/^expect\s/.test(text)) {
    expectedText(text, expected);
    return;
  }
  if (/^[+-]?(?:\d|\.\d|inf$|nan$)/i.test(text)) {
    expected.scalar = parseSeries(`scalar ${text}`).values[0];
    return;
  }
  const series = parseSeries(text);
  if (series.values.length > 1 && instant && expected.range === undefined)
    throw new Error('several values in an instant evaluation');
  expected.series.push(series);
}

function expectedText(text: string, expected: Expectations): void {
  const match = EXPECT.exec(text);
  if (match === null) throw new Error(`invalid expectation ${JSON.stringify(text)}`);
  const [, what, kind, rest = ''] = match;
  const wanted: ExpectedText =
    kind === 'msg' ? { message: rest.trim() } : kind === 'regex' ? { pattern: new RegExp(rest.trim()) } : {};
  if (what === 'ordered') expected.ordered = true;
  else if (what === 'fail') expected.fail = wanted;
  else if (what === 'warn') expected.warn.push(wanted);
  else if (what === 'info') expected.info.push(wanted);
  else if (what === 'no_warn') expected.noWarn = true;
  else expected.noInfo = true;
}

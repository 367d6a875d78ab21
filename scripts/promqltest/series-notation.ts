import { LabelSet } from '../../lib/stack/query/promql/evaluate/label-set.ts';
import { parseDuration, parseNumber, unquote } from '../../lib/stack/query/promql/syntax/literals.ts';

/** One value of a sequence. `undefined` = left out (`_`). */
export type SequenceValue = number | 'stale' | 'histogram' | undefined;

export interface SeriesDescription {
  readonly labels: LabelSet;
  readonly values: readonly SequenceValue[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL =
  /\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))?\s*(?:,|$)/y;

/** `name{label="value"} 1 2 3`: labels, and the values behind them. @throws Error for what is no description */
export function parseSeries(line: string): SeriesDescription {
  const name = NAME.exec(line)?.[0] ?? '';
  let rest = line.slice(name.length).trimStart();
  const pairs: [string, string][] = name === '' ? [] : [['__name__', name]];
  if (rest.startsWith('{') && !rest.startsWith('{{')) {
    const end = closingBrace(rest);
    pairs.push(...parseLabels(rest.slice(1, end)));
    rest = rest.slice(end + 1);
  } else if (name === '') throw new Error(`invalid series ${JSON.stringify(line)}`);
  return { labels: LabelSet.of(pairs), values: parseSequence(rest) };
}

function closingBrace(text: string): number {
  let quoteMark = '';
  for (let at = 1; at < text.length; at += 1) {
    const character = text[at]!;
    if (quoteMark !== '') {
      if (character === '\\' && quoteMark !== '`') at += 1;
      else if (character === quoteMark) quoteMark = '';
    } else if ('"\'`'.includes(character)) quoteMark = character;
    else if (character === '}') return at;
  }
  throw new Error(`no closing brace in ${JSON.stringify(text)}`);
}

function parseLabels(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`invalid labels ${JSON.stringify(text)}`);
    const [, written = '', value] = match;
    const label = /^["'`]/.test(written) ? unquote(written) : written;
    pairs.push(value === undefined ? ['__name__', label] : [label, unquote(value)]);
    at = LABEL.lastIndex;
  }
  return pairs;
}

const NUMBER = String.raw`[+-]?(?:inf|nan|\d+(?:ms|[smhdwy])[\da-z]*|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)`;
const NUMBERS = new RegExp(`^(${NUMBER})([+-](?:inf|nan|(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?))?(?:x(\\d+))?$`, 'i');

/** Values such as `1 2 _ stale 0+10x5 _x3 {{count:1}}x4`. @throws Error */
export function parseSequence(text: string): SequenceValue[] {
  return (text.match(/(?:\{\{.*?\}\}|\S)+/g) ?? []).flatMap(parseItem);
}

function parseItem(item: string): SequenceValue[] {
  const histogram = /^\{\{.*\}\}(?:x(\d+))?$/.exec(item);
  if (histogram !== null) return repeated('histogram', histogram[1], 1);
  const gap = /^_(?:x(\d+))?$/.exec(item);
  if (gap !== null) return repeated(undefined, gap[1], 0);
  const stale = /^stale(?:x(\d+))?$/.exec(item);
  if (stale !== null) return repeated('stale', stale[1], 1);
  const match = NUMBERS.exec(item);
  if (match === null) throw new Error(`invalid value ${JSON.stringify(item)}`);
  const [, first = '', change, times] = match;
  const start = numberOf(first);
  if (change === undefined) return repeated(start, times, 1);
  const values: number[] = [];
  let value = start;
  for (let index = 0; index <= Number(times ?? 0); index += 1) {
    values.push(value);
    value += numberOf(change);
  }
  return values;
}

/** @param more values beside those that `x` counts */
function repeated(value: SequenceValue, times: string | undefined, more: number): SequenceValue[] {
  return Array.from({ length: times === undefined ? 1 : Number(times) + more }, () => value);
}

function numberOf(text: string): number {
  const number = parseNumber(text);
  if (number !== undefined) return number;
  const sign = text.startsWith('-') ? -1 : 1;
  return (sign * parseDuration(text.replace(/^[+-]/, ''))) / 1000;
}

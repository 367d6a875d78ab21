import type { QueryValue, ResultSeries } from '../../lib/stack/query/promql/engine.ts';
import { LabelSet } from '../../lib/stack/query/promql/evaluate/label-set.ts';
import type { Evaluation, ExpectedText } from './script.ts';
import type { SequenceValue } from './series-notation.ts';

/** Relative difference of values that are taken for equal. Prometheus's number. */
const TOLERANCE = 0.000001;
const SMALLEST_NORMAL = 2 ** -1022;

/** What a script expects is not what came. */
export class Mismatch extends Error {}

export function almostEqual(one: number, other: number): boolean {
  if (one === other || (Number.isNaN(one) && Number.isNaN(other))) return true;
  const total = Math.abs(one) + Math.abs(other);
  const difference = Math.abs(one - other);
  if (one === 0 || other === 0 || total < SMALLEST_NORMAL) return difference < TOLERANCE * SMALLEST_NORMAL;
  return difference / Math.min(total, Number.MAX_VALUE) < TOLERANCE;
}

function numberOf(value: SequenceValue): number {
  if (typeof value !== 'number') throw new Mismatch(`expected ${value}`);
  return value;
}

/** Compares a whole result with what a script expects of it. @throws Mismatch */
export function compareValue(value: QueryValue, { expected, start, end, step }: Evaluation): void {
  switch (value.type) {
    case 'string':
      if (value.value !== expected.string)
        throw new Mismatch(`expected string ${JSON.stringify(expected.string)}, got ${JSON.stringify(value.value)}`);
      return;
    case 'scalar':
      if (expected.scalar === undefined) throw new Mismatch(`expected a vector, got scalar ${value.value}`);
      if (!almostEqual(numberOf(expected.scalar), value.value))
        throw new Mismatch(`expected scalar ${expected.scalar}, got ${value.value}`);
      return;
    case 'vector':
      if (expected.scalar !== undefined) throw new Mismatch('expected a scalar, got a vector');
      compareVector(
        value.series.map(({ labels, values }) => ({ labels: LabelSet.of(labels), value: values[0]! })),
        { expected },
      );
      return;
    case 'matrix':
      if (expected.scalar !== undefined) throw new Mismatch('expected a scalar, got a matrix');
      compareMatrix(value.series, { expected, ...(expected.range ?? { start, end, step }) });
  }
}

export function compareVector(
  result: readonly { readonly labels: LabelSet; readonly value: number }[],
  { expected }: Pick<Evaluation, 'expected'>,
): void {
  // A line that is given twice counts once, as in Prometheus's runner.
  const wanted = new Map(expected.series.map(({ labels, values }, position) => [labels.key, { values, position }]));
  const seen = new Set<string>();
  result.forEach(({ labels, value }, position) => {
    const entry = wanted.get(labels.key);
    if (entry === undefined) throw new Mismatch(`unexpected ${labels} with ${value}`);
    if (expected.ordered && entry.position !== position)
      throw new Mismatch(`expected ${labels} at position ${entry.position + 1}, was at ${position + 1}`);
    if (!almostEqual(numberOf(entry.values[0]), value))
      throw new Mismatch(`expected ${String(entry.values[0])} for ${labels}, got ${value}`);
    seen.add(labels.key);
  });
  for (const { labels } of expected.series)
    if (!seen.has(labels.key)) throw new Mismatch(`expected ${labels}, not found`);
}

function compareMatrix(
  result: readonly ResultSeries[],
  { expected, start, end, step }: Pick<Evaluation, 'expected' | 'start' | 'end' | 'step'>,
): void {
  if (expected.ordered) throw new Mismatch('expected an ordered result, got a matrix');
  const wanted = new Map(expected.series.map(({ labels, values }) => [labels.key, values]));
  const seen = new Set<string>();
  let before: LabelSet | undefined;
  for (const series of result) {
    const labels = LabelSet.of(series.labels);
    if (before !== undefined && LabelSet.compare(before, labels) >= 0) throw new Mismatch(`${labels} out of order`);
    before = labels;
    const values = wanted.get(labels.key);
    if (values === undefined) throw new Mismatch(`unexpected ${labels} with ${[...series.values]}`);
    seen.add(labels.key);
    const points = values
      .map((value, index) => [start + index * step, value] as const)
      .filter(([, value]) => value !== undefined);
    if (points.some(([time]) => time > end)) throw new Mismatch(`more points expected of ${labels} than steps`);
    if (points.length !== series.times.length)
      throw new Mismatch(
        `expected ${points.length} points of ${labels}, got ${[...series.values]} at ${[...series.times]}`,
      );
    points.forEach(([time, value], index) => {
      if (time !== series.times[index])
        throw new Mismatch(`expected a point of ${labels} at ${time}, got ${series.times[index]}`);
      if (!almostEqual(numberOf(value), series.values[index]!))
        throw new Mismatch(`expected ${String(value)} for ${labels} at ${time}, got ${series.values[index]}`);
    });
  }
  for (const { labels } of expected.series)
    if (!seen.has(labels.key)) throw new Mismatch(`expected ${labels}, not found`);
}

function matches({ message, pattern }: ExpectedText, text: string): boolean {
  return message === undefined ? (pattern?.test(text) ?? true) : message === text;
}

/** @throws Mismatch */
export function compareAnnotations(
  found: { readonly warnings: readonly string[]; readonly infos: readonly string[] },
  { expected }: Evaluation,
): void {
  for (const [kind, texts, wanted, none] of [
    ['warning', found.warnings, expected.warn, expected.noWarn],
    ['info', found.infos, expected.info, expected.noInfo],
  ] as const) {
    if (none && texts.length > 0) throw new Mismatch(`unexpected ${kind}: ${texts.join('; ')}`);
    if (wanted.length === 0) continue;
    for (const one of wanted)
      if (!texts.some((text) => matches(one, text)))
        throw new Mismatch(`expected ${kind} ${one.message ?? one.pattern ?? ''}, got ${JSON.stringify(texts)}`);
    for (const text of texts)
      if (!wanted.some((one) => matches(one, text))) throw new Mismatch(`unexpected ${kind} ${JSON.stringify(text)}`);
  }
}

/** @throws Mismatch */
export function compareFailure(error: Error, { expected }: Evaluation): void {
  if (expected.fail === undefined) throw new Mismatch(`failed: ${error.message}`);
  if (!matches(expected.fail, error.message))
    throw new Mismatch(`expected failure ${expected.fail.message ?? expected.fail.pattern}, got ${error.message}`);
}

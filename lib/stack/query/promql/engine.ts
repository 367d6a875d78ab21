import { ExecutionError } from './errors.ts';
import type { Annotations } from './evaluate/annotations.ts';
import { Evaluator } from './evaluate/evaluator.ts';
import { withEdges } from './evaluate/functions/extended-range.ts';
import { LabelSet } from './evaluate/label-set.ts';
import { prepare } from './evaluate/prepare.ts';
import { mergeSameLabels, type SampleSource, type StepSeries, Steps } from './evaluate/series.ts';
import {
  type Expression,
  type MatrixSelector,
  type StringLiteral,
  type Subquery,
  typeOf,
  withoutParentheses,
} from './syntax/ast.ts';
import { typeName } from './syntax/type-check.ts';

/** How far an instant selector looks back. Source: Prometheus documentation, "Staleness". */
export const LOOKBACK_MILLIS = 300_000;
/** Distance of the steps of a subquery that gives none: Prometheus's `global.evaluation_interval`. */
const DEFAULT_STEP_MILLIS = 60_000;
/**
 * Samples that one query may read and make, over all its parts: about 160 MiB at 16 bytes each. Prometheus's bound is
 * 50 million, on a machine of its own.
 */
export const MAX_SAMPLES = 10_000_000;
/** Longest evaluation. */
export const TIMEOUT_MILLIS = 15_000;

export interface EngineOptions {
  readonly source: SampleSource;
  /** Milliseconds; default 5 minutes. */
  readonly lookback?: number;
  /** Default 10 million. */
  readonly maxSamples?: number;
  /** Milliseconds; default 15 s. */
  readonly timeout?: number;
  /** Prometheus's feature flag `promql-delayed-name-removal`; default false, as there. */
  readonly delayedNameRemoval?: boolean;
  /** Milliseconds; a parameter for tests. */
  readonly now?: () => number;
}

/** Samples of one series of a result. Plain, so that it can cross threads. */
export interface ResultSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export type QueryValue =
  | { readonly type: 'scalar'; readonly at: number; readonly value: number }
  | { readonly type: 'string'; readonly at: number; readonly value: string }
  /** One sample a series. */
  | { readonly type: 'vector'; readonly series: readonly ResultSeries[] }
  | { readonly type: 'matrix'; readonly series: readonly ResultSeries[] };

export interface QueryResult {
  readonly value: QueryValue;
  readonly annotations: Annotations;
}

/**
 * The value of an expression at one time.
 *
 * @param at milliseconds since the epoch
 * @throws ExecutionError, EvaluationTimeout, UnsupportedExpression
 */
export function evaluateInstant(expression: Expression, at: number, options: EngineOptions): QueryResult {
  const evaluator = start(options, new Steps(at, at, 1));
  const prepared = prepare(expression, { start: at, end: at, step: 0 });
  return { value: instantValue(prepared, at, evaluator), annotations: evaluator.annotations };
}

function instantValue(expression: Expression, at: number, evaluator: Evaluator): QueryValue {
  switch (typeOf(expression)) {
    case 'scalar':
      return { type: 'scalar', at, value: evaluator.scalar(expression)[0]! };
    case 'string':
      return { type: 'string', at, value: (withoutParentheses(expression) as StringLiteral).value };
    case 'matrix':
      return { type: 'matrix', series: rangeSamples(withoutParentheses(expression) as MatrixSelector, evaluator) };
    case 'vector':
      return {
        type: 'vector',
        series: finished(evaluator.vector(expression), evaluator).map((one) => samplesOf(one, evaluator.steps)),
      };
  }
}

/**
 * The values of an expression at all times from `start` to `end`, `step` apart, milliseconds.
 *
 * @throws ExecutionError, EvaluationTimeout, UnsupportedExpression
 */
export function evaluateRange(
  expression: Expression,
  times: { readonly start: number; readonly end: number; readonly step: number },
  options: EngineOptions,
): QueryResult {
  const type = typeOf(expression);
  if (type !== 'scalar' && type !== 'vector')
    throw new ExecutionError(
      `invalid expression type ${JSON.stringify(typeName(type))} for range query, must be Scalar or instant Vector`,
    );
  const steps = new Steps(times.start, times.end, times.step);
  const evaluator = start(options, steps);
  const prepared = prepare(expression, times);
  const all = (_: unknown, step: number): number => steps.time(step);
  const series =
    type === 'scalar'
      ? [{ labels: {}, times: Float64Array.from({ length: steps.count }, all), values: evaluator.scalar(prepared) }]
      : finished(evaluator.vector(prepared), evaluator)
          .sort((one, other) => LabelSet.compare(one.labels, other.labels))
          .map((one) => samplesOf(one, steps));
  return { value: { type: 'matrix', series }, annotations: evaluator.annotations };
}

function start(options: EngineOptions, steps: Steps): Evaluator {
  const now = options.now ?? performance.now.bind(performance);
  return Evaluator.start(
    {
      source: options.source,
      lookback: options.lookback ?? LOOKBACK_MILLIS,
      defaultStep: DEFAULT_STEP_MILLIS,
      delayedNameRemoval: options.delayedNameRemoval ?? false,
      maxSamples: options.maxSamples ?? MAX_SAMPLES,
      deadline: now() + (options.timeout ?? TIMEOUT_MILLIS),
      now,
    },
    steps,
  );
}

/** Drops the names whose removal was put off. */
function finished(vector: readonly StepSeries[], evaluator: Evaluator): StepSeries[] {
  if (!evaluator.delayedNameRemoval) return [...vector];
  const named = vector.map((series) =>
    series.dropName ? series.relabelled(series.labels.withoutMetadata(), false) : series,
  );
  return mergeSameLabels(named, evaluator.steps.count);
}

function samplesOf({ labels, values, present }: StepSeries, steps: Steps): ResultSeries {
  const has = (_: number, step: number): boolean => present[step] === 1;
  return {
    labels: labels.toRecord(),
    times: Float64Array.from({ length: steps.count }, (_, step) => steps.time(step)).filter(has),
    values: values.filter(has),
  };
}

/** What lies in the window of a range selector at the only step. */
function rangeSamples(expression: MatrixSelector | Subquery, evaluator: Evaluator): ResultSeries[] {
  const { series, range, reference, extension } = evaluator.range(expression);
  const end = reference(0);
  return series
    .map(({ labels, dropName, times, values }) => ({
      labels: dropName ? labels.withoutMetadata() : labels,
      ...samplesWithin({ times, values }, { start: end - range, end }, extension, evaluator.lookback),
    }))
    .filter(({ times }) => times.length > 0)
    .sort((one, other) => LabelSet.compare(one.labels, other.labels))
    .map((one) => ({ ...one, labels: one.labels.toRecord() }));
}

type Samples = Pick<ResultSeries, 'times' | 'values'>;

function samplesWithin(
  { times, values }: Samples,
  { start, end }: { readonly start: number; readonly end: number },
  extension: 'anchored' | 'smoothed' | undefined,
  lookback: number,
): Samples {
  const smoothed = extension === 'smoothed';
  const after = start - (extension === undefined ? 0 : lookback);
  const until = end + (smoothed ? lookback : 0);
  let from = 0;
  while (from < times.length && times[from]! <= after) from += 1;
  let to = from;
  while (to < times.length && times[to]! <= until) to += 1;
  if (extension === undefined) return { times: times.slice(from, to), values: values.slice(from, to) };
  const window = { times, values, from, to, start, end, at: end, anchored: !smoothed, smoothed };
  return withEdges(window, smoothed) ?? { times: new Float64Array(0), values: new Float64Array(0) };
}

import { ExecutionError } from '../../errors.ts';
import { type Call, type MatrixSelector, type Subquery, typeOf } from '../../syntax/ast.ts';
import { type EvaluationContext, renamed } from '../context.ts';
import { KahanSum, RunningMean, RunningVariance } from '../kahan.ts';
import { quantileOf } from '../quantile.ts';
import { SeriesCollector, StepSeries } from '../series.ts';
import { anchor, EXTENSIBLE } from './extended-range.ts';
import type { VectorFunction } from './implementation.ts';

/** What a function over time sees at one step: the samples from `from` to before `to`, at least one. */
export interface Window {
  readonly times: Float64Array;
  readonly values: Float64Array;
  from: number;
  to: number;
  /** Milliseconds since the epoch; excluded. */
  start: number;
  /** Milliseconds since the epoch; included. */
  end: number;
  /** Time of the step, milliseconds since the epoch. */
  at: number;
  /** Samples from before the start, of `smoothed` also from behind the end, are among them. */
  readonly anchored: boolean;
  readonly smoothed: boolean;
}

interface OverTimeOptions {
  /** The result is still the metric itself. */
  readonly keepsName?: boolean;
  /** Called with each series that gave a result. */
  readonly afterSeries?: (metricName: string) => void;
}

/** The range vector among the arguments of a function over time. */
export function rangeArgument(call: Call): MatrixSelector | Subquery {
  return call.arguments.find((argument) => typeOf(argument) === 'matrix') as MatrixSelector | Subquery;
}

/** Evaluates a function over the windows of a range vector, moving along each series once. */
export function overWindows(
  context: EvaluationContext,
  call: Call,
  compute: (window: Window, step: number) => number | undefined,
  options: OverTimeOptions = {},
): StepSeries[] {
  const { steps } = context;
  const vector = context.range(rangeArgument(call));
  const { extension } = vector;
  if (extension !== undefined && !EXTENSIBLE[extension].includes(call.function.name))
    throw new ExecutionError(
      `${extension} modifier can only be used with: ${EXTENSIBLE[extension].join(', ')} - not with ${call.function.name}`,
    );
  const before = extension === undefined ? 0 : context.lookback;
  const after = extension === 'smoothed' ? context.lookback : 0;
  const collector = new SeriesCollector(steps.count);
  for (const { labels, dropName, times, values } of vector.series) {
    context.charge(steps.count);
    const drop = options.keepsName !== true || dropName;
    const named = drop ? renamed(context, labels) : { labels, dropName };
    const result = StepSeries.blank(named.labels, named.dropName, steps.count);
    const window: Window = {
      times,
      values,
      from: 0,
      to: 0,
      start: 0,
      end: 0,
      at: 0,
      anchored: extension === 'anchored',
      smoothed: extension === 'smoothed',
    };
    let found = false;
    for (let step = 0; step < steps.count; step += 1) {
      window.at = steps.time(step);
      window.end = vector.reference(step);
      window.start = window.end - vector.range;
      while (window.to < times.length && times[window.to]! <= window.end + after) window.to += 1;
      while (window.from < window.to && times[window.from]! <= window.start - before) window.from += 1;
      if (window.from === window.to) continue;
      const { from } = window;
      const value = compute(window, step);
      window.from = from;
      if (value === undefined) continue;
      result.set(step, value);
      found = true;
    }
    if (found) options.afterSeries?.(labels.name);
    collector.merge(result);
  }
  return collector.result();
}

/** A function whose only argument is a range vector. */
export function overTime(
  compute: (window: Window) => number | undefined,
  options: OverTimeOptions = {},
): VectorFunction {
  return (call, context) => overWindows(context, call, compute, options);
}

/** The sample that wins; NaN only when there is nothing else. @returns its index */
function extreme(window: Window, wins: (value: number, best: number) => boolean): number {
  let best = window.from;
  for (let index = window.from; index < window.to; index += 1) {
    const leader = window.values[best]!;
    if (wins(window.values[index]!, leader) || Number.isNaN(leader)) best = index;
  }
  return best;
}

const sum = new KahanSum();
const mean = new RunningMean();
const variance = new RunningVariance();

function sumOf({ values, from, to }: Window): number {
  sum.reset();
  for (let index = from; index < to; index += 1) sum.add(values[index]!);
  return Math.abs(sum.sum) === Number.POSITIVE_INFINITY ? sum.sum : sum.value;
}

function meanOf({ values, from, to }: Window): number {
  mean.reset();
  for (let index = from; index < to; index += 1) mean.add(values[index]!);
  return mean.value;
}

function varianceOf({ values, from, to }: Window): number {
  variance.reset();
  for (let index = from; index < to; index += 1) variance.add(values[index]!);
  return variance.value;
}

/** Median absolute deviation. */
function deviationOf({ values, from, to }: Window): number {
  const sorted = values.slice(from, to);
  if (sorted.includes(Number.NaN)) return Number.NaN;
  const median = quantileOf(0.5, sorted.sort());
  return quantileOf(0.5, sorted.map((value) => Math.abs(value - median)).sort());
}

function changesOf({ values, from, to }: Window): number {
  let changes = 0;
  for (let index = from + 1; index < to; index += 1)
    if (!Object.is(values[index]! + 0, values[index - 1]! + 0)) changes += 1;
  return changes;
}

function resetsOf({ values, from, to }: Window): number {
  let resets = 0;
  for (let index = from + 1; index < to; index += 1) if (values[index]! < values[index - 1]!) resets += 1;
  return resets;
}

/** A comparison of neighbours, to which the sample before the window belongs when the range is anchored. */
function anchored(compute: (window: Window) => number): (window: Window) => number | undefined {
  return (window) => (window.anchored && !anchor(window) ? undefined : compute(window));
}

const highest = (window: Window): number => extreme(window, (value, best) => value > best);
const lowest = (window: Window): number => extreme(window, (value, best) => value < best);

const quantileOverTime: VectorFunction = (call, context) => {
  const [quantile] = call.arguments;
  const quantiles = context.scalar(quantile!);
  return overWindows(context, call, ({ values, from, to }, step) => {
    const wanted = quantiles[step]!;
    if (!(wanted >= 0 && wanted <= 1)) context.annotations.invalidQuantile(wanted, quantile!.position);
    return quantileOf(wanted, values.slice(from, to).sort());
  });
};

/** Aggregations of the samples of one series over a window. */
export const OVER_TIME: Readonly<Record<string, VectorFunction>> = {
  avg_over_time: overTime(meanOf),
  changes: overTime(anchored(changesOf)),
  count_over_time: overTime(({ from, to }) => to - from),
  first_over_time: overTime(({ values, from }) => values[from]!, { keepsName: true }),
  last_over_time: overTime(({ values, to }) => values[to - 1]!, { keepsName: true }),
  mad_over_time: overTime(deviationOf),
  max_over_time: overTime((window) => window.values[highest(window)]!),
  min_over_time: overTime((window) => window.values[lowest(window)]!),
  present_over_time: overTime(() => 1),
  quantile_over_time: quantileOverTime,
  resets: overTime(anchored(resetsOf)),
  stddev_over_time: overTime((window) => Math.sqrt(varianceOf(window))),
  stdvar_over_time: overTime(varianceOf),
  sum_over_time: overTime(sumOf),
  ts_of_first_over_time: overTime(({ times, from }) => times[from]! / 1000),
  ts_of_last_over_time: overTime(({ times, to }) => times[to - 1]! / 1000),
  ts_of_max_over_time: overTime((window) => window.times[extreme(window, (value, best) => value >= best)]! / 1000),
  ts_of_min_over_time: overTime((window) => window.times[extreme(window, (value, best) => value <= best)]! / 1000),
};

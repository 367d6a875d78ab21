import { ExecutionError } from '../../errors.ts';
import { KahanSum } from '../kahan.ts';
import type { VectorFunction } from './implementation.ts';
import { overTime, overWindows, type Window } from './over-time.ts';

interface Line {
  /** Per second. */
  readonly slope: number;
  readonly intercept: number;
}

/** Least squares. @param origin where the line's intercept is taken, milliseconds since the epoch */
function lineThrough({ times, values, from, to }: Window, origin: number): Line {
  const [sumX, sumY, sumXY, sumXX] = [new KahanSum(), new KahanSum(), new KahanSum(), new KahanSum()];
  const first = values[from]!;
  let constant = true;
  for (let index = from; index < to; index += 1) {
    const x = (times[index]! - origin) / 1000;
    const y = values[index]!;
    if (index > from && y !== first) constant = false;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumXX.add(x * x);
  }
  if (constant) {
    if (Math.abs(first) === Number.POSITIVE_INFINITY) return { slope: Number.NaN, intercept: Number.NaN };
    return { slope: 0, intercept: first };
  }
  const count = to - from;
  const slope = (sumXY.value - (sumX.value * sumY.value) / count) / (sumXX.value - (sumX.value * sumX.value) / count);
  return { slope, intercept: sumY.value / count - (slope * sumX.value) / count };
}

const predictLinear: VectorFunction = (call, context) => {
  const [, ahead] = call.arguments;
  const seconds = context.scalar(ahead!);
  return overWindows(context, call, (window, step) => {
    if (window.to - window.from < 2) return undefined;
    const { slope, intercept } = lineThrough(window, window.at);
    return slope * seconds[step]! + intercept;
  });
};

function factor(value: number, name: string, symbol: string): number {
  if (value > 0 && value < 1) return value;
  throw new ExecutionError(`invalid ${name} factor. Expected: 0 < ${symbol} < 1, got: ${value.toFixed(6)}`);
}

/** Holt's linear method. */
const smoothing: VectorFunction = (call, context) => {
  const [, smoothingFactor, trendFactor] = call.arguments;
  const smoothingFactors = context.scalar(smoothingFactor!);
  const trendFactors = context.scalar(trendFactor!);
  return overWindows(context, call, ({ values, from, to }, step) => {
    const alpha = factor(smoothingFactors[step]!, 'smoothing', 'sf');
    const beta = factor(trendFactors[step]!, 'trend', 'tf');
    if (to - from < 2) return undefined;
    let before = 0;
    let level = values[from]!;
    let trend = values[from + 1]! - level;
    for (let index = from + 1; index < to; index += 1) {
      if (index > from + 1) trend = beta * (level - before) + (1 - beta) * trend;
      [before, level] = [level, alpha * values[index]! + (1 - alpha) * (level + trend)];
    }
    return level;
  });
};

/** Lines and curves through the samples of a window. */
export const TRENDS: Readonly<Record<string, VectorFunction>> = {
  deriv: overTime((window) =>
    window.to - window.from < 2 ? undefined : lineThrough(window, window.times[window.from]!).slope,
  ),
  double_exponential_smoothing: smoothing,
  predict_linear: predictLinear,
};

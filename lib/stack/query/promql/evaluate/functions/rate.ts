import { extendedIncrease } from './extended-range.ts';
import type { VectorFunction } from './implementation.ts';
import { overTime, overWindows, rangeArgument, type Window } from './over-time.ts';

/** A gap to the window's edge of more than this many sample distances is not extrapolated over. */
const EXTRAPOLATION_THRESHOLD = 1.1;
const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/;

/**
 * Increase over a window, extrapolated to its edges where the samples come near them, but for a counter not below zero.
 * Source: prometheus/prometheus, `promql/functions.go`, `extrapolatedRate`.
 *
 * @param seconds that the increase is divided by
 */
function increaseOver(window: Window, counter: boolean, seconds = 1): number | undefined {
  if (window.anchored || window.smoothed) {
    const increase = extendedIncrease(window, counter, window.smoothed);
    return increase === undefined ? undefined : increase / seconds;
  }
  const { times, values, from, to } = window;
  if (to - from < 2) return undefined;
  const first = values[from]!;
  let increase = values[to - 1]! - first;
  if (counter) {
    for (let index = from + 1; index < to; index += 1) {
      const before = values[index - 1]!;
      if (values[index]! < before) increase += before;
    }
  }
  const sampled = (times[to - 1]! - times[from]!) / 1000;
  const distance = sampled / (to - from - 1);
  const threshold = distance * EXTRAPOLATION_THRESHOLD;
  let toStart = (times[from]! - window.start) / 1000;
  let toEnd = (window.end - times[to - 1]!) / 1000;
  if (toStart >= threshold) toStart = distance / 2;
  if (counter) {
    const toZero = increase > 0 && first >= 0 ? sampled * (first / increase) : toStart;
    if (toZero < toStart) toStart = toZero;
  }
  if (toEnd >= threshold) toEnd = distance / 2;
  // Divided before it is multiplied with, as in Prometheus: the last digit is the same.
  return increase * ((sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled) / seconds);
}

/** Of the last two samples. */
function difference({ times, values, from, to }: Window, counter: boolean): number | undefined {
  if (to - from < 2) return undefined;
  const seconds = (times[to - 1]! - times[to - 2]!) / 1000;
  if (seconds === 0) return undefined;
  const last = values[to - 1]!;
  const before = values[to - 2]!;
  const increase = counter && last < before ? last : last - before;
  return counter ? increase / seconds : increase;
}

function counterFunction(perSecond: boolean): VectorFunction {
  return (call, context) => {
    const argument = rangeArgument(call);
    const seconds = perSecond ? argument.range / 1000 : 1;
    // Prometheus puts the result of a subquery in its place, and that has no position.
    const position = argument.type === 'subquery' ? { start: 0, end: 0 } : argument.position;
    return overWindows(context, call, (window) => increaseOver(window, true, seconds), {
      afterSeries: (metricName) => {
        if (metricName !== '' && !COUNTER_SUFFIX.test(metricName))
          context.annotations.possibleNonCounter(metricName, position);
      },
    });
  };
}

/** How fast a series changes. */
export const RATES: Readonly<Record<string, VectorFunction>> = {
  delta: overTime((window) => increaseOver(window, false)),
  idelta: overTime((window) => difference(window, false)),
  increase: counterFunction(false),
  irate: overTime((window) => difference(window, true)),
  rate: counterFunction(true),
};

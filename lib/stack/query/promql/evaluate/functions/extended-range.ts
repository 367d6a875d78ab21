import type { Window } from './over-time.ts';

/** Functions that `anchored` and `smoothed` may be used with. */
export const EXTENSIBLE: Readonly<Record<'anchored' | 'smoothed', readonly string[]>> = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
};

/** The samples that decide about the values at the edges of a window. */
function edgesOf({ times, from, to, start, end }: Window, smoothed: boolean): { first: number; last: number } {
  let first = from;
  while (first < to - 1 && times[first]! <= start) first += 1;
  let last = to - 1;
  if (smoothed) {
    last = from;
    while (last < to - 1 && times[last]! < end) last += 1;
  }
  return { first: Math.max(from, first - 1), last };
}

/** A value between two samples; a counter that was reset between them begins at zero. */
function between({ times, values }: Window, before: number, at: number, counter: boolean): number {
  const start = counter && values[before + 1]! < values[before]! ? 0 : values[before]!;
  return start + ((values[before + 1]! - start) * (at - times[before]!)) / (times[before + 1]! - times[before]!);
}

/**
 * The increase between the values at the edges of a window, nothing extrapolated: at an edge stands the sample before
 * it (`anchored`) or what lies on the line between its neighbours (`smoothed`).
 * Source: prometheus/prometheus, `promql/functions.go`, `extendedRate`.
 */
export function extendedIncrease(window: Window, counter: boolean, smoothed: boolean): number | undefined {
  const { times, values, from, start, end } = window;
  const { first, last } = edgesOf(window, smoothed);
  if (times[last]! <= start || (smoothed && times[first]! > end)) return undefined;
  const left = smoothed && times[first]! < start ? between(window, first, start, counter) : values[first]!;
  const right = smoothed && last > from && times[last]! > end ? between(window, last - 1, end, counter) : values[last]!;
  if (!counter) return right - left;
  let increase = right - left;
  let before = left;
  const inner = { from: times[first]! <= start ? first + 1 : first, to: times[last]! >= end ? last : last + 1 };
  for (let index = inner.from; index < inner.to; index += 1) {
    if (values[index]! < before) increase += before;
    before = values[index]!;
  }
  return right < before ? increase + before : increase;
}

/** Moves the window to begin with the last sample at or before its start. @returns whether any comes after the start */
export function anchor(window: Window): boolean {
  const { times, to, start } = window;
  let after = window.from;
  while (after < to && times[after]! <= start) after += 1;
  if (after === to) return false;
  window.from = Math.max(window.from, after - 1);
  return true;
}

/** A range of samples with values at its very edges. `undefined`: nothing lies in it. */
export function withEdges(
  window: Window,
  smoothed: boolean,
): { times: Float64Array; values: Float64Array } | undefined {
  const { times, values, from, to, start, end } = window;
  if (from === to) return undefined;
  let { first, last } = edgesOf(window, smoothed);
  if (times[last]! <= start) return undefined;
  const left = smoothed && times[first]! < start ? between(window, first, start, false) : values[first]!;
  const right = smoothed && last > from && times[last]! > end ? between(window, last - 1, end, false) : values[last]!;
  if (times[first]! <= start) first += 1;
  if (times[last]! >= end) last -= 1;
  const innerEnd = Math.max(first, last + 1);
  return {
    times: Float64Array.from([start, ...times.subarray(first, innerEnd), end]),
    values: Float64Array.from([left, ...values.subarray(first, innerEnd), right]),
  };
}

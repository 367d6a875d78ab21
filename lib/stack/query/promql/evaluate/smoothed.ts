import type { EvaluationContext, RangeSeries } from './context.ts';
import { StepSeries } from './series.ts';

/**
 * A series with values between its samples: on the line from the one before to the one after, both within the
 * lookback. Without one after, the one before stands.
 */
export function smoothed(
  { labels, times, values }: RangeSeries,
  { steps, lookback }: EvaluationContext,
  reference: (step: number) => number,
): StepSeries {
  const result = StepSeries.blank(labels, false, steps.count);
  let next = 0;
  for (let step = 0; step < steps.count; step += 1) {
    const at = reference(step);
    while (next < times.length && times[next]! < at) next += 1;
    const before = next - 1;
    const hasBefore = before >= 0 && times[before]! > at - lookback;
    const hasNext = next < times.length && times[next]! <= at + lookback;
    if (hasNext && times[next] === at) result.set(step, values[next]!);
    else if (hasBefore && hasNext) {
      const share = (at - times[before]!) / (times[next]! - times[before]!);
      result.set(step, values[before]! + (values[next]! - values[before]!) * share);
    } else if (hasBefore) result.set(step, values[before]!);
  }
  return result;
}

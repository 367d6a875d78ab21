import { LabelSet } from '../label-set.ts';
import { StepSeries } from '../series.ts';
import { mapSamples, type VectorFunction } from './implementation.ts';

const DAY_MILLIS = 86_400_000;

/** A part of the date that a sample, or without argument the time of the step, names. UTC. */
function datePart(part: (date: Date) => number): VectorFunction {
  const of = (seconds: number): number => part(new Date(Math.trunc(seconds) * 1000));
  return (call, context) => {
    const argument = call.arguments[0];
    if (argument !== undefined) return mapSamples(context, context.vector(argument), of);
    const { steps } = context;
    const series = StepSeries.blank(LabelSet.EMPTY, false, steps.count);
    for (let step = 0; step < steps.count; step += 1) series.set(step, of(steps.time(step) / 1000));
    return [series];
  };
}

export const CALENDAR: Readonly<Record<string, VectorFunction>> = {
  day_of_month: datePart((date) => date.getUTCDate()),
  day_of_week: datePart((date) => date.getUTCDay()),
  day_of_year: datePart(
    (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MILLIS) + 1,
  ),
  days_in_month: datePart((date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()),
  hour: datePart((date) => date.getUTCHours()),
  minute: datePart((date) => date.getUTCMinutes()),
  month: datePart((date) => date.getUTCMonth() + 1),
  year: datePart((date) => date.getUTCFullYear()),
};

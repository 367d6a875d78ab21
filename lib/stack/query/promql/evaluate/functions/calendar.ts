import { LabelSet } from '../label-set.ts';
import { StepSeries } from '../series.ts';
import { mapSamples, type VectorFunction } from './implementation.ts';

/** Days of a cycle of the Gregorian calendar, 400 years. */
const CYCLE_DAYS = 146_097;
/** Days from 0000-03-01, where a cycle begins, to 1970-01-01. */
const EPOCH_DAYS = 719_468;

/** Seconds that Go's `time.Unix` adds, to count from the first time that it can name; the sum wraps at 64 bits. */
const GO_ORIGIN_SECONDS = 62_135_596_800n + ((292_277_022_400n * 3_652_425n) / 10_000n) * 86_400n + 306n * 86_400n;

interface CivilTime {
  readonly year: number;
  /** 1 = January. */
  readonly month: number;
  readonly day: number;
  /** Days since 1970-01-01. */
  readonly days: number;
  /** Seconds since midnight. */
  readonly seconds: number;
}

/**
 * The date of a time in UTC, as Go has it: years beyond those of a JavaScript date, and what is no time at all (NaN,
 * infinite, beyond 64 bits) is taken for the earliest.
 */
function civilTime(seconds: number): CivilTime {
  const whole = Math.abs(seconds) < 2 ** 63 ? BigInt(Math.trunc(seconds)) : -(2n ** 63n);
  const unwrapped = BigInt.asUintN(64, whole + GO_ORIGIN_SECONDS) - GO_ORIGIN_SECONDS;
  const inDay = Number(((unwrapped % 86_400n) + 86_400n) % 86_400n);
  const days = Number((unwrapped - BigInt(inDay)) / 86_400n);
  return { ...civilDate(days), days, seconds: inDay };
}

/** Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`. */
function civilDate(days: number): Pick<CivilTime, 'year' | 'month' | 'day'> {
  const shifted = days + EPOCH_DAYS;
  const cycle = Math.floor(shifted / CYCLE_DAYS);
  const dayOfCycle = shifted - cycle * CYCLE_DAYS;
  const yearOfCycle = Math.floor(
    (dayOfCycle -
      Math.floor(dayOfCycle / 1460) +
      Math.floor(dayOfCycle / 36_524) -
      Math.floor(dayOfCycle / (CYCLE_DAYS - 1))) /
      365,
  );
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  // Counted from March, so that the leap day is the last one.
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function dayOfYear({ year, month, day }: CivilTime): number {
  let days = day;
  for (let before = 1; before < month; before += 1) days += daysInMonth(year, before);
  return days;
}

/** A part of the date that a sample, or without argument the time of the step, names. UTC. */
function datePart(part: (time: CivilTime) => number): VectorFunction {
  const of = (seconds: number): number => part(civilTime(seconds));
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
  day_of_month: datePart(({ day }) => day),
  // 1970-01-01 was a Thursday; Sunday is 0.
  day_of_week: datePart(({ days }) => (((days + 4) % 7) + 7) % 7),
  day_of_year: datePart(dayOfYear),
  days_in_month: datePart(({ year, month }) => daysInMonth(year, month)),
  hour: datePart(({ seconds }) => Math.floor(seconds / 3600)),
  minute: datePart(({ seconds }) => Math.floor(seconds / 60) % 60),
  month: datePart(({ month }) => month),
  year: datePart(({ year }) => year),
};

/** Elasticsearch's `strict_date_optional_time`: ISO 8601, everything after the year optional, up to nanoseconds. */
const ISO =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?$/;
/** Largest time a JavaScript date can hold, in milliseconds. */
const MAX_MILLIS = 8.64e15;

/**
 * Reads a timestamp as Elasticsearch's default date field does (`strict_date_optional_time||epoch_millis`).
 *
 * @returns microseconds since the epoch, or undefined when it is none
 */
export function readTimestamp(value: unknown): number | undefined {
  if (typeof value === 'number') return fromMillis(value);
  if (typeof value !== 'string') return undefined;
  if (/^-?\d{5,}(?:\.\d+)?$/.test(value)) return fromMillis(Number(value));
  const match = ISO.exec(value);
  if (match === null) return undefined;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    match;
  const millis = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const back = new Date(millis);
  // Date.UTC takes a 31st of June; Elasticsearch does not.
  if (
    Number.isNaN(millis) ||
    back.getUTCMonth() !== Number(month) - 1 ||
    back.getUTCDate() !== Number(day) ||
    Number(hour) > 23 ||
    Number(minute) > 59 ||
    Number(second) > 59
  )
    return undefined;
  return (millis - zoneMillis(zone)) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function fromMillis(millis: number): number | undefined {
  return Number.isFinite(millis) && Math.abs(millis) <= MAX_MILLIS ? Math.round(millis * 1000) : undefined;
}

function zoneMillis(zone: string): number {
  if (zone === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return (zone.startsWith('-') ? -1 : 1) * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  H: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A bound of a range over time: a timestamp, or date math on `now` in fixed units (`now-15m`, `now-1d+1h`). Rounding
 * (`/d`) and calendar units are not read.
 *
 * @returns microseconds since the epoch, or undefined when it is not understood
 */
export function readTimeBound(value: unknown, nowMillis: number): number | undefined {
  if (typeof value !== 'string' || !value.startsWith('now')) return readTimestamp(value);
  const rest = value.slice(3);
  if (!/^(?:[+-]\d{1,9}[smhHdw])*$/.test(rest)) return undefined;
  let millis = nowMillis;
  for (const [, sign, count, unit] of rest.matchAll(/([+-])(\d+)([smhHdw])/g))
    millis += (sign === '-' ? -1 : 1) * Number(count) * UNIT_MILLIS[unit!]!;
  return millis * 1000;
}

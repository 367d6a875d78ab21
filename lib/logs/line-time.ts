/** 5138-11-16 in seconds and 1973-03-03 in milliseconds: a number below is taken as seconds (pino's `unixTime`). */
const LEAST_MILLIS = 1e11;
/** Above it microseconds, above its thousandfold nanoseconds: what makers of their own time functions write. */
const LEAST_MICROS = 1e14;
const LEAST_NANOS = 1e17;

const DEFAULT_START = ',"time":';

function ofNumber(value: number): number {
  if (value < LEAST_MILLIS) return value * 1000;
  if (value < LEAST_MICROS) return value;
  return Math.floor(value < LEAST_NANOS ? value / 1000 : value / 1e6);
}

/**
 * Milliseconds since the epoch out of the fragment that a pino time function made: `,"time":1531171074631` (`epochTime`), seconds
 * (`unixTime`), `,"time":"2018-07-09T21:44:34.631Z"` (`isoTime`, also with nanoseconds) or the same under another name.
 *
 * @returns undefined when there is no time in it (`nullTime`, or text that is none)
 */
export function timeOfFragment(fragment: string): number | undefined {
  if (fragment.length < 3) return undefined;
  const from = fragment.startsWith(DEFAULT_START) ? DEFAULT_START.length : fragment.indexOf(':') + 1;
  const value = fragment.slice(from);
  const number = Number(value);
  if (value !== '' && Number.isFinite(number)) return number > 0 ? ofNumber(number) : undefined;
  const text = value.replace(/^\s*"|"\s*$/g, '');
  const parsed = /^\d+$/.test(text) ? ofNumber(Number(text)) : Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

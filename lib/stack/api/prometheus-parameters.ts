import type { Exchange } from '../http/exchange.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import { compileMatcher } from '../query/label-matcher.ts';
import { ParseError } from '../query/promql/errors.ts';
import { DurationError, parseDuration } from '../query/promql/syntax/literals.ts';
import { parseSelector } from '../query/promql/syntax/parser.ts';

/** Bytes of a form. */
const MAX_FORM_BYTES = 1024 ** 2;
/** Characters of a wrong value that an error repeats. */
const MAX_REPEATED = 50;

/** A parameter that is wrong; `message` is worded as Prometheus words it. */
export class BadData extends Error {}

/** Query string and, of a POST, form together. */
export async function parametersOf(exchange: Exchange): Promise<URLSearchParams> {
  if (exchange.method !== 'POST') return exchange.query;
  const form = new URLSearchParams((await exchange.body(MAX_FORM_BYTES)).toString('utf8'));
  return new URLSearchParams([...exchange.query, ...form]);
}

function wrong(name: string, reason: string): BadData {
  return new BadData(`invalid parameter "${name}": ${reason}`);
}

/**
 * A time: seconds since the epoch with fraction, or RFC 3339.
 *
 * @returns milliseconds since the epoch; undefined when there is none
 * @throws BadData
 */
export function readTime(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null || text === '') return undefined;
  const millis = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)
    ? Number(text) * 1000
    : /^\d{4}-\d\d-\d\dT/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (!Number.isFinite(millis))
    throw wrong(name, `cannot parse ${JSON.stringify(text.slice(0, MAX_REPEATED))} to a valid timestamp`);
  return Math.round(millis);
}

/** A time that must be given. @throws BadData */
export function neededTime(parameters: URLSearchParams, name: string): number {
  const time = readTime(parameters, name);
  if (time === undefined) throw wrong(name, 'cannot parse "" to a valid timestamp');
  return time;
}

/**
 * A duration: seconds with fraction, or `1m30s`.
 *
 * @returns milliseconds; undefined when there is none
 * @throws BadData
 */
export function readDuration(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null || text === '') return undefined;
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) && Math.abs(Number(text)) < 2 ** 63 / 1e9)
    return Math.trunc(Number(text) * 1000);
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw wrong(name, `cannot parse ${JSON.stringify(text.slice(0, MAX_REPEATED))} to a valid duration`);
  }
}

/** A count that bounds an answer; 0 = no bound. @throws BadData */
export function readLimit(parameters: URLSearchParams, name = 'limit'): number {
  const text = parameters.get(name) ?? '';
  if (text === '') return 0;
  if (!/^[+-]?\d+$/.test(text))
    throw wrong(name, `strconv.Atoi: parsing ${JSON.stringify(text.slice(0, MAX_REPEATED))}: invalid syntax`);
  if (Number(text) < 0) throw wrong(name, 'limit must be non-negative');
  return Number(text);
}

/** The selectors of `match[]`. @throws BadData */
export function readSelectors(parameters: URLSearchParams): LabelMatcher[][] {
  return parameters.getAll('match[]').map((text) => {
    try {
      const { matchers } = parseSelector(text);
      if (matchers.every((matcher) => compileMatcher(matcher)('')))
        throw wrong('match[]', 'match[] must contain at least one non-empty matcher');
      return [...matchers];
    } catch (error) {
      if (error instanceof ParseError) throw wrong('match[]', error.message);
      throw error;
    }
  });
}

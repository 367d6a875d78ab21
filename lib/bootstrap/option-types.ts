/** Parsers of option values. Each takes the text of an environment variable and throws a sentence: "wanted …". */

import { parseBytes, parseMillis } from '../core/units.ts';
import { parseRouteRules, type RouteRule } from '../traces/route-rules.ts';

/** What a parser throws; collected, never shown as a stack. */
export class Unacceptable extends Error {}

/** Characters of a value that a sentence repeats. */
const MAX_SHOWN = 200;

/** Text from outside as part of one line. */
export function inLine(value: string): string {
  return value.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value inside of a sentence of one line, quoted. */
export function shown(value: string): string {
  return inLine(JSON.stringify(value.slice(0, MAX_SHOWN)));
}

export function text(value: string): string {
  return value;
}

/** Comma separated; empty members are left out. */
export function list(value: string): readonly string[] {
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

export function oneOf<const T extends readonly string[]>(...accepted: T): (value: string) => T[number] {
  return (value) => {
    const lower = value.trim().toLowerCase();
    if (accepted.includes(lower)) return lower;
    throw new Unacceptable(`wanted one of ${accepted.join(', ')}`);
  };
}

/** As `oneOf`, where the standard allows a list and this product has one at a time. */
export function onlyOneOf<const T extends readonly string[]>(...accepted: T): (value: string) => T[number] {
  const members = listOf(...accepted);
  return (value) => {
    const [first, ...more] = members(value);
    if (first === undefined) throw new Unacceptable(`wanted one of ${accepted.join(', ')}`);
    if (more.length > 0) throw new Unacceptable(`wanted one of ${accepted.join(', ')}, not several at a time`);
    return first;
  };
}

export function listOf<const T extends readonly string[]>(...accepted: T): (value: string) => readonly T[number][] {
  const member = oneOf(...accepted);
  return (value) => [...new Set(list(value).map(member))];
}

export function boolean(value: string): boolean {
  const lower = value.trim().toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  if (lower === 'false' || lower === '0') return false;
  throw new Unacceptable('wanted true or false');
}

/** A whole number in [minimum, maximum]. */
export function integer(minimum: number, maximum: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (value.trim() !== '' && Number.isInteger(number) && number >= minimum && number <= maximum) return number;
    throw new Unacceptable(`wanted a whole number from ${minimum} to ${maximum}`);
  };
}

/** A TCP port, or `off`. 0 is any free port. */
export function portOrOff(value: string): number | 'off' {
  if (value.trim().toLowerCase() === 'off') return 'off';
  try {
    return integer(0, 65_535)(value);
  } catch {
    throw new Unacceptable('wanted a port from 0 to 65535 (0 is any free one) or off');
  }
}

/** A bare number, in the smallest unit. */
function bare(value: string): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(value.trim()) ? Math.round(Number(value)) : undefined;
}

/** A duration such as `500ms`, `3s`, `24h`; a bare number is milliseconds. Gives milliseconds. */
export function duration(value: string): number {
  const millis = parseMillis(value) ?? bare(value);
  if (millis === undefined) throw new Unacceptable('wanted a duration such as 500ms, 3s or 24h');
  return millis;
}

/** A size such as `512mb`; a bare number is bytes; units are powers of 1024. Gives bytes. */
export function bytes(value: string): number {
  const size = parseBytes(value) ?? bare(value);
  if (size === undefined) throw new Unacceptable('wanted a size such as 512mb or 1gb');
  return size;
}

/** An absolute URL with one of the schemes; given back without trailing slash. */
export function url(...schemes: readonly string[]): (value: string) => string {
  return (value) => {
    let parsed: URL;
    try {
      parsed = new URL(value.trim());
    } catch {
      throw new Unacceptable(`wanted a URL such as ${schemes[0]}://127.0.0.1:1234`);
    }
    if (!schemes.includes(parsed.protocol.slice(0, -1))) {
      throw new Unacceptable(`wanted a URL with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
    }
    return value.trim().replace(/\/+$/, '');
  };
}

/** As `url`; an address without a port is accepted only under http and https, which have one of their own. */
export function urlWithPort(...schemes: readonly string[]): (value: string) => string {
  const parse = url(...schemes);
  return (value) => {
    const address = parse(value);
    if (!address.startsWith('http') && new URL(address).port === '')
      throw new Unacceptable(`wanted a port too, such as ${schemes[0]}://127.0.0.1:1234`);
    return address;
  };
}

/** HTTP field names, comma separated, given back in lower case (RFC 9110 §5.1 token). */
export function headerNames(value: string): readonly string[] {
  const names = list(value).map((name) => name.toLowerCase());
  if (names.length === 0) throw new Unacceptable('wanted at least one header name');
  const wrong = names.find((name) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name));
  if (wrong !== undefined) throw new Unacceptable(`wanted header names, ${shown(wrong)} is none`);
  return names;
}

/** `key=value` pairs, comma separated, percent-decoded (OpenTelemetry, "Resource SDK", specifying resource information via an environment variable). */
export function pairs(value: string): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const member of list(value)) {
    const at = member.indexOf('=');
    if (at <= 0) throw new Unacceptable(`wanted key=value pairs, ${shown(member)} is none`);
    try {
      result[decodeURIComponent(member.slice(0, at).trim())] = decodeURIComponent(member.slice(at + 1).trim());
    } catch {
      throw new Unacceptable(`wanted percent-encoded key=value pairs, ${shown(member)} cannot be decoded`);
    }
  }
  return result;
}

/** HTTP header fields as `key=value` pairs (as `pairs`), names in lower case. Says nothing of what it refuses: values are secrets. */
export function headers(value: string): Readonly<Record<string, string>> {
  let given: [string, string][];
  try {
    given = Object.entries(pairs(value));
  } catch {
    throw new Unacceptable('wanted percent-encoded key=value pairs');
  }
  for (const [name, text] of given) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) throw new Unacceptable('wanted header names before each =');
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
      throw new Unacceptable('wanted header values without control characters');
  }
  return Object.fromEntries(given.map(([name, text]) => [name.toLowerCase(), text]));
}

/** A number in [0, 1] or nothing; the samplers read it. */
export function ratio(value: string): string {
  const number = Number(value);
  if (value.trim() !== '' && number >= 0 && number <= 1) return value.trim();
  throw new Unacceptable('wanted a ratio from 0 to 1');
}

/** `errors` and `slow:<duration>`, comma separated. */
export function keepPolicy(value: string): string {
  for (const member of list(value)) {
    if (member === 'errors') continue;
    if (!member.startsWith('slow:'))
      throw new Unacceptable('wanted errors, slow:<duration> or both, such as errors,slow:1s');
    duration(member.slice(5));
  }
  return value.trim();
}

/** Rules of sampling by path. */
export function routeRules(value: string): readonly RouteRule[] {
  try {
    return parseRouteRules(value);
  } catch (error) {
    throw new Unacceptable((error as Error).message);
  }
}

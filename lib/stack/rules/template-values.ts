import { floatText } from '../query/promql/syntax/literals.ts';
import type { Labels } from '../store/store.ts';

/** A value of a template. A bigint is Go's int, a number its float64. */
export type TemplateValue = string | number | bigint | boolean | Labels;

/** The template cannot be expanded with these values; `message` says why. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

/** Characters of one expanded text. */
export const MAX_TEXT = 64 * 1024;
/** Decimal exponent from which Go writes the shortest digits with one. */
const EXPONENT_FROM = 6;
/** Most digits that JavaScript writes of a number. */
const ALL_DIGITS = 100;
/** Widths and precisions of `printf`. */
const MAX_WIDTH = 1000;

/** As Go's `%v`. */
export function textOfValue(value: TemplateValue): string {
  if (typeof value === 'number') return shortestText(value);
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `map[${entries.map(([name, text]) => `${name}:${text}`).join(' ')}]`;
}

export function isTrue(value: TemplateValue): boolean {
  if (typeof value === 'object') return Object.keys(value).length > 0;
  return typeof value === 'number' ? value !== 0 : Boolean(value);
}

/** A number for the functions that humanise. @throws ExpansionError */
export function numberOf(value: TemplateValue): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))) return Number(value);
  throw new ExpansionError(`can't convert ${typeof value} to float`);
}

/** As Go's `%g` without a precision: the shortest digits, an exponent below 1e-4 and from 1e6. */
function shortestText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return floatText(value);
  const [mantissa = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < EXPONENT_FROM) return floatText(value);
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** As Go's `%.<precision>g`. */
export function generalText(value: number, precision: number): string {
  if (!Number.isFinite(value)) return floatText(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const digits = Math.min(Math.max(precision, 1), 100);
  const [mantissa = '', power = ''] = exponentText(value, digits - 1).split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return withoutZeros(fixedText(value, Math.min(digits - 1 - exponent, 100)));
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** As `toFixed`, but a value half way goes to the even digit, as in Go. */
function fixedText(value: number, digits: number): string {
  return evenOfHalves(value.toFixed(digits), value.toFixed(ALL_DIGITS), digits);
}

function exponentText(value: number, digits: number): string {
  const [mantissa = '', power = ''] = value.toExponential(ALL_DIGITS).split('e');
  const [rounded = '', roundedPower = ''] = value.toExponential(digits).split('e');
  return power === roundedPower ? `${evenOfHalves(rounded, mantissa, digits)}e${power}` : `${rounded}e${roundedPower}`;
}

/** @param exact the value with all its digits; `toFixed` and `toExponential` know a hundred */
function evenOfHalves(rounded: string, exact: string, digits: number): string {
  const point = exact.indexOf('.');
  // Beyond 1e21 JavaScript writes an exponent, and there are no halves.
  if (point < 0 || !/^50*$/.test(exact.slice(point + 1 + digits))) return rounded;
  const cut = exact.slice(0, digits === 0 ? point : point + 1 + digits);
  return '02468'.includes(cut.at(-1)!) ? cut : rounded;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const VERB = /%([-+# 0]*)(\d+)?(?:\.(\d*))?(.|$)/gsu;

/** Go's `Sprintf` for what templates hold. */
export function printf(format: string, values: readonly TemplateValue[]): string {
  let next = 0;
  const text = format.replace(VERB, (whole, flags: string, width?: string, precision?: string, verb?: string) => {
    if (verb === '%') return '%';
    if (verb === '') return '%!(NOVERB)';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next]!;
    next += 1;
    if (Number(width ?? 0) > MAX_WIDTH || Number(precision ?? 0) > 100) throw new ExpansionError(`${whole}: too wide`);
    const body = verbText(verb!, value, precision === undefined ? undefined : Number(precision));
    if (body === undefined) return `%!${verb}(${typeName(value)}=${textOfValue(value)})`;
    return padded(body, {
      flags,
      width: Number(width ?? 0),
      numeric: typeof value === 'number' || typeof value === 'bigint',
    });
  });
  const extra = values.slice(next).map((value) => `${typeName(value)}=${textOfValue(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}

function verbText(verb: string, value: TemplateValue, precision: number | undefined): string | undefined {
  if (verb === 'v')
    return typeof value === 'number' && precision !== undefined ? generalText(value, precision) : textOfValue(value);
  if (typeof value === 'string') {
    if (verb === 's') return precision === undefined ? value : [...value].slice(0, precision).join('');
    return verb === 'q' ? JSON.stringify(value) : undefined;
  }
  if (typeof value === 'number') return floatVerb(verb, value, precision);
  if (typeof value === 'bigint') {
    if (verb === 'd') return String(value);
    return verb === 'x' ? value.toString(16) : undefined;
  }
  return verb === 't' && typeof value === 'boolean' ? String(value) : undefined;
}

function floatVerb(verb: string, value: number, precision: number | undefined): string | undefined {
  if (!'feg'.includes(verb)) return undefined;
  if (!Number.isFinite(value)) return floatText(value);
  if (verb === 'f') return fixedText(value, precision ?? 6);
  if (verb === 'g') return precision === undefined ? shortestText(value) : generalText(value, precision);
  return exponentText(value, precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
}

function padded(body: string, { flags, width, numeric }: { flags: string; width: number; numeric: boolean }): string {
  const sign = numeric && !/^[+-]/.test(body) ? (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') : '';
  const text = sign + body;
  if (flags.includes('-')) return text.padEnd(width);
  if (!flags.includes('0') || !numeric) return text.padStart(width);
  const lead = /^[+ -]/.exec(text)?.[0] ?? '';
  return lead + text.slice(lead.length).padStart(width - lead.length, '0');
}

function typeName(value: TemplateValue): string {
  const names = { string: 'string', number: 'float64', bigint: 'int', boolean: 'bool' } as const;
  return names[typeof value as keyof typeof names] ?? 'map[string]string';
}

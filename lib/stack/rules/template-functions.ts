import { compileRe2 } from '../query/regular-expression.ts';
import {
  ExpansionError,
  generalText,
  isTrue,
  numberOf,
  printf,
  type TemplateValue,
  textOfValue,
} from './template-values.ts';

/** A function with the least and the most arguments that it takes. */
export interface TemplateFunction {
  readonly least: number;
  readonly most: number;
  readonly call: (values: readonly TemplateValue[]) => TemplateValue;
}

const LARGE = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const SMALL = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];
const BINARY = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'];

const short = (value: number): string => generalText(value, 4);

function large(value: number, prefixes: readonly string[], base: number): string {
  let rest = value;
  let prefix = '';
  for (const next of prefixes) {
    if (Math.abs(rest) < base) break;
    prefix = next;
    rest /= base;
  }
  return short(rest) + prefix;
}

function small(value: number): string {
  let rest = value;
  let prefix = '';
  for (const next of SMALL) {
    if (Math.abs(rest) >= 1) break;
    prefix = next;
    rest *= 1000;
  }
  return short(rest) + prefix;
}

function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return short(value);
  return Math.abs(value) >= 1 ? large(value, LARGE, 1000) : small(value);
}

function humanize1024(value: number): string {
  return Math.abs(value) <= 1 || !Number.isFinite(value) ? short(value) : large(value, BINARY, 1024);
}

function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return short(value);
  if (value === 0) return '0s';
  if (Math.abs(value) < 1) return `${small(value)}s`;
  const sign = value < 0 ? '-' : '';
  const whole = Math.trunc(Math.abs(value));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  const seconds = `${whole % 60}s`;
  if (days !== 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}`;
  if (hours !== 0) return `${sign}${hours}h ${minutes}m ${seconds}`;
  if (minutes !== 0) return `${sign}${minutes}m ${seconds}`;
  return `${sign}${short(Math.abs(value))}s`;
}

function humanizeTimestamp(value: number): string {
  const date = new Date(value * 1000);
  if (!Number.isFinite(date.getTime())) return short(value);
  const [day, time] = date.toISOString().slice(0, -1).split('T') as [string, string];
  return `${day} ${time.replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros.replace(/0+$/, '')))} +0000 UTC`;
}

function compare(one: TemplateValue, other: TemplateValue): number {
  if (typeof one !== typeof other || typeof one === 'object' || typeof one === 'boolean')
    throw new ExpansionError('incompatible types for comparison');
  return one < other ? -1 : one > other ? 1 : 0;
}

function same(one: TemplateValue, other: TemplateValue): boolean {
  if (typeof one !== typeof other || typeof one === 'object')
    throw new ExpansionError('incompatible types for comparison');
  return one === other;
}

const one = (call: (value: TemplateValue) => TemplateValue): TemplateFunction => ({
  least: 1,
  most: 1,
  call: ([value]) => call(value!),
});
const two = (call: (first: TemplateValue, second: TemplateValue) => TemplateValue): TemplateFunction => ({
  least: 2,
  most: 2,
  call: ([first, second]) => call(first!, second!),
});
const ofNumber = (call: (value: number) => string): TemplateFunction => one((value) => call(numberOf(value)));
const ofText = (call: (value: string) => TemplateValue): TemplateFunction => one((value) => call(textOfValue(value)));
const ANY_NUMBER = 20;

/** What templates of alerts may call. Source: Prometheus documentation, "Template reference"; Go, text/template. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ['humanize', ofNumber(humanize)],
  ['humanize1024', ofNumber(humanize1024)],
  ['humanizeDuration', ofNumber(humanizeDuration)],
  ['humanizePercentage', ofNumber((value) => `${short(value * 100)}%`)],
  ['humanizeTimestamp', ofNumber(humanizeTimestamp)],
  ['title', ofText((text) => text.replace(/(^|\s)\S/gu, (start) => start.toUpperCase()))],
  ['toUpper', ofText((text) => text.toUpperCase())],
  ['toLower', ofText((text) => text.toLowerCase())],
  [
    'stripPort',
    ofText(
      (text) =>
        /^(?:\[([^\]]*)\]|([^:]*)):\d+$/
          .exec(text)
          ?.slice(1)
          .find((host) => host !== undefined) ?? text,
    ),
  ],
  [
    'match',
    two((pattern, text) =>
      compileRe2(textOfValue(pattern), { anchored: false, dotAll: false }).test(textOfValue(text)),
    ),
  ],
  [
    'reReplaceAll',
    {
      least: 3,
      most: 3,
      call: ([pattern, replacement, text]) => {
        const { source, flags } = compileRe2(textOfValue(pattern!), { anchored: false, dotAll: false });
        const template = textOfValue(replacement!).replace(/\$\{(\d+)\}/g, '$$$1');
        return textOfValue(text!).replace(new RegExp(source, `${flags}g`), template);
      },
    },
  ],
  ['printf', { least: 1, most: ANY_NUMBER, call: ([format, ...values]) => printf(textOfValue(format!), values) }],
  ['print', { least: 1, most: ANY_NUMBER, call: (values) => values.map(textOfValue).join('') }],
  ['eq', { least: 2, most: ANY_NUMBER, call: ([first, ...rest]) => rest.some((other) => same(first!, other)) }],
  ['ne', two((first, second) => !same(first, second))],
  ['lt', two((first, second) => compare(first, second) < 0)],
  ['le', two((first, second) => compare(first, second) <= 0)],
  ['gt', two((first, second) => compare(first, second) > 0)],
  ['ge', two((first, second) => compare(first, second) >= 0)],
  ['and', { least: 1, most: ANY_NUMBER, call: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1)! }],
  ['or', { least: 1, most: ANY_NUMBER, call: (values) => values.find(isTrue) ?? values.at(-1)! }],
  ['not', one((value) => !isTrue(value))],
]);

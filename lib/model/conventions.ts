/**
 * The naming rules of Prometheus: all checks of `promtool check metrics` (client_golang, promlint) and those of
 * prometheus.io/docs/practices/naming that a program can decide. Used where a metric is declared and by the linter.
 */
export type ConventionType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'info' | 'unknown';

export interface MetricShape {
  readonly name: string;
  readonly type: ConventionType;
  readonly help: string;
  /** Label names in use, without `le` of a histogram and `quantile` of a summary. */
  readonly labels: readonly string[];
}

export interface Violation {
  /** Stable name of the rule. */
  readonly rule: string;
  readonly message: string;
}

/** Words that name a unit, with the base unit to use instead (promlint `units`). */
const UNITS: Readonly<Record<string, string>> = {
  amperes: 'amperes',
  bytes: 'bytes',
  celsius: 'celsius',
  grams: 'grams',
  joules: 'joules',
  kelvin: 'kelvin',
  meters: 'meters',
  metres: 'metres',
  moles: 'moles',
  seconds: 'seconds',
  volts: 'volts',
  minutes: 'seconds',
  hours: 'seconds',
  days: 'seconds',
  weeks: 'seconds',
  kelvins: 'kelvin',
  fahrenheit: 'celsius',
  rankine: 'celsius',
  inches: 'meters',
  yards: 'meters',
  miles: 'meters',
  bits: 'bytes',
  calories: 'joules',
  pounds: 'grams',
  ounces: 'grams',
};
const UNIT_PREFIXES = [
  'pico',
  'nano',
  'micro',
  'milli',
  'centi',
  'deci',
  'deca',
  'hecto',
  'kilo',
  'kibi',
  'mega',
  'mibi',
  'mebi',
  'giga',
  'gibi',
  'tera',
  'tebi',
  'peta',
  'pebi',
] as const;
/** Abbreviations (promlint `unitAbbreviations`) with the word to use instead. */
export const PROMLINT_ABBREVIATIONS: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'seconds',
  us: 'seconds',
  ns: 'seconds',
  sec: 'seconds',
  m: 'seconds',
  h: 'seconds',
  d: 'seconds',
  b: 'bytes',
  kb: 'bytes',
  mb: 'bytes',
  gb: 'bytes',
  tb: 'bytes',
  pb: 'bytes',
};
/** Further spellings of the same that promlint does not know; ours to refuse. */
const MORE_ABBREVIATIONS: Readonly<Record<string, string>> = {
  millis: 'seconds',
  micros: 'seconds',
  nanos: 'seconds',
  msec: 'seconds',
  msecs: 'seconds',
  usec: 'seconds',
  secs: 'seconds',
  mins: 'seconds',
  hrs: 'seconds',
  kib: 'bytes',
  mib: 'bytes',
  gib: 'bytes',
  tib: 'bytes',
};
const ABBREVIATIONS: Readonly<Record<string, string>> = { ...PROMLINT_ABBREVIATIONS, ...MORE_ABBREVIATIONS };
const RESERVED_SUFFIXES = ['_bucket', '_count', '_sum'] as const;
const TOTAL = '_total';
/** Labels that the scraper sets; a metric's own would be renamed to `exported_…`. */
const TARGET_LABELS = new Set(['job', 'instance']);

const METRIC_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

function isHistogramLike(type: ConventionType): boolean {
  return type === 'histogram' || type === 'summary';
}

/** The base unit that a word of a name stands for, undefined when it is no unit. */
export function baseUnit(word: string): string | undefined {
  if (Object.hasOwn(UNITS, word)) return UNITS[word];
  for (const prefix of UNIT_PREFIXES) {
    const rest = word.slice(prefix.length);
    if (word.startsWith(prefix) && Object.hasOwn(UNITS, rest)) return UNITS[rest];
  }
  return undefined;
}

type Rule = (metric: MetricShape) => string | undefined;

const RULES: Readonly<Record<string, Rule>> = {
  characters: ({ name }) =>
    METRIC_NAME.test(name)
      ? undefined
      : name.includes(':')
        ? "':' belongs to recording rules"
        : 'a name is made of letters, digits and _, and starts with a letter',
  'snake-case': ({ name }) =>
    SNAKE.test(name) || !METRIC_NAME.test(name)
      ? undefined
      : 'a name is in snake_case: lower case, single _ between words',
  help: ({ help }) => (help.trim() === '' ? 'there is no help text' : undefined),
  'base-unit': ({ name }) => {
    for (const word of name.split('_')) {
      const base = baseUnit(word);
      if (base !== undefined) return base === word ? undefined : `use the base unit '${base}' instead of '${word}'`;
    }
    return undefined;
  },
  'unit-abbreviation': ({ name }) => {
    const word = name
      .split('_')
      .slice(1)
      .find((part) => Object.hasOwn(ABBREVIATIONS, part.toLowerCase()));
    return word === undefined
      ? undefined
      : `write out the unit: '${ABBREVIATIONS[word.toLowerCase()]}' instead of '${word}'`;
  },
  'counter-total': ({ name, type }) =>
    type === 'counter' && !name.endsWith(TOTAL) ? "a counter ends in '_total'" : undefined,
  'total-counter': ({ name, type }) =>
    type !== 'counter' && type !== 'unknown' && name.endsWith(TOTAL)
      ? `only a counter ends in '_total', this is a ${type}`
      : undefined,
  'reserved-suffix': ({ name, type }) => {
    if (isHistogramLike(type)) return undefined;
    const suffix = RESERVED_SUFFIXES.find((ending) => name.endsWith(ending));
    return suffix === undefined ? undefined : `'${suffix}' is made by histograms and summaries`;
  },
  'created-suffix': ({ name }) => (name.endsWith('_created') ? "'_created' is reserved by OpenMetrics" : undefined),
  // Its own type only, as promlint has it: a gauge may well show a summary.
  'type-in-name': ({ name, type }) =>
    type !== 'info' && type !== 'unknown' && `${name}_`.includes(`_${type}_`)
      ? `a name does not say its type ('${type}')`
      : undefined,
  'label-in-name': ({ name, labels }) => {
    const label = labels.find((one) => `${name}_`.includes(`_by_${one}_`));
    return label === undefined ? undefined : `a name does not say its labels ('by_${label}')`;
  },
};

function labelViolation(label: string): string | undefined {
  if (!LABEL_NAME.test(label)) return 'a label is made of letters, digits and _, and starts with a letter';
  if (label.startsWith('__')) return "labels that start with '__' are Prometheus's own";
  if (!SNAKE.test(label)) return 'a label is in snake_case: lower case, single _ between words';
  if (label === 'le' || label === 'quantile')
    return `'${label}' is made by ${label === 'le' ? 'histograms' : 'summaries'}`;
  if (TARGET_LABELS.has(label)) return `'${label}' is set by the scraper`;
  return undefined;
}

/** Every rule that the metric breaks; empty when it is fine. */
export function violations(metric: MetricShape): Violation[] {
  const found: Violation[] = [];
  for (const [rule, check] of Object.entries(RULES)) {
    const message = check(metric);
    if (message !== undefined) found.push({ rule, message });
  }
  for (const label of metric.labels) {
    const message = labelViolation(label);
    if (message !== undefined) found.push({ rule: 'label', message: `label '${label}': ${message}` });
  }
  if (new Set(metric.labels).size < metric.labels.length)
    found.push({ rule: 'label', message: 'a label is named twice' });
  return found;
}

/** Any text as snake_case: `latencyMs` is `latency_ms`. Empty when nothing is left. */
function snakeCase(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+/, '')
    .replace(/_+$/, '');
}

/**
 * The name to use instead: `orders_created` (counter) is `orders_created_total`, `latency_ms` is `latency_seconds`.
 * Undefined when no rule of this file makes a name of it.
 *
 * @param unit base unit as a word (`seconds`), when the declaration gives one
 */
export function rightName(metric: MetricShape, unit = ''): string | undefined {
  const histogramLike = isHistogramLike(metric.type);
  const dropped = new Set<string>([
    'total',
    metric.type,
    ...(histogramLike ? [] : RESERVED_SUFFIXES.map((suffix) => suffix.slice(1))),
  ]);
  let words = snakeCase(metric.name)
    .split('_')
    .filter((word, index) => index === 0 || !dropped.has(word));
  // `orders_created` of a counter is fine once `_total` follows; elsewhere the word must not be the last.
  if (metric.type !== 'counter' && words.length > 1 && words.at(-1) === 'created') words.pop();
  for (const label of metric.labels) {
    const at = `_${words.join('_')}_`.indexOf(`_by_${label}_`);
    if (at > 0)
      words = `_${words.join('_')}_`
        .replace(`_by_${label}_`, '_')
        .split('_')
        .filter((word) => word !== '');
  }
  words = words.map((word, index) =>
    index > 0 && Object.hasOwn(ABBREVIATIONS, word) ? (ABBREVIATIONS[word] as string) : (baseUnit(word) ?? word),
  );
  // One unit, at the end: `seconds_of_wait` has it in the middle, `bytes_bytes` twice.
  const last = unit !== '' ? unit : words.findLast((word) => baseUnit(word) === word);
  if (last !== undefined) words = [...words.filter((word) => word !== last), last];
  const name = [...words, ...(metric.type === 'counter' ? ['total'] : [])].filter((word) => word !== '').join('_');
  return violations({ ...metric, name, labels: [], help: '-' }).length === 0 ? name : undefined;
}

/** The same for a label; undefined when there is no obvious one. */
export function rightLabel(label: string): string | undefined {
  const name = snakeCase(label);
  return name !== '' && labelViolation(name) === undefined ? name : undefined;
}

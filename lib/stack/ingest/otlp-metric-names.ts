/**
 * Names and units of OpenTelemetry as Prometheus has them: the default of Prometheus 3's own OTLP receiver
 * (`translation_strategy: UnderscoreEscapingWithSuffixes`).
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", OTLP Metric points to Prometheus;
 * where it leaves something open, what Prometheus 3.16 does.
 */
export type OtlpMetricType = 'gauge' | 'monotonic' | 'sum' | 'histogram' | 'summary';

const UNITS: ReadonlyMap<string, string> = new Map([
  ['d', 'days'],
  ['h', 'hours'],
  ['min', 'minutes'],
  ['s', 'seconds'],
  ['ms', 'milliseconds'],
  ['us', 'microseconds'],
  ['ns', 'nanoseconds'],
  ['By', 'bytes'],
  ['KiBy', 'kibibytes'],
  ['MiBy', 'mebibytes'],
  ['GiBy', 'gibibytes'],
  ['TiBy', 'tibibytes'],
  ['KBy', 'kilobytes'],
  ['MBy', 'megabytes'],
  ['GBy', 'gigabytes'],
  ['TBy', 'terabytes'],
  ['m', 'meters'],
  ['V', 'volts'],
  ['A', 'amperes'],
  ['J', 'joules'],
  ['W', 'watts'],
  ['g', 'grams'],
  ['Cel', 'celsius'],
  ['Hz', 'hertz'],
  ['1', ''],
  ['%', 'percent'],
]);

const PER_UNITS: ReadonlyMap<string, string> = new Map([
  ['s', 'second'],
  ['m', 'minute'],
  ['h', 'hour'],
  ['d', 'day'],
  ['w', 'week'],
  ['mo', 'month'],
  ['y', 'year'],
]);

/** @returns undefined when nothing of the name is left */
export function prometheusMetricName(name: string, unit: string, type: OtlpMetricType): string | undefined {
  let tokens = name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '');
  const { main, per } = unitParts(unit);
  const wanted = [main, per].filter((suffix) => suffix !== '' && !tokens.includes(suffix));
  tokens.push(...wanted);
  if (type === 'monotonic') tokens = [...tokens.filter((token) => token !== 'total'), 'total'];
  if (type === 'gauge' && unit === '1') tokens = [...tokens.filter((token) => token !== 'ratio'), 'ratio'];
  const joined = tokens.join('_');
  if (!/[^_]/.test(joined)) return undefined;
  return /^\d/.test(joined) ? `_${joined}` : joined;
}

/** Unit of the family, as OpenMetrics writes it. */
export function prometheusUnit(unit: string): string {
  const { main, per } = unitParts(unit);
  return [main, per]
    .filter((part) => part !== '')
    .join('_')
    .replace(/^_|_$/g, '');
}

/** A unit in the notation of UCUM: `By/s` is bytes per second; what stands in braces is a remark. */
function unitParts(unit: string): { main: string; per: string } {
  const slash = unit.indexOf('/');
  const mainUnit = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const perUnit = slash < 0 ? '' : unit.slice(slash + 1).trim();
  const main = /[{}]/.test(mainUnit) ? '' : cleanUnit(UNITS.get(mainUnit) ?? mainUnit);
  const per = /[{}]/.test(perUnit) ? '' : cleanUnit(PER_UNITS.get(perUnit) ?? perUnit);
  return { main: per === '' ? main : main.replace(/_$/, ''), per: per === '' ? '' : `per_${per.replace(/_$/, '')}` };
}

function cleanUnit(unit: string): string {
  return unit.replace(/[^a-zA-Z0-9:]+/g, '_').replace(/^_/, '');
}

/**
 * Each character that no label name has becomes `_`, a digit in front gets `key_` and a single underscore `key`: the
 * defaults of Prometheus (`label_name_underscore_sanitization`, `label_name_preserve_multiple_underscores`).
 *
 * @returns undefined when nothing of the name is left
 */
export function prometheusLabelName(name: string): string | undefined {
  const cleaned = name.replace(/[^a-zA-Z0-9]/gu, '_');
  const prefixed = /^\d/.test(cleaned) ? `key_${cleaned}` : /^_(?!_)/.test(cleaned) ? `key${cleaned}` : cleaned;
  return /[^_]/.test(prefixed) ? prefixed : undefined;
}

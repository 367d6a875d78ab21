import { SightlineError } from '../errors.ts';
import type { MetricDefinition, MetricType, MetricUnit } from '../model/catalogue.ts';
import { CATALOGUE, unitWord } from '../model/catalogue.ts';
import { rightLabel, rightName, violations } from '../model/conventions.ts';
import { RUNTIME_METRICS } from '../model/runtime-metrics.ts';

export interface MetricOptions {
  /** Prometheus name with base unit; a counter ends in `_total`. */
  readonly name: string;
  /** What one sees, in a sentence. */
  readonly help: string;
  /** Label names; default none. Values must be few: a metric has at most `SIGHTLINE_METRIC_SERIES_LIMIT` series. */
  readonly labels?: readonly string[];
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, finite. Default: the duration buckets of OpenTelemetry (0.005 … 10). */
  readonly buckets?: readonly number[];
  /** `seconds` or `bytes`; default: the unit that the name ends in, else none. */
  readonly unit?: 'seconds' | 'bytes';
}

/** Most buckets that a histogram of the app may have: each is a line per series and scrape. */
export const MAX_BUCKETS = 64;
/** Names that are ours. */
const OWN_PREFIX = 'sightline_';
const OWN_NAMES: ReadonlySet<string> = new Set(
  [...Object.values(CATALOGUE), ...RUNTIME_METRICS].map(({ prometheus }) => prometheus),
);

function unitOf(name: string): MetricUnit {
  const bare = name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
  return bare.endsWith('_seconds') ? 's' : bare.endsWith('_bytes') ? 'By' : '';
}

/** The declaration as it was given; nothing of it when looking at it throws. */
function partsOf(options: HistogramOptions): Partial<HistogramOptions> {
  try {
    const { name, help, labels, unit } = options ?? {};
    return { name, help, labels: Array.isArray(labels) ? [...labels] : labels, unit } as Partial<HistogramOptions>;
  } catch {
    return {};
  }
}

/** @throws SightlineError SIGHTLINE_E_METRIC_NAME with every rule that the declaration breaks and the name to use */
export function define(type: MetricType, options: HistogramOptions): MetricDefinition {
  const { name, help, labels = [], unit } = partsOf(options);
  if (
    typeof name !== 'string' ||
    typeof help !== 'string' ||
    !Array.isArray(labels) ||
    labels.some((label) => typeof label !== 'string')
  ) {
    throw new SightlineError(
      'SIGHTLINE_E_METRIC_NAME',
      'a metric needs { name, help, labels? }: name and help are texts, labels a list of texts.',
    );
  }
  const shape = { name, type, help, labels };
  const mistakes = violations(shape).map((violation) => violation.message);
  if (name.startsWith(OWN_PREFIX)) mistakes.push(`names that start with '${OWN_PREFIX}' are Sightline's own`);
  else if (OWN_NAMES.has(name)) mistakes.push(`Sightline emits '${name}' itself`);
  if (unit !== undefined && unit !== 'seconds' && unit !== 'bytes')
    mistakes.push(`unit '${typeof unit === 'string' ? unit : typeof unit}' is not 'seconds' or 'bytes'`);
  else if (unit !== undefined && unitWord(unitOf(name)) !== unit)
    mistakes.push(`a metric in ${unit} ends in '_${unit}'`);
  if (mistakes.length > 0) {
    throw new SightlineError(
      'SIGHTLINE_E_METRIC_NAME',
      `got ${type} '${name}': ${mistakes.join('; ')}. ${advice(shape, unit === 'bytes' ? unit : unit === undefined ? '' : 'seconds')}`,
      mistakes,
    );
  }
  return { name: name.replaceAll('_', '.'), type, unit: unitOf(name), help, labels: [...labels], prometheus: name };
}

function advice(
  shape: { name: string; type: MetricType; help: string; labels: readonly string[] },
  unit: string,
): string {
  const name = rightName(
    { ...shape, name: shape.name.startsWith(OWN_PREFIX) ? shape.name.slice(OWN_PREFIX.length) : shape.name },
    unit,
  );
  const hints: string[] = [];
  if (name !== undefined && name !== shape.name)
    hints.push(
      `Use '${name}'${/(milli|_ms\b|_us\b|_ns\b|minutes|hours|kilo|_kb\b|_mb\b)/i.test(shape.name) ? ', and give the value in that unit' : ''}.`,
    );
  for (const label of shape.labels) {
    const right = rightLabel(label);
    if (right !== undefined && right !== label) hints.push(`Use the label '${right}'.`);
  }
  return hints.length > 0 ? hints.join(' ') : 'See https://prometheus.io/docs/practices/naming for the rules.';
}

export function checkBuckets(name: string, buckets: readonly number[]): void {
  const list: readonly unknown[] = Array.isArray(buckets) ? [...buckets] : [];
  const ascending = list.every(
    (bound, index) => Number.isFinite(bound) && (index === 0 || (bound as number) > (list[index - 1] as number)),
  );
  if (ascending && list.length > 0 && list.length <= MAX_BUCKETS) return;
  const got = list.map((bound) => (typeof bound === 'number' ? bound : typeof bound)).join(',');
  throw new SightlineError(
    'SIGHTLINE_E_METRIC_VALUE',
    `'${name}' got buckets [${got.slice(0, 200)}]; wanted 1 to ${MAX_BUCKETS} finite, ascending upper bounds without +Inf.`,
  );
}

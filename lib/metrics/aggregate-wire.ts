import type { Exemplar, FamilyType, MetricFamily, MetricPoint } from '../model/metric-points.ts';

/**
 * Families as JSON, for another process of the same service. Numbers that JSON has no word for travel as texts. What
 * comes in is checked: a process of another version may write it.
 */
const TYPES: ReadonlySet<string> = new Set<FamilyType>(['counter', 'gauge', 'histogram', 'summary', 'info', 'unknown']);

function plainPoint(point: MetricPoint): MetricPoint {
  return point.kind === 'histogram' ? { ...point, bucketCounts: Array.from(point.bucketCounts) } : point;
}

/** Reads every family now: the values of live registries are those of this moment. */
export function packFamilies(families: Iterable<MetricFamily>): MetricFamily[] {
  return Array.from(families, (family) => ({ ...family, points: Array.from(family.points, plainPoint) }));
}

/** For `JSON.stringify`: infinite values as texts. */
export function packNumber(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
}

function texts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function exemplarFrom(raw: any): Exemplar | undefined {
  if (typeof raw !== 'object' || raw === null || !texts(raw.labelNames) || !texts(raw.labelValues)) return undefined;
  const value = numberOf(raw.value);
  if (value === undefined) return undefined;
  const { labelNames, labelValues } = raw;
  return { labelNames, labelValues, value, timeSeconds: numberOf(raw.timeSeconds) };
}

function numbers(raw: unknown): number[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const values = raw.map(numberOf);
  return values.includes(undefined) ? undefined : (values as number[]);
}

function pointFrom(raw: any): MetricPoint | undefined {
  if (typeof raw !== 'object' || raw === null || !texts(raw.labelNames) || !texts(raw.labelValues)) return undefined;
  const { labelNames, labelValues } = raw;
  const labels = { labelNames, labelValues };
  if (raw.kind === 'number') {
    const value = numberOf(raw.value);
    return value === undefined ? undefined : { kind: 'number', ...labels, value, exemplar: exemplarFrom(raw.exemplar) };
  }
  const sum = numberOf(raw.sum);
  if (raw.kind === 'histogram') {
    const bounds = numbers(raw.bounds);
    const bucketCounts = numbers(raw.bucketCounts);
    if (bounds === undefined || bucketCounts?.length !== bounds.length + 1) return undefined;
    const exemplars = Array.isArray(raw.exemplars) ? raw.exemplars.map(exemplarFrom) : undefined;
    return { kind: 'histogram', ...labels, bounds, bucketCounts, sum, exemplars };
  }
  if (raw.kind !== 'summary') return undefined;
  // Quantiles do not add up between processes, so they are not read.
  return { kind: 'summary', ...labels, quantiles: [], sum, count: numberOf(raw.count) };
}

/** What `packFamilies` made, after JSON. Anything else is left out. */
export function unpackFamilies(raw: unknown): MetricFamily[] {
  if (!Array.isArray(raw)) return [];
  const families: MetricFamily[] = [];
  for (const one of raw) {
    const { name, type, help, unit, aggregator, points } = (one ?? {}) as Partial<Record<keyof MetricFamily, unknown>>;
    if (typeof name !== 'string' || typeof type !== 'string' || !TYPES.has(type) || !Array.isArray(points)) continue;
    families.push({
      name,
      type: type as FamilyType,
      help: typeof help === 'string' ? help : '',
      unit: typeof unit === 'string' ? unit : '',
      ...(typeof aggregator === 'string' && { aggregator }),
      points: points.map(pointFrom).filter((point) => point !== undefined),
    });
  }
  return families;
}

import { MAX_EXEMPLAR_CODE_POINTS } from '../codec/prometheus-text.ts';
import type {
  Exemplar,
  FamilyType,
  HistogramPoint,
  MetricFamily,
  MetricPoint,
  SummaryPoint,
} from '../model/metric-points.ts';
import { labelValue } from './label-value.ts';

/**
 * A registry of prom-client (1x) or @prometheus-io/client (0.16), as far as it is used here. Everything that comes out
 * of it is the app's: it is checked before it is believed.
 */
export interface ForeignRegistry {
  getMetricsAsArray(): ForeignMetric[];
  readonly contentType?: string;
  readonly _defaultLabels?: Record<string, unknown>;
}

export interface ForeignMetric {
  readonly name?: unknown;
  get(): Promise<unknown> | unknown;
}

interface ForeignValue {
  readonly metricName?: unknown;
  readonly labels?: Record<string, unknown>;
  readonly value?: unknown;
  readonly exemplar?: {
    readonly labelSet?: Record<string, unknown>;
    readonly value?: unknown;
    readonly timestamp?: unknown;
  } | null;
}

interface ForeignData {
  readonly name?: unknown;
  readonly help?: unknown;
  readonly type?: unknown;
  readonly values?: readonly ForeignValue[];
  readonly aggregator?: unknown;
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary']);

interface Labelled {
  readonly names: string[];
  readonly values: string[];
  readonly key: string;
}

/** Labels of one value: own before default ones, invalid names left out, values made safe. */
function labelsOf(value: ForeignValue, defaults: Record<string, unknown>, without: string | undefined): Labelled {
  const names: string[] = [];
  const values: string[] = [];
  let key = '';
  const take = (name: string, raw: unknown): void => {
    if (name === without || !LABEL_NAME.test(name) || names.includes(name)) return;
    const text = labelValue(raw);
    names.push(name);
    values.push(text);
    key += `${name.length}:${name}${text.length}:${text}`;
  };
  for (const name of Object.keys(value.labels ?? {})) take(name, value.labels?.[name]);
  for (const name of Object.keys(defaults)) take(name, defaults[name]);
  return { names, values, key };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function exemplarOf(raw: ForeignValue['exemplar']): Exemplar | undefined {
  if (typeof raw !== 'object' || raw === null || typeof raw.value !== 'number') return undefined;
  const entries = Object.entries(raw.labelSet ?? {}).filter(([name]) => LABEL_NAME.test(name));
  const labelValues = entries.map(([, value]) => labelValue(value));
  const labelNames = entries.map(([name]) => name);
  if (labelNames.join('').length + labelValues.join('').length > MAX_EXEMPLAR_CODE_POINTS) return undefined;
  const timeSeconds = typeof raw.timestamp === 'number' && Number.isFinite(raw.timestamp) ? raw.timestamp : undefined;
  return { labelNames, labelValues, value: raw.value, timeSeconds };
}

function numberPoints(data: ForeignData, defaults: Record<string, unknown>): MetricPoint[] {
  const points = new Map<string, MetricPoint>();
  for (const raw of data.values ?? []) {
    const value = numberOf(raw.value);
    if (value === undefined) continue;
    const { names, values, key } = labelsOf(raw, defaults, undefined);
    // Two series that are one after all (an array and a text with the same look): the first stays.
    if (points.has(key)) continue;
    points.set(key, {
      kind: 'number',
      labelNames: names,
      labelValues: values,
      value,
      exemplar: exemplarOf(raw.exemplar),
    });
  }
  return [...points.values()];
}

interface HistogramDraft {
  readonly labels: Labelled;
  readonly buckets: Map<number, { readonly cumulative: number; readonly exemplar: Exemplar | undefined }>;
  sum: number | undefined;
  count: number | undefined;
}

function histogramPoints(name: string, data: ForeignData, defaults: Record<string, unknown>): HistogramPoint[] {
  const drafts = new Map<string, HistogramDraft>();
  for (const raw of data.values ?? []) {
    const value = numberOf(raw.value);
    if (value === undefined) continue;
    const labels = labelsOf(raw, defaults, 'le');
    let draft = drafts.get(labels.key);
    if (draft === undefined)
      drafts.set(labels.key, (draft = { labels, buckets: new Map(), sum: undefined, count: undefined }));
    if (raw.metricName === `${name}_sum`) draft.sum ??= value;
    else if (raw.metricName === `${name}_count`) draft.count ??= value;
    else {
      const le = raw.labels?.['le'];
      const bound = le === '+Inf' ? Infinity : Number(le);
      if (!Number.isNaN(bound) && !draft.buckets.has(bound))
        draft.buckets.set(bound, { cumulative: value, exemplar: exemplarOf(raw.exemplar) });
    }
  }
  return [...drafts.values()].map(finishHistogram);
}

function finishHistogram({ labels, buckets, sum, count }: HistogramDraft): HistogramPoint {
  const bounds = [...buckets.keys()].filter((bound) => bound !== Infinity).sort((one, two) => one - two);
  const total = buckets.get(Infinity)?.cumulative ?? count ?? 0;
  let before = 0;
  const bucketCounts = bounds.map((bound) => {
    const cumulative = Math.max(before, buckets.get(bound)?.cumulative ?? 0);
    const own = cumulative - before;
    before = cumulative;
    return own;
  });
  bucketCounts.push(Math.max(0, total - before));
  const exemplars = [...bounds, Infinity].map((bound) => buckets.get(bound)?.exemplar);
  return {
    kind: 'histogram',
    labelNames: labels.names,
    labelValues: labels.values,
    bounds,
    bucketCounts,
    sum,
    exemplars: exemplars.some((exemplar) => exemplar !== undefined) ? exemplars : undefined,
  };
}

function summaryPoints(name: string, data: ForeignData, defaults: Record<string, unknown>): SummaryPoint[] {
  const drafts = new Map<
    string,
    { labels: Labelled; quantiles: [number, number][]; sum: number | undefined; count: number | undefined }
  >();
  for (const raw of data.values ?? []) {
    const value = numberOf(raw.value);
    if (value === undefined) continue;
    const labels = labelsOf(raw, defaults, 'quantile');
    let draft = drafts.get(labels.key);
    if (draft === undefined)
      drafts.set(labels.key, (draft = { labels, quantiles: [], sum: undefined, count: undefined }));
    if (raw.metricName === `${name}_sum`) draft.sum ??= value;
    else if (raw.metricName === `${name}_count`) draft.count ??= value;
    else {
      const quantile = Number(raw.labels?.['quantile']);
      if (!Number.isNaN(quantile) && !draft.quantiles.some(([seen]) => seen === quantile))
        draft.quantiles.push([quantile, value]);
    }
  }
  return [...drafts.values()].map(({ labels, quantiles, sum, count }) => ({
    kind: 'summary',
    labelNames: labels.names,
    labelValues: labels.values,
    quantiles,
    sum,
    count,
  }));
}

/**
 * The answer of `metric.get()` as a family; undefined when it is none that a scraper would take.
 * @param registry whose default labels and content type hold: an OpenMetrics registry writes `_total` behind a counter's name itself
 */
export function foreignFamily(answer: unknown, registry: ForeignRegistry): MetricFamily | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const data = answer as ForeignData;
  let { name } = data;
  if (typeof name !== 'string' || !METRIC_NAME.test(name) || typeof data.type !== 'string' || !TYPES.has(data.type))
    return undefined;
  const type = data.type as FamilyType;
  if (
    type === 'counter' &&
    registry.contentType?.startsWith('application/openmetrics-text') &&
    !name.endsWith('_total')
  )
    name = `${name}_total`;
  const defaults = registry._defaultLabels ?? {};
  const bare = data.name as string;
  const points =
    type === 'histogram'
      ? histogramPoints(bare, data, defaults)
      : type === 'summary'
        ? summaryPoints(bare, data, defaults)
        : numberPoints(data, defaults);
  const words = (name as string).replace(/_total$/, '').split('_');
  const last = words.at(-1);
  return {
    name: name as string,
    type,
    help: typeof data.help === 'string' ? data.help : '',
    unit: words.length > 1 && (last === 'seconds' || last === 'bytes') ? last : '',
    ...(typeof data.aggregator === 'string' && { aggregator: data.aggregator }),
    points,
  };
}

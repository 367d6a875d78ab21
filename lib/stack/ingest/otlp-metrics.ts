import type { Received } from '../../codec/message-shape.ts';
import {
  AggregationTemporality,
  type HistogramDataPoint,
  NO_RECORDED_VALUE,
  type NumberDataPoint,
  type OtlpMetric,
  type ResourceMetrics,
  type SummaryDataPoint,
} from '../../codec/otlp-metric.ts';
import type { Labels, MetricBatch, MetricFamily, Sample } from '../store/store.ts';
import type { DeltaAccumulator } from './delta-accumulator.ts';
import { exemplarOf, nearestBucket } from './otlp-exemplars.ts';
import { type OtlpMetricType, prometheusLabelName, prometheusMetricName, prometheusUnit } from './otlp-metric-names.ts';
import { attributesText, millisOf, type ReceivedAttributes, type Refusals } from './otlp-values.ts';

/** Attributes of the resource that are `job` and `instance`. */
const IDENTIFYING = new Set(['service.name', 'service.namespace', 'service.instance.id']);

export interface OtlpMetricsOptions {
  readonly deltas: DeltaAccumulator;
  readonly refusals: Refusals;
  readonly nowMillis: number;
}

/** What one metric's points are made into samples with. */
interface Context extends OtlpMetricsOptions {
  readonly name: string;
  readonly delta: boolean;
  readonly target: Labels;
  readonly samples: Sample[];
}

/**
 * Metrics of OTLP as samples of Prometheus: sums, gauges, histograms with explicit bounds and summaries, and a
 * `target_info` of each resource. Points of delta temporality are added up. Exponential histograms, whose buckets no
 * classic histogram has, are refused.
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"; differences in docs/compatibility.md.
 */
export function metricsOfOtlp(all: readonly Received<ResourceMetrics>[], options: OtlpMetricsOptions): MetricBatch {
  const families = new Map<string, MetricFamily>();
  const samples: Sample[] = [];
  for (const { resource, scopeMetrics } of all) {
    const target = targetLabels(resource?.attributes);
    const first = samples.length;
    for (const { metrics } of scopeMetrics ?? []) {
      for (const metric of metrics ?? []) {
        const family = takeMetric(metric, { ...options, target, samples });
        if (family !== undefined) families.set(family.name, family);
      }
    }
    const latest = samples.slice(first).reduce((time, sample) => Math.max(time, sample.timestamp), 0);
    const info = targetInfo(resource?.attributes, target);
    if (latest === 0 || info === undefined) continue;
    samples.push({ labels: info, value: 1, timestamp: latest });
    families.set('target_info', { name: 'target_info', type: 'gauge', help: 'Target metadata', unit: '' });
  }
  return { families: [...families.values()], samples };
}

type Kind = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';

function kindOf(metric: Received<OtlpMetric>): Kind | undefined {
  return (['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const).find(
    (kind) => metric[kind] !== undefined,
  );
}

function takeMetric(
  metric: Received<OtlpMetric>,
  options: OtlpMetricsOptions & { readonly target: Labels; readonly samples: Sample[] },
): MetricFamily | undefined {
  const { refusals } = options;
  const kind = kindOf(metric);
  const points = kind === undefined ? [] : (metric[kind]?.dataPoints ?? []);
  const refuse = (reason: string) =>
    refusals.add(points.length, `${metric.name ?? 'a metric without name'}: ${reason}`);
  if (kind === undefined || points.length === 0) return undefined;
  if (kind === 'exponentialHistogram') {
    refuse('got an exponential histogram, wanted explicit bounds; only classic histograms are kept');
    return undefined;
  }
  const type: OtlpMetricType = kind === 'sum' && metric.sum?.isMonotonic === true ? 'monotonic' : kind;
  const name = prometheusMetricName(metric.name ?? '', metric.unit ?? '', type);
  if (name === undefined) {
    refuse('got a name of which Prometheus can keep nothing');
    return undefined;
  }
  const temporality = kind === 'sum' || kind === 'histogram' ? metric[kind]?.aggregationTemporality : undefined;
  const delta = temporality === AggregationTemporality.DELTA;
  if ((kind === 'sum' || kind === 'histogram') && !delta && temporality !== AggregationTemporality.CUMULATIVE) {
    refuse(`got aggregation temporality ${temporality ?? 0}, wanted 1 (delta) or 2 (cumulative)`);
    return undefined;
  }
  const context: Context = { ...options, name, delta };
  if (kind === 'histogram') for (const point of metric.histogram?.dataPoints ?? []) takeHistogram(point, context);
  else if (kind === 'summary') for (const point of metric.summary?.dataPoints ?? []) takeSummary(point, context);
  else for (const point of metric[kind]?.dataPoints ?? []) takeNumber(point, kind === 'sum', context);
  return {
    name,
    type: type === 'monotonic' ? 'counter' : type === 'sum' ? 'gauge' : type,
    help: metric.description ?? '',
    unit: prometheusUnit(metric.unit ?? ''),
  };
}

function takeNumber(point: Received<NumberDataPoint>, isSum: boolean, context: Context): void {
  const labels = { ...labelsOf(point.attributes, context.target), __name__: context.name };
  const value = point.asDouble ?? Number(point.asInt ?? 0);
  const totals = totalsOf(point, { series: JSON.stringify(labels), values: [value], bounds: '' }, context);
  if (totals === undefined) return;
  // Prometheus keeps exemplars of counters and histograms; its OTLP receiver none of gauges.
  const exemplar = isSum ? point.exemplars?.map(exemplarOf).findLast((one) => one !== undefined) : undefined;
  context.samples.push({ labels, value: totals[0]!, ...timeOf(point, context), ...(exemplar && { exemplar }) });
}

function takeHistogram(point: Received<HistogramDataPoint>, context: Context): void {
  const { name, refusals, samples } = context;
  const bounds = point.explicitBounds ?? [];
  const counts = (point.bucketCounts ?? []).map(Number);
  if (counts.length > 0 && counts.length !== bounds.length + 1) {
    refusals.add(1, `${name}: got ${counts.length} bucket counts and ${bounds.length} bounds, wanted one count more`);
    return;
  }
  const labels = labelsOf(point.attributes, context.target);
  const totals = totalsOf(
    point,
    {
      series: `${name} ${JSON.stringify(labels)}`,
      values: [point.sum ?? 0, Number(point.count ?? 0), ...counts],
      bounds: bounds.join(' '),
    },
    context,
  );
  if (totals === undefined) return;
  const [sum = 0, count = 0, ...buckets] = totals;
  const time = timeOf(point, context);
  if (point.sum !== undefined) samples.push({ labels: { ...labels, __name__: `${name}_sum` }, value: sum, ...time });
  samples.push({ labels: { ...labels, __name__: `${name}_count` }, value: count, ...time });
  const exemplars = (point.exemplars ?? []).map(exemplarOf).filter((one) => one !== undefined);
  const byBucket = nearestBucket(exemplars, bounds);
  let cumulative = 0;
  for (let index = 0; index <= bounds.length; index += 1) {
    const last = index === bounds.length;
    if (!last && counts.length === 0) continue;
    cumulative = last ? count : cumulative + buckets[index]!;
    const exemplar = byBucket.get(index);
    samples.push({
      labels: { ...labels, le: last ? '+Inf' : boundText(bounds[index]!), __name__: `${name}_bucket` },
      value: cumulative,
      ...time,
      ...(exemplar && { exemplar }),
    });
  }
}

function takeSummary(point: Received<SummaryDataPoint>, context: Context): void {
  const { name, samples } = context;
  const labels = labelsOf(point.attributes, context.target);
  const time = timeOf(point, context);
  samples.push({ labels: { ...labels, __name__: `${name}_sum` }, value: point.sum ?? 0, ...time });
  samples.push({ labels: { ...labels, __name__: `${name}_count` }, value: Number(point.count ?? 0), ...time });
  for (const { quantile = 0, value = 0 } of point.quantileValues ?? [])
    samples.push({ labels: { ...labels, quantile: boundText(quantile), __name__: name }, value, ...time });
}

interface TimedPoint {
  readonly startTimeUnixNano?: string | undefined;
  readonly timeUnixNano?: string | undefined;
  readonly flags?: number | undefined;
}

/** A point without a time is of now. A point without a value ends its series. */
function timeOf(point: TimedPoint, context: Context): { timestamp: number; stale?: boolean } {
  const timestamp = millisOf(point.timeUnixNano) || context.nowMillis;
  return { timestamp, ...(((point.flags ?? 0) & NO_RECORDED_VALUE) !== 0 && { stale: true }) };
}

/** Cumulative values of a point; undefined when it is not to be counted. */
function totalsOf(
  point: TimedPoint,
  given: { readonly series: string; readonly values: readonly number[]; readonly bounds: string },
  context: Context,
): readonly number[] | undefined {
  if (!context.delta || ((point.flags ?? 0) & NO_RECORDED_VALUE) !== 0) return given.values;
  const timeMillis = millisOf(point.timeUnixNano) || context.nowMillis;
  const totals = context.deltas.add({ ...given, startMillis: millisOf(point.startTimeUnixNano), timeMillis });
  // Sent again after an answer that got lost: taken already.
  if (totals === 'repeated') return undefined;
  if (totals !== 'overlapping') return totals;
  context.refusals.add(1, `${context.name}: got a delta that begins before the end of the one before it`);
  return undefined;
}

/** The shortest text without an exponent, as Go's `FormatFloat(bound, 'f', -1, 64)` writes it. */
function boundText(bound: number): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  const text = String(bound);
  if (!text.includes('e')) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}${point < digits.length ? `.${digits.slice(point)}` : ''}`;
}

function labelsOf(attributes: ReceivedAttributes, target: Labels): Record<string, string> {
  return { ...namedLabels(attributesText(attributes)), ...target };
}

/** Labels under names of Prometheus; where two names fall together, their values are joined in order of their names. */
function namedLabels(attributes: ReadonlyMap<string, string>): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, value] of [...attributes].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const label = prometheusLabelName(name);
    if (label === undefined) continue;
    labels[label] = Object.hasOwn(labels, label) ? `${labels[label]};${value}` : value;
  }
  return labels;
}

/** `job` is `service.namespace/service.name`, `instance` is `service.instance.id`. */
function targetLabels(attributes: ReceivedAttributes): Labels {
  const resource = attributesText(attributes);
  const service = resource.get('service.name');
  const namespace = resource.get('service.namespace');
  const instance = resource.get('service.instance.id');
  return {
    ...(service !== undefined && { job: namespace === undefined ? service : `${namespace}/${service}` }),
    ...(instance !== undefined && { instance }),
  };
}

/** Undefined when there is nothing to tell, or nobody to tell it of. */
function targetInfo(attributes: ReceivedAttributes, target: Labels): Labels | undefined {
  const others = new Map([...attributesText(attributes)].filter(([name]) => !IDENTIFYING.has(name)));
  if (others.size === 0 || Object.keys(target).length === 0) return undefined;
  return { ...namedLabels(others), ...target, __name__: 'target_info' };
}

/**
 * Metrics at one moment, without a word of any backend's syntax: what registries hand over and what codecs encode.
 * `name` is the exposition name (`_total` included for counters): one spelling, so that nobody translates twice.
 */
export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'info' | 'unknown';

export interface Exemplar {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly value: number;
  /** Seconds since the epoch; undefined when the source did not say. */
  readonly timeSeconds: number | undefined;
}

export interface SeriesLabels {
  /** Shared by all series of a family of ours; an app's own series may differ. */
  readonly labelNames: readonly string[];
  /** Same length as `labelNames`. Never changed: encoders cache by identity. */
  readonly labelValues: readonly string[];
}

export interface NumberPoint extends SeriesLabels {
  readonly kind: 'number';
  readonly value: number;
  readonly exemplar: Exemplar | undefined;
}

export interface HistogramPoint extends SeriesLabels {
  readonly kind: 'histogram';
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative; one more than `bounds`, the last is +Inf. */
  readonly bucketCounts: ArrayLike<number>;
  /** Undefined when the source has none. */
  readonly sum: number | undefined;
  /** One place per bucket; undefined when the series has no exemplar at all. */
  readonly exemplars: readonly (Exemplar | undefined)[] | undefined;
}

export interface SummaryPoint extends SeriesLabels {
  readonly kind: 'summary';
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
  readonly sum: number | undefined;
  readonly count: number | undefined;
}

export type MetricPoint = NumberPoint | HistogramPoint | SummaryPoint;

export interface MetricFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  /** Unit as a word (`seconds`, `bytes`), empty when there is none. */
  readonly unit: string;
  /** How the app's prom-client wants the gauges of several processes put together; absent for ours. */
  readonly aggregator?: string;
  /** Read once, in order; may be computed while it is read. */
  readonly points: Iterable<MetricPoint>;
}

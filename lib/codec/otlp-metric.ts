import type { KeyValue, OtlpResource, OtlpScope } from './otlp.ts';

/** Metrics of OTLP in the JSON mapping (opentelemetry-proto 1.x, `metrics.proto`). */
export const AggregationTemporality = { UNSPECIFIED: 0, DELTA: 1, CUMULATIVE: 2 } as const;

/** Bit of `flags`: the point says only that there is no value any more. */
export const NO_RECORDED_VALUE = 1;

export interface OtlpExemplar {
  readonly filteredAttributes: readonly KeyValue[];
  readonly timeUnixNano: string;
  readonly asDouble: number;
  readonly asInt: string;
  readonly traceId: string;
  readonly spanId: string;
}

interface DataPoint {
  readonly attributes: readonly KeyValue[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly flags: number;
}

export interface NumberDataPoint extends DataPoint {
  readonly asDouble: number;
  readonly asInt: string;
  readonly exemplars: readonly OtlpExemplar[];
}

export interface HistogramDataPoint extends DataPoint {
  readonly count: string;
  readonly sum: number;
  readonly bucketCounts: readonly string[];
  readonly explicitBounds: readonly number[];
  readonly exemplars: readonly OtlpExemplar[];
}

export interface SummaryDataPoint extends DataPoint {
  readonly count: string;
  readonly sum: number;
  readonly quantileValues: readonly { readonly quantile: number; readonly value: number }[];
}

export interface OtlpMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge: { readonly dataPoints: readonly NumberDataPoint[] };
  readonly sum: {
    readonly dataPoints: readonly NumberDataPoint[];
    readonly aggregationTemporality: number;
    readonly isMonotonic: boolean;
  };
  readonly histogram: { readonly dataPoints: readonly HistogramDataPoint[]; readonly aggregationTemporality: number };
  /** Only counted: its buckets have no place in classic histograms. */
  readonly exponentialHistogram: { readonly dataPoints: readonly object[] };
  readonly summary: { readonly dataPoints: readonly SummaryDataPoint[] };
}

export interface ResourceMetrics {
  readonly resource: OtlpResource;
  readonly scopeMetrics: readonly { readonly scope: OtlpScope; readonly metrics: readonly OtlpMetric[] }[];
}

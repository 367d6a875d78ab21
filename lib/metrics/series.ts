import type { Exemplar, HistogramPoint, NumberPoint } from '../model/metric-points.ts';

/** Where a series tells its family about what it could not take. */
export interface SeriesOwner {
  /** A value that the instrument cannot take. Never throws. */
  reject(): void;
  /** An observation that went to the `__other__` series. */
  overLimit(): void;
}

export interface SeriesIdentity {
  readonly owner: SeriesOwner;
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  /** Whether this is the `__other__` series. */
  readonly isOther: boolean;
}

const EXEMPLAR_LABELS = ['trace_id', 'span_id'] as const;

/** One counter series. Only goes up. */
export class BoundCounter {
  private value = 0;
  private readonly identity: SeriesIdentity;

  constructor(identity: SeriesIdentity) {
    this.identity = identity;
  }

  /** Adds `amount` (finite, not negative; anything else is counted as rejected). */
  inc(amount = 1): void {
    // The type is checked, too: a text or a bigint of a plain JavaScript app would spoil the sum or throw.
    if (typeof amount !== 'number' || !(amount >= 0 && amount < Infinity)) {
      this.identity.owner.reject();
      return;
    }
    this.value += amount;
    if (this.identity.isOther) this.identity.owner.overLimit();
  }

  /** Takes over a total that is counted elsewhere. A smaller total than before is not believed: a counter never falls. */
  follow(total: number): void {
    if (typeof total !== 'number' || !(total >= 0 && total < Infinity)) {
      this.identity.owner.reject();
      return;
    }
    if (total > this.value) this.value = total;
  }

  /** What it stands at. */
  get total(): number {
    return this.value;
  }

  point(): NumberPoint {
    const { labelNames, labelValues } = this.identity;
    return { kind: 'number', labelNames, labelValues, value: this.value, exemplar: undefined };
  }
}

/** One gauge series. */
export class BoundGauge {
  private value = 0;
  private readonly identity: SeriesIdentity;

  constructor(identity: SeriesIdentity) {
    this.identity = identity;
  }

  /** Any number but NaN. */
  set(value: number): void {
    if (typeof value !== 'number' || Number.isNaN(value)) {
      this.identity.owner.reject();
      return;
    }
    this.value = value;
    if (this.identity.isOther) this.identity.owner.overLimit();
  }

  add(amount: number): void {
    if (typeof amount !== 'number' || !Number.isFinite(amount)) {
      this.identity.owner.reject();
      return;
    }
    this.value += amount;
    if (this.identity.isOther) this.identity.owner.overLimit();
  }

  get current(): number {
    return this.value;
  }

  point(): NumberPoint {
    const { labelNames, labelValues } = this.identity;
    return { kind: 'number', labelNames, labelValues, value: this.value, exemplar: undefined };
  }
}

/** The last exemplar of each bucket, as columns: writing one allocates nothing. */
class ExemplarColumns {
  private readonly traceIds: (string | undefined)[];
  private readonly spanIds: string[];
  private readonly values: Float64Array;
  private readonly millis: Float64Array;

  constructor(buckets: number) {
    this.traceIds = new Array<string | undefined>(buckets).fill(undefined);
    this.spanIds = new Array<string>(buckets).fill('');
    this.values = new Float64Array(buckets);
    this.millis = new Float64Array(buckets);
  }

  keep(bucket: number, traceId: string, spanId: string, value: number, epochMillis: number): void {
    this.traceIds[bucket] = traceId;
    this.spanIds[bucket] = spanId;
    this.values[bucket] = value;
    this.millis[bucket] = epochMillis;
  }

  snapshot(): (Exemplar | undefined)[] {
    return this.traceIds.map((traceId, bucket) =>
      traceId === undefined
        ? undefined
        : {
            labelNames: EXEMPLAR_LABELS,
            labelValues: [traceId, this.spanIds[bucket] as string],
            value: this.values[bucket] as number,
            timeSeconds: (this.millis[bucket] as number) / 1000,
          },
    );
  }
}

/** One histogram series with the last exemplar of each bucket. */
export class BoundHistogram {
  private readonly bounds: readonly number[];
  private readonly counts: Float64Array;
  private readonly identity: SeriesIdentity;
  private sum = 0;
  /** Made with the first exemplar: an unsampled process never pays for it. */
  private exemplars: ExemplarColumns | undefined = undefined;

  constructor(identity: SeriesIdentity, bounds: readonly number[]) {
    this.identity = identity;
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /**
   * Counts one observation. Negative and non-finite values are rejected: OpenMetrics forbids a sum beside negative
   * observations, and an infinite one would spoil the sum for good.
   *
   * @param traceId with `spanId`, the exemplar; only of a sampled trace, else it leads nowhere
   * @param epochMillis when it was observed; now, if not given
   */
  observe(value: number, traceId?: string, spanId?: string, epochMillis?: number): void {
    if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) {
      this.identity.owner.reject();
      return;
    }
    const bounds = this.bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += value;
    if (this.identity.isOther) this.identity.owner.overLimit();
    if (traceId === undefined || spanId === undefined) return;
    this.exemplars ??= new ExemplarColumns(bounds.length + 1);
    this.exemplars.keep(bucket, traceId, spanId, value, epochMillis ?? Date.now());
  }

  get count(): number {
    let total = 0;
    for (const count of this.counts) total += count;
    return total;
  }

  point(): HistogramPoint {
    const { labelNames, labelValues } = this.identity;
    return {
      kind: 'histogram',
      labelNames,
      labelValues,
      bounds: this.bounds,
      bucketCounts: this.counts.slice(),
      sum: this.sum,
      exemplars: this.exemplars?.snapshot(),
    };
  }
}

/** Series with a running total; beyond, those not seen for longest make room. */
const MAX_SERIES = 50_000;

/** One series as it stands: what cumulative points say. */
interface Total {
  /** Milliseconds since the epoch of the last point. */
  readonly timeMillis: number;
  readonly values: readonly number[];
  /** Bucket bounds of a histogram as one text: totals over other bounds are other totals. */
  readonly bounds: string;
}

export interface DeltaPoint {
  readonly series: string;
  /** Milliseconds since the epoch; 0 = not said. */
  readonly startMillis: number;
  readonly timeMillis: number;
  /** The value of a sum; sum, count and bucket counts of a histogram. */
  readonly values: readonly number[];
  readonly bounds: string;
}

/**
 * Adds up points of delta temporality, which Prometheus does not know, into cumulative ones. After a restart of the
 * stack the totals begin anew, which to Prometheus's functions is a counter reset like others.
 *
 * Changes are staged and count only after `commit`: a request that could not be stored will come again.
 * Source: OpenTelemetry specification, "Metrics Data Model", Sums: Delta-to-Cumulative.
 */
export class DeltaAccumulator {
  readonly #totals = new Map<string, Total>();
  readonly #maxSeries: number;
  #staged = new Map<string, Total>();

  /** @param maxSeries a parameter for tests */
  constructor(maxSeries = MAX_SERIES) {
    this.#maxSeries = maxSeries;
  }

  /**
   * @returns the totals after this point; `repeated` when its time was counted already; `overlapping` when it reaches
   * back behind it, so that counting it would count something twice
   */
  add(point: DeltaPoint): readonly number[] | 'repeated' | 'overlapping' {
    const before = this.#staged.get(point.series) ?? this.#totals.get(point.series);
    if (before !== undefined && point.timeMillis === before.timeMillis) return 'repeated';
    if (
      before !== undefined &&
      (point.timeMillis < before.timeMillis || (point.startMillis > 0 && point.startMillis < before.timeMillis))
    )
      return 'overlapping';
    const continued = before !== undefined && before.bounds === point.bounds;
    const values = continued ? point.values.map((value, index) => value + before.values[index]!) : point.values;
    this.#staged.set(point.series, { timeMillis: point.timeMillis, values, bounds: point.bounds });
    return values;
  }

  commit(): void {
    for (const [series, total] of this.#staged) {
      // A map gives its keys in order of insertion: the first is the one not seen for longest.
      this.#totals.delete(series);
      this.#totals.set(series, total);
    }
    this.#staged = new Map();
    for (const series of this.#totals.keys()) {
      if (this.#totals.size <= this.#maxSeries) break;
      this.#totals.delete(series);
    }
  }

  rollback(): void {
    this.#staged = new Map();
  }
}

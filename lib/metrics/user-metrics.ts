import { diag } from '../core/diag.ts';
import { DURATION_BUCKETS } from '../model/catalogue.ts';
import type { CounterFamily, GaugeFamily, HistogramFamily } from './registry.ts';
import { MetricRegistry } from './registry.ts';
import type { StatsdTarget } from './statsd-target.ts';
import { checkBuckets, define, type HistogramOptions, type MetricOptions } from './user-declaration.ts';
import { Counter, Gauge, Histogram, type StatsdSource } from './user-instruments.ts';

/**
 * The metrics of the app: declared once, anywhere, before or without an observation; they appear on `/metrics` and in
 * StatsD as soon as one runs. A declaration that breaks the conventions throws and names the right name; using an
 * instrument never throws.
 */
export class UserMetrics implements StatsdSource {
  /** Joined to the exposition by the composition root. */
  readonly registry: MetricRegistry;
  private readonly instruments = new Map<string, Counter | Gauge | Histogram>();
  private target: StatsdTarget | undefined = undefined;

  constructor(registry: MetricRegistry) {
    this.registry = registry;
  }

  /**
   * @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT
   * @example const orders = metrics.counter({ name: 'orders_created_total', help: 'Orders created.', labels: ['kind'] });
   */
  counter(options: MetricOptions): Counter {
    const family: CounterFamily = this.registry.counter(define('counter', options));
    return this.instrument(family.definition.prometheus, () => new Counter(this, family));
  }

  /** @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT */
  gauge(options: MetricOptions): Gauge {
    const family: GaugeFamily = this.registry.gauge(define('gauge', options));
    return this.instrument(family.definition.prometheus, () => new Gauge(this, family));
  }

  /** @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT, SIGHTLINE_E_METRIC_VALUE (buckets) */
  histogram(options: HistogramOptions): Histogram {
    const definition = define('histogram', options);
    const buckets = options.buckets ?? DURATION_BUCKETS;
    checkBuckets(definition.prometheus, buckets);
    const family: HistogramFamily = this.registry.histogram({ ...definition, buckets: [...buckets] });
    return this.instrument(family.definition.prometheus, () => new Histogram(this, family));
  }

  private instrument<Kind extends Counter | Gauge | Histogram>(name: string, make: () => Kind): Kind {
    let instrument = this.instruments.get(name) as Kind | undefined;
    if (instrument === undefined) this.instruments.set(name, (instrument = make()));
    return instrument;
  }

  /** Sends to StatsD from now on; undefined stops it. */
  joinStatsd(target: StatsdTarget | undefined): void {
    this.target = target;
  }

  get statsdTarget(): StatsdTarget | undefined {
    return this.target;
  }
}

/** What `metrics` offers to an app. */
export type MetricsApi = Pick<UserMetrics, 'counter' | 'gauge' | 'histogram'>;

/** Set by the composition root once the options are known; declarations before it already exist. */
let seriesLimit: number | undefined;

const registry = new MetricRegistry({
  get seriesLimit() {
    return seriesLimit;
  },
  onSeriesLimit: (metric) =>
    diag.warn(
      'SIGHTLINE_W_SERIES_LIMIT',
      `metric '${metric}' has reached its series limit; further label values are counted in the series '__other__'.`,
    ),
  onRejected: (metric) =>
    diag.warn(
      'SIGHTLINE_E_METRIC_VALUE',
      `metric '${metric}' got a value that it cannot take (not a number, negative or infinite); such values are left out and counted.`,
    ),
});

/** `SIGHTLINE_METRIC_SERIES_LIMIT` for the metrics of the app. */
export function setUserSeriesLimit(limit: number): void {
  seriesLimit = limit;
}

/** The public `metrics`. */
export const metrics = new UserMetrics(registry);

import { createRequire } from 'node:module';
import type { StatsdNames } from '../codec/statsd-hierarchy.ts';
import { COUNT, VALUE } from '../codec/statsd-hierarchy.ts';
import { runOutside } from '../context/context.ts';
import { reportBug } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import type { MetricFamily, MetricPoint } from '../model/metric-points.ts';
import { WRONG_TOTALS } from '../model/runtime-metrics.ts';
import type { ForeignRegistry } from './foreign-families.ts';
import { foreignFamily } from './foreign-families.ts';
import type { StatsdAggregator } from './statsd-aggregator.ts';
import { StatsdFamilies } from './statsd-families.ts';
import type { StatsdTarget } from './statsd-target.ts';

interface PromClient {
  readonly Registry: new () => ForeignRegistry;
  collectDefaultMetrics(options: { readonly register: ForeignRegistry }): void;
}

/** Families that get one series of 0 when they are empty: the totals left out in their favour always have a sum. */
const NEVER_EMPTY = new Set(Object.values(WRONG_TOTALS));
const LAG_MIN = 'nodejs_eventloop_lag_min_seconds';
/** What the event-loop histogram gives as minimum before its first sample: 2^63 ns. */
const NO_MINIMUM_SECONDS = 9e9;
const ZERO: MetricPoint = { kind: 'number', labelNames: [], labelValues: [], value: 0, exemplar: undefined };

/**
 * Node's own metrics, from prom-client's `collectDefaultMetrics` in a registry of ours. Nothing is loaded before
 * `start`: prom-client takes tens of milliseconds, which belong after the app's first listen.
 */
export class RuntimeMetrics {
  private registry: ForeignRegistry | undefined = undefined;
  private started = false;
  private loaded = false;
  private readonly counted = new Map<string, number>();

  /** Measures from the next turn of the event loop on, once: whoever waits for the app to listen goes first. Never throws. */
  start(): void {
    if (this.started) return;
    this.started = true;
    runOutside(() => setImmediate(() => this.load()).unref());
  }

  private load(): ForeignRegistry | undefined {
    if (this.loaded) return this.registry;
    this.loaded = true;
    try {
      const client = createRequire(import.meta.url)('prom-client') as PromClient;
      const registry = new client.Registry();
      Object.defineProperty(registry, kOwn, { value: true });
      runOutside(() => client.collectDefaultMetrics({ register: registry }));
      this.registry = registry;
    } catch (error) {
      reportBug('runtime metrics', error);
    }
    return this.registry;
  }

  /** All families that have a series, names corrected. */
  async families(): Promise<MetricFamily[]> {
    const registry = this.started ? this.load() : undefined;
    if (registry === undefined) return [];
    const families: MetricFamily[] = [];
    for (const metric of registry.getMetricsAsArray()) {
      try {
        const family = foreignFamily(await metric.get(), registry);
        if (family !== undefined) families.push(family);
      } catch (error) {
        reportBug('runtime metrics', error);
      }
    }
    return families.flatMap(correct);
  }

  /** Sends to StatsD what the dialect can carry: with tags all counters and gauges, else those without labels. */
  joinStatsd({ aggregator, names, tags }: StatsdTarget): void {
    const tagged = names === undefined ? new StatsdFamilies(aggregator, tags) : undefined;
    aggregator.onPull(() => {
      // Asynchronous: what it sets leaves with the next flush.
      this.families().then(
        (families) => (names === undefined ? tagged?.send(families) : this.send(families, aggregator, names)),
        (error: unknown) => reportBug('runtime metrics to StatsD', error),
      );
    });
  }

  private send(families: readonly MetricFamily[], aggregator: StatsdAggregator, names: StatsdNames): void {
    for (const family of families) {
      const [point, more] = family.points;
      if (point?.kind !== 'number' || more !== undefined || point.labelNames.length > 0) continue;
      if (family.type === 'gauge') aggregator.gauge(names.runtime(family.name, VALUE)).set(point.value);
      if (family.type !== 'counter') continue;
      aggregator.counter(names.runtime(family.name, COUNT)).add(point.value - (this.counted.get(family.name) ?? 0));
      this.counted.set(family.name, point.value);
    }
  }
}

function correct(family: MetricFamily): MetricFamily[] {
  if (Object.hasOwn(WRONG_TOTALS, family.name)) return [];
  const points = [...family.points].filter((point) => !isNoValue(family.name, point));
  if (points.length > 0) return [{ ...family, points }];
  return NEVER_EMPTY.has(family.name) ? [{ ...family, points: [ZERO] }] : [];
}

/** The event-loop statistics of an interval without a sample are no numbers: a gap is the truth. */
function isNoValue(name: string, point: MetricPoint): boolean {
  if (point.kind !== 'number') return false;
  return Number.isNaN(point.value) || (name === LAG_MIN && point.value > NO_MINIMUM_SECONDS);
}

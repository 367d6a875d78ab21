import type { StatsdTags } from '../codec/statsd-tags.ts';
import type { MetricFamily, NumberPoint } from '../model/metric-points.ts';
import type { StatsdAggregator } from './statsd-aggregator.ts';

/** Counter series whose last total is remembered; a further one is not sent. */
const MAX_COUNTERS = 20_000;

/**
 * Sends families that are counted elsewhere to StatsD with all their labels: gauges as they stand, counters by what they
 * have grown since the last time. A histogram has no single values left and stays on `/metrics` alone; those that are
 * observed one by one go their own way.
 */
export class StatsdFamilies {
  private readonly aggregator: StatsdAggregator;
  private readonly tags: StatsdTags;
  private readonly totals = new Map<string, number>();

  constructor(aggregator: StatsdAggregator, tags: StatsdTags) {
    this.aggregator = aggregator;
    this.tags = tags;
  }

  send(families: Iterable<MetricFamily>): void {
    for (const family of families) {
      const counter = family.type === 'counter';
      if (!counter && family.type !== 'gauge' && family.type !== 'info') continue;
      for (const point of family.points) {
        if (point.kind === 'number') this.point(family.name, point, counter);
      }
    }
  }

  private point(name: string, { labelNames, labelValues, value }: NumberPoint, counter: boolean): void {
    const address = this.tags.address(name, labelNames, labelValues);
    if (!counter) {
      this.aggregator.gauge(address).set(value);
      return;
    }
    const key = address.head + address.tail;
    const before = this.totals.get(key);
    if (before === undefined && this.totals.size >= MAX_COUNTERS) return;
    this.totals.set(key, value);
    // A total that fell was started anew.
    this.aggregator.counter(address).add(before === undefined || value < before ? value : value - before);
  }
}

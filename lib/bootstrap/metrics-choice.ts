import { StatsdNames } from '../codec/statsd-hierarchy.ts';
import { diag } from '../core/diag.ts';
import { Exposition } from '../metrics/exposition.ts';
import { HttpMetrics } from '../metrics/http-metrics.ts';
import { registerOwnMetrics } from '../metrics/own-metrics.ts';
import { DEFAULT_SERIES_LIMIT, MetricRegistry } from '../metrics/registry.ts';
import { RollingFacts } from '../metrics/rolling-facts.ts';
import { StatsdAggregator } from '../metrics/statsd-aggregator.ts';
import { metrics, setUserSeriesLimit } from '../metrics/user-metrics.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import type { Settings } from './settings.ts';

export interface Metering {
  readonly exposition: Exposition;
  readonly http: HttpMetrics;
  readonly rolling: RollingFacts;
  readonly counters: {
    correlationIdRejected(): void;
    logLine(level: string): void;
    uncaught(kind: string): void;
  };
  /** Hands what the aggregator holds to delivery. */
  flushStatsd(): void;
  stop(): void;
}

/** Wires registry, HTTP metrics, rolling facts, exposition and StatsD. */
export function createMetering(settings: Settings, sink: TelemetrySink): Metering {
  const seriesLimit = settings.given.metricSeriesLimit ?? DEFAULT_SERIES_LIMIT;
  setUserSeriesLimit(seriesLimit);
  const registry = new MetricRegistry({
    seriesLimit,
    onSeriesLimit: (metric) =>
      diag.warn(
        'SIGHTLINE_W_SERIES_LIMIT',
        `metric '${metric}' has reached its limit of ${seriesLimit} series; further label values are counted in the series '__other__'. Raise SIGHTLINE_METRIC_SERIES_LIMIT, or give the label fewer values`,
      ),
  });
  const rolling = new RollingFacts();
  const exposition = new Exposition({ registry, resource: settings.resource, others: [metrics.registry] });
  registerOwnMetrics({ registry, deliveryStatus: () => sink.status(), rolling });

  const statsd = settings.statsdUrl === undefined ? undefined : createStatsd(settings, sink);
  if (statsd !== undefined) {
    metrics.joinStatsd(statsd);
    exposition.runtime.joinStatsd(statsd.aggregator, statsd.names);
  }
  const rejected = registry.counter(CATALOGUE.correlationIdsRejected).bind([]);
  const lines = registry.counter(CATALOGUE.logLines);
  const linesByLevel = new Map<string, ReturnType<typeof lines.bind>>();
  const uncaught = registry.counter(CATALOGUE.uncaughtErrors);
  return {
    exposition,
    http: new HttpMetrics({ registry, rolling, ...(statsd !== undefined && { statsd }) }),
    rolling,
    counters: {
      correlationIdRejected: () => rejected.inc(),
      logLine(level) {
        let series = linesByLevel.get(level);
        // Bounded: past the series limit `bind` gives the one `__other__` series, and custom levels are few.
        if (series === undefined) {
          series = lines.bind([level]);
          if (linesByLevel.size < seriesLimit) linesByLevel.set(level, series);
        }
        series.inc();
      },
      uncaught: (kind) => uncaught.bind([kind]).inc(),
    },
    flushStatsd() {
      if (statsd !== undefined) sink.statsd(statsd.aggregator.flush());
    },
    stop() {
      metrics.joinStatsd(undefined);
      statsd?.aggregator.close();
    },
  };
}

function createStatsd(settings: Settings, sink: TelemetrySink) {
  const { environment, hostName, serviceName } = settings.resource;
  return {
    aggregator: new StatsdAggregator({ send: (packets) => sink.statsd(packets) }),
    names: new StatsdNames({ environment, host: hostName, service: serviceName }),
  };
}

import { StatsdNames } from '../codec/statsd-hierarchy.ts';
import { StatsdTags } from '../codec/statsd-tags.ts';
import { diag } from '../core/diag.ts';
import { containerId } from '../metrics/container-id.ts';
import { Exposition } from '../metrics/exposition.ts';
import { HttpMetrics } from '../metrics/http-metrics.ts';
import { registerOwnMetrics } from '../metrics/own-metrics.ts';
import { DEFAULT_SERIES_LIMIT, MetricRegistry } from '../metrics/registry.ts';
import { RollingFacts } from '../metrics/rolling-facts.ts';
import { MAX_PACKET_BYTES, StatsdAggregator } from '../metrics/statsd-aggregator.ts';
import { StatsdFamilies } from '../metrics/statsd-families.ts';
import type { StatsdTarget } from '../metrics/statsd-target.ts';
import { metrics, setUserSeriesLimit } from '../metrics/user-metrics.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import { createMetricsPush, type MetricsPush } from './metrics-push.ts';
import { type Settings, SHUTDOWN_MILLIS } from './settings.ts';

/** Packets over a stream or a socket of this host; what Datadog's agent reads in one piece. */
const LOCAL_PACKET_BYTES = 8192;

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
  /** Present with `SIGHTLINE_METRICS=push`. */
  readonly push: MetricsPush | undefined;
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

  const { statsdUrl } = settings;
  const statsd = statsdUrl === undefined ? undefined : createStatsd(settings, sink, statsdUrl);
  if (statsd !== undefined) {
    metrics.joinStatsd(statsd);
    exposition.runtime.joinStatsd(statsd);
    if (statsd.tags !== undefined) joinOwnFamilies(statsd, registry);
  }
  const rejected = registry.counter(CATALOGUE.correlationIdsRejected).bind([]);
  const lines = registry.counter(CATALOGUE.logLines);
  const linesByLevel = new Map<string, ReturnType<typeof lines.bind>>();
  const uncaught = registry.counter(CATALOGUE.uncaughtErrors);
  const endMillis = settings.given.shutdownTimeout ?? SHUTDOWN_MILLIS;
  const push = settings.pushUrl === undefined ? undefined : createMetricsPush({ exposition, sink, endMillis });
  return {
    exposition,
    push,
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
      if (statsd === undefined) return;
      statsd.aggregator.pull();
      sink.statsd(statsd.aggregator.flush());
    },
    stop() {
      metrics.joinStatsd(undefined);
      statsd?.aggregator.close();
      push?.stop();
    },
  };
}

/** Of our own metrics a hierarchy has those of HTTP alone; with tags all counters and gauges leave. */
function joinOwnFamilies({ aggregator, tags }: StatsdTarget, registry: MetricRegistry): void {
  if (tags === undefined) return;
  const families = new StatsdFamilies(aggregator, tags);
  aggregator.onPull(() => {
    registry.refresh();
    families.send(registry.collect());
  });
}

function createStatsd(settings: Settings, sink: TelemetrySink, url: string): StatsdTarget {
  const { environment, hostName: host, serviceName: service, serviceVersion: version } = settings.resource;
  const aggregator = new StatsdAggregator({
    send: (packets) => sink.statsd(packets),
    packetBytes: url.startsWith('udp:') ? MAX_PACKET_BYTES : LOCAL_PACKET_BYTES,
  });
  const dialect = settings.given.statsdDialect ?? 'hierarchy';
  if (dialect === 'hierarchy') return { aggregator, names: new StatsdNames({ environment, host, service }) };
  const identity = { environment, host, service, version };
  // The variable by which Datadog's own clients leave the container out.
  const withContainer = dialect === 'dogstatsd' && process.env['DD_ORIGIN_DETECTION_ENABLED'] !== 'false';
  return { aggregator, tags: new StatsdTags(dialect, identity, withContainer ? containerId() : undefined) };
}

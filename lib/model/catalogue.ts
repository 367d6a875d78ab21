/**
 * Every metric that Sightline emits, under one neutral dotted name. Backends translate at the edge: Prometheus
 * (`metrics/naming`), StatsD hierarchy (`codec/statsd-hierarchy`). Dashboards, rules, the statsd_exporter mapping,
 * docs/metrics.md and the linter are made from this table. Names of HTTP metrics: OpenTelemetry semantic
 * conventions 1.3x, "HTTP metrics".
 */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'info';
/** UCUM-like units as OpenTelemetry writes them: seconds, bytes, a plain count (`1` is a ratio or a dimensionless fact). */
export type MetricUnit =
  | 's'
  | 'By'
  | '{request}'
  | '{line}'
  | '{error}'
  | '{span}'
  | '{record}'
  | '{series}'
  | '{connection}'
  | '{id}'
  | '{packet}'
  | '{push}'
  | '1'
  | '';

export interface MetricDefinition {
  /** Neutral dotted name. */
  readonly name: string;
  readonly type: MetricType;
  readonly unit: MetricUnit;
  /** One sentence, ends with a full stop. */
  readonly help: string;
  /** Prometheus label names. */
  readonly labels: readonly string[];
  /** Upper bounds, ascending, without +Inf; histograms only. */
  readonly buckets?: readonly number[];
  /** The name in the Prometheus exposition (without `_total`'s OpenMetrics variations). */
  readonly prometheus: string;
}

/** Bucket boundaries of OpenTelemetry's HTTP duration metrics, seconds. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

function define<const T extends Record<string, MetricDefinition>>(table: T): T {
  return table;
}

export const CATALOGUE = define({
  httpServerRequestDuration: {
    name: 'http.server.request.duration',
    type: 'histogram',
    unit: 's',
    prometheus: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP server requests.',
    buckets: DURATION_BUCKETS,
    labels: ['http_request_method', 'http_route', 'http_response_status_code', 'url_scheme', 'error_type'],
  },
  httpServerActiveRequests: {
    name: 'http.server.active_requests',
    type: 'gauge',
    unit: '{request}',
    prometheus: 'http_server_active_requests',
    help: 'HTTP server requests being served now.',
    labels: ['http_request_method', 'url_scheme'],
  },
  httpClientRequestDuration: {
    name: 'http.client.request.duration',
    type: 'histogram',
    unit: 's',
    prometheus: 'http_client_request_duration_seconds',
    help: 'Duration of HTTP client requests.',
    buckets: DURATION_BUCKETS,
    labels: ['http_request_method', 'server_address', 'server_port', 'http_response_status_code', 'error_type'],
  },
  targetInfo: {
    name: 'target',
    type: 'info',
    unit: '',
    prometheus: 'target_info',
    help: 'Resource attributes of this process.',
    labels: ['service_name', 'service_version', 'service_instance_id', 'deployment_environment_name'],
  },
  logLines: {
    name: 'sightline.log.lines',
    type: 'counter',
    unit: '{line}',
    prometheus: 'sightline_log_lines_total',
    help: 'Log lines taken for shipping, by level.',
    labels: ['level'],
  },
  uncaughtErrors: {
    name: 'sightline.uncaught.errors',
    type: 'counter',
    unit: '{error}',
    prometheus: 'sightline_uncaught_errors_total',
    help: 'Uncaught exceptions and unhandled rejections.',
    labels: ['kind'],
  },
  correlationIdsRejected: {
    name: 'sightline.correlation.ids.rejected',
    type: 'counter',
    unit: '{id}',
    prometheus: 'sightline_correlation_ids_rejected_total',
    help: 'Inbound correlation IDs that were not accepted.',
    labels: [],
  },
  internalErrors: {
    name: 'sightline.internal.errors',
    type: 'counter',
    unit: '{error}',
    prometheus: 'sightline_internal_errors_total',
    help: 'Bugs of Sightline that its fences caught.',
    labels: [],
  },
  seriesOverLimit: {
    name: 'sightline.metric.series.over_limit',
    type: 'counter',
    unit: '{record}',
    prometheus: 'sightline_metric_series_over_limit_total',
    help: 'Observations that went to the __other__ series because a metric reached its series limit.',
    labels: ['metric'],
  },
  valuesRejected: {
    name: 'sightline.metric.values.rejected',
    type: 'counter',
    unit: '{record}',
    prometheus: 'sightline_metric_values_rejected_total',
    help: 'Observations that an instrument could not take: not a number, negative or infinite.',
    labels: ['metric'],
  },
  familiesDropped: {
    name: 'sightline.metric.families.dropped',
    type: 'counter',
    unit: '{record}',
    prometheus: 'sightline_metric_families_dropped_total',
    help: 'Metric families of the app left out of a scrape, by reason: duplicate, failed, timeout or invalid.',
    labels: ['reason'],
  },
  telemetryRecords: {
    name: 'sightline.telemetry.records',
    type: 'counter',
    unit: '{record}',
    prometheus: 'sightline_telemetry_records_total',
    help: 'Telemetry records by what became of them.',
    labels: ['signal', 'outcome', 'reason'],
  },
  telemetryJournalBytes: {
    name: 'sightline.telemetry.journal.size',
    type: 'gauge',
    unit: 'By',
    prometheus: 'sightline_telemetry_journal_size_bytes',
    help: 'Bytes of the journal on disk.',
    labels: [],
  },
  telemetryOldestUnsent: {
    name: 'sightline.telemetry.oldest_unsent.age',
    type: 'gauge',
    unit: 's',
    prometheus: 'sightline_telemetry_oldest_unsent_age_seconds',
    help: 'Age of the oldest telemetry record that is not acknowledged.',
    labels: [],
  },
  telemetryCourierUp: {
    name: 'sightline.telemetry.courier.up',
    type: 'gauge',
    unit: '1',
    prometheus: 'sightline_telemetry_courier_up',
    help: '1 while the backend of a signal takes what is sent, 0 while it does not.',
    labels: ['signal'],
  },
  deadLetters: {
    name: 'sightline.dead_letters',
    type: 'gauge',
    unit: '{record}',
    prometheus: 'sightline_dead_letters',
    help: 'Dead letters of the service that wait for somebody to look at them: sightline dlq.',
    labels: ['signal'],
  },
  deadLettersExpired: {
    name: 'sightline.dead_letters.expired',
    type: 'counter',
    unit: '{record}',
    prometheus: 'sightline_dead_letters_expired_total',
    help: 'Dead letters that were deleted because nobody looked at them in time.',
    labels: ['signal'],
  },
  statsdPackets: {
    name: 'sightline.statsd.packets',
    type: 'counter',
    unit: '{packet}',
    prometheus: 'sightline_statsd_packets_total',
    help: 'StatsD packets by what became of them: sent, or dropped because nobody took them.',
    labels: ['outcome'],
  },
  metricPushes: {
    name: 'sightline.metric.pushes',
    type: 'counter',
    unit: '{push}',
    prometheus: 'sightline_metric_pushes_total',
    help: 'Pushed metric pages by what became of them: sent or dropped.',
    labels: ['outcome'],
  },
  heapLimit: {
    name: 'nodejs.heap.size.limit',
    type: 'gauge',
    unit: 'By',
    prometheus: 'nodejs_heap_size_limit_bytes',
    help: 'Bytes that the V8 heap may grow to; beyond, V8 ends the process.',
    labels: [],
  },
  healthResponseTimeMean: {
    name: 'sightline.health.response_time.mean',
    type: 'gauge',
    unit: 's',
    prometheus: 'sightline_health_response_time_mean_seconds',
    help: 'Rolling mean of the server response time, as on /health.',
    labels: [],
  },
  healthResponseTimeP95: {
    name: 'sightline.health.response_time.p95',
    type: 'gauge',
    unit: 's',
    prometheus: 'sightline_health_response_time_p95_seconds',
    help: 'Rolling 95th percentile of the server response time, as on /health.',
    labels: [],
  },
  healthConnections: {
    name: 'sightline.health.connections',
    type: 'gauge',
    unit: '{connection}',
    prometheus: 'sightline_health_connections',
    help: 'Open connections of the HTTP servers, as on /health.',
    labels: [],
  },
  healthBadRequests: {
    name: 'sightline.health.bad_requests',
    type: 'gauge',
    unit: '{request}',
    prometheus: 'sightline_health_bad_requests',
    help: 'Responses in the rolling window by class 4xx and 5xx, as on /health.',
    labels: ['class'],
  },
});
export type CatalogueKey = keyof typeof CATALOGUE;

/** How a unit is written at the end of a Prometheus name; plain counts have no word. */
export function unitWord(unit: MetricUnit): string {
  return unit === 's' ? 'seconds' : unit === 'By' ? 'bytes' : '';
}

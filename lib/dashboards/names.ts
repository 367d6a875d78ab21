import { PREFIX_OF_TAKEN, TAKEN_BY_EXPORTER } from '../codec/statsd-mapping.ts';
import { CATALOGUE, type CatalogueKey } from '../model/catalogue.ts';
import { DEPLOYMENT } from '../model/deployment.ts';
import { RUNTIME_METRICS } from '../model/runtime-metrics.ts';

/** Names that a histogram has besides its own. */
const PART = /_(?:bucket|sum|count)$/;

/** What a histogram is called in a query. */
export interface HistogramNames {
  readonly bucket: string;
  readonly count: string;
  readonly sum: string;
}

function histogram(key: CatalogueKey): HistogramNames {
  const { prometheus } = CATALOGUE[key];
  return { bucket: `${prometheus}_bucket`, count: `${prometheus}_count`, sum: `${prometheus}_sum` };
}

export const SERVER: HistogramNames = histogram('httpServerRequestDuration');
export const CLIENT: HistogramNames = histogram('httpClientRequestDuration');

/** The Prometheus name of a metric of ours. */
export function name(key: CatalogueKey): string {
  return CATALOGUE[key].prometheus;
}

/** A metric of the runtime, by its published name; throws when there is none, so that no panel queries nothing. */
export function runtime(prometheus: string): string {
  const base = prometheus.replace(PART, '');
  if (!RUNTIME_METRICS.some((metric) => metric.prometheus === base || metric.prometheus === prometheus))
    throw new Error(`got ${prometheus}, wanted a metric of model/runtime-metrics.ts`);
  return prometheus;
}

/**
 * What other programs say of themselves: Prometheus 3, statsd_exporter 0.31, Zipkin 3, elasticsearch_exporter 1.9,
 * Logstash by its exporter. `up` and its like are made by the scraper.
 */
export const FOREIGN_NAMES: readonly string[] = [
  'up',
  'ALERTS',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'prometheus_tsdb_head_series',
  'prometheus_tsdb_head_samples_appended_total',
  'prometheus_rule_evaluation_failures_total',
  'prometheus_notifications_dropped_total',
  'prometheus_target_scrapes_exceeded_sample_limit_total',
  'prometheus_engine_query_duration_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
  'statsd_exporter_lines_total',
  'statsd_exporter_sample_errors_total',
  'statsd_exporter_events_total',
  'statsd_exporter_events_conflict_total',
  'statsd_exporter_events_unmapped_total',
  'statsd_exporter_udp_packet_drops_total',
  'statsd_exporter_metrics_total',
  'zipkin_collector_spans_total',
  'zipkin_collector_spans_dropped_total',
  'zipkin_collector_messages_total',
  'zipkin_collector_messages_dropped_total',
  'elasticsearch_cluster_health_status',
  'elasticsearch_indices_docs',
  'elasticsearch_indices_indexing_index_total',
  'elasticsearch_filesystem_data_available_bytes',
  'elasticsearch_filesystem_data_size_bytes',
  'elasticsearch_jvm_memory_used_bytes',
  'elasticsearch_jvm_memory_max_bytes',
  'elasticsearch_thread_pool_rejected_count',
  'logstash_stats_pipeline_events_in',
  'logstash_stats_pipeline_events_out',
  'logstash_stats_pipeline_queue_events_queue_size',
];

const OURS = new Set(
  [
    ...Object.values(CATALOGUE),
    DEPLOYMENT,
    ...RUNTIME_METRICS,
    ...TAKEN_BY_EXPORTER.map((taken) => ({ prometheus: PREFIX_OF_TAKEN + taken, type: 'gauge' })),
  ].flatMap(({ prometheus, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => prometheus + part) : [prometheus],
  ),
);

/** Whether somebody emits a metric: Sightline, the runtime, or one of the programs of FOREIGN_NAMES. */
export function isKnownName(prometheus: string): boolean {
  return OURS.has(prometheus) || FOREIGN_NAMES.includes(prometheus);
}

/** A metric of another program; throws when it is not in the list. */
export function foreign(prometheus: string): string {
  if (!FOREIGN_NAMES.includes(prometheus)) throw new Error(`got ${prometheus}, wanted one of FOREIGN_NAMES`);
  return prometheus;
}

/**
 * A metric of the process that statsd_exporter has for itself, too: of a service that comes through StatsD it has the
 * prefix of the mapping.
 * @param expression what to ask of either name
 */
export function either(prometheus: string, expression: (name: string) => string): string {
  const found = TAKEN_BY_EXPORTER.find((taken) => taken === runtime(prometheus));
  if (found === undefined) throw new Error(`got ${prometheus}, wanted a name that statsd_exporter takes`);
  return `${expression(prometheus)} or ${expression(PREFIX_OF_TAKEN + prometheus)}`;
}

/**
 * How much each series of a counter grew, those included that began within the window: `increase` starts at the first
 * sample and would not see the first dropped record, the first error of a kind.
 */
export function grown(series: string, window: string): string {
  return `(${series} unless ${series} offset ${window} or increase(${series}[${window}]))`;
}

/** Labels that select what the variables of a dashboard choose. */
export const SELECTED = 'job=~"$job", instance=~"$instance"';
/** A 5xx, as the status itself or as the class that the StatsD hierarchy keeps. */
export const FAILED = 'http_response_status_code=~"5.*"';
export const CLIENT_ERROR = 'http_response_status_code=~"4.*"';

import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { foreign } from './names.ts';
import { stat, timeseries } from './panels.ts';

const CHOSEN = 'job=~"$job", instance=~"$instance"';

/** Prometheus, Zipkin, Elasticsearch and Logstash: whether what watches the services is well itself. */
export function backends(config: DashboardConfig): Dashboard {
  const rate = (metric: string, by: string): string =>
    `sum by (${by}) (rate(${foreign(metric)}{${CHOSEN}}[$__rate_interval]))`;
  const level = (metric: string, by: string): string => `sum by (${by}) (${foreign(metric)}{${CHOSEN}})`;
  const none = 'not scraped here';
  return dashboard({
    config,
    name: 'backends',
    title: 'Backends',
    description: 'Prometheus, Zipkin, Elasticsearch and Logstash themselves.',
    jobsOf: foreign('up'),
    rows: [
      {
        title: 'Targets',
        panels: [
          stat({
            title: 'Targets down',
            description: 'Targets that do not answer the scraper.',
            queries: [{ expr: `count(${foreign('up')}{${CHOSEN}} == 0) or vector(0)`, legend: 'down' }],
            unit: 'short',
            width: 6,
            thresholds: [
              [null, 'green'],
              [1, 'red'],
            ],
          }),
          timeseries({
            title: 'Scrapes',
            description: 'How long the slowest scrape of each job takes.',
            queries: [{ expr: `max by (job) (${foreign('scrape_duration_seconds')}{${CHOSEN}})`, legend: '{{job}}' }],
            unit: 's',
            width: 18,
            height: 6,
          }),
        ],
      },
      {
        title: 'Prometheus',
        panels: [
          timeseries({
            title: 'Series',
            description: 'Series in memory.',
            queries: [{ expr: level('prometheus_tsdb_head_series', 'instance'), legend: '{{instance}}' }],
            unit: 'short',
            width: 8,
            noValue: none,
          }),
          timeseries({
            title: 'Samples',
            description: 'Samples a second.',
            queries: [
              { expr: rate('prometheus_tsdb_head_samples_appended_total', 'instance'), legend: '{{instance}}' },
            ],
            unit: 'cps',
            width: 8,
            noValue: none,
          }),
          timeseries({
            title: 'Failures',
            description: 'Rules that failed; notifications dropped, where there is an Alertmanager.',
            queries: [
              { expr: rate('prometheus_rule_evaluation_failures_total', 'instance'), legend: 'rules {{instance}}' },
              {
                expr: rate('prometheus_notifications_dropped_total', 'instance'),
                legend: 'notifications {{instance}}',
              },
            ],
            unit: 'cps',
            width: 8,
            noValue: none,
          }),
        ],
      },
      {
        title: 'Zipkin',
        panels: [
          timeseries({
            title: 'Spans taken and dropped',
            description: 'Spans a second by transport.',
            queries: [
              { expr: rate('zipkin_collector_spans_total', 'transport'), legend: 'taken {{transport}}' },
              { expr: rate('zipkin_collector_spans_dropped_total', 'transport'), legend: 'dropped {{transport}}' },
            ],
            unit: 'cps',
            noValue: none,
          }),
          timeseries({
            title: 'Messages',
            description: 'Requests a second that bring spans.',
            queries: [
              { expr: rate('zipkin_collector_messages_total', 'transport'), legend: 'taken {{transport}}' },
              { expr: rate('zipkin_collector_messages_dropped_total', 'transport'), legend: 'dropped {{transport}}' },
            ],
            unit: 'cps',
            noValue: none,
          }),
        ],
      },
      {
        title: 'Elasticsearch (elasticsearch_exporter)',
        panels: [
          timeseries({
            title: 'Documents written',
            description: 'Documents a second.',
            queries: [{ expr: rate('elasticsearch_indices_indexing_index_total', 'name'), legend: '{{name}}' }],
            unit: 'cps',
            width: 8,
            noValue: none,
          }),
          timeseries({
            title: 'Disk free',
            description: 'Share of the disk that is free; at 5 % indices become read-only.',
            queries: [
              {
                expr: `${level('elasticsearch_filesystem_data_available_bytes', 'name')} / ${level('elasticsearch_filesystem_data_size_bytes', 'name')}`,
                legend: '{{name}}',
              },
            ],
            unit: 'percentunit',
            width: 8,
            noValue: none,
          }),
          timeseries({
            title: 'Refused requests',
            description: 'Requests a second that a full queue refused.',
            queries: [
              { expr: rate('elasticsearch_thread_pool_rejected_count', 'name, type'), legend: '{{name}} {{type}}' },
            ],
            unit: 'cps',
            width: 8,
            noValue: none,
          }),
        ],
      },
      {
        title: 'Logstash (logstash_exporter)',
        panels: [
          timeseries({
            title: 'Events',
            description: 'Events a second, in and out, by pipeline.',
            queries: [
              { expr: rate('logstash_stats_pipeline_events_in', 'pipeline'), legend: 'in {{pipeline}}' },
              { expr: rate('logstash_stats_pipeline_events_out', 'pipeline'), legend: 'out {{pipeline}}' },
            ],
            unit: 'cps',
            noValue: none,
          }),
          timeseries({
            title: 'Queue',
            description: 'Bytes in the persisted queue.',
            queries: [
              { expr: level('logstash_stats_pipeline_queue_events_queue_size', 'pipeline'), legend: '{{pipeline}}' },
            ],
            unit: 'bytes',
            noValue: none,
          }),
        ],
      },
    ],
  });
}

import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { foreign } from './names.ts';
import { timeseries } from './panels.ts';

const CHOSEN = 'job=~"$job", instance=~"$instance"';

/** Between a service that sends StatsD and Prometheus stands statsd_exporter: what it takes and what it refuses. */
export function statsdPipeline(config: DashboardConfig): Dashboard {
  const rate = (metric: string, by: string): string =>
    `sum by (${by}) (rate(${foreign(metric)}{${CHOSEN}}[$__rate_interval]))`;
  return dashboard({
    config,
    name: 'statsd',
    title: 'StatsD pipeline',
    description: 'statsd_exporter: lines, mapping, errors, packets that the kernel dropped.',
    jobsOf: foreign('statsd_exporter_lines_total'),
    rows: [
      {
        title: 'Lines',
        panels: [
          timeseries({
            title: 'Lines taken',
            description: 'Lines a second.',
            queries: [{ expr: rate('statsd_exporter_lines_total', 'instance'), legend: '{{instance}}' }],
            unit: 'cps',
          }),
          timeseries({
            title: 'Events by type',
            description: 'Counters, gauges and timers a second.',
            queries: [{ expr: rate('statsd_exporter_events_total', 'type'), legend: '{{type}}' }],
            unit: 'cps',
          }),
          timeseries({
            title: 'Without a mapping',
            description: 'Events a second that no rule of the mapping names: their names are made from the line.',
            queries: [{ expr: rate('statsd_exporter_events_unmapped_total', 'instance'), legend: '{{instance}}' }],
            unit: 'cps',
          }),
          timeseries({
            title: 'Refused',
            description: 'Lines that cannot be read, and events whose labels or type do not agree with what is there.',
            queries: [
              { expr: rate('statsd_exporter_sample_errors_total', 'reason'), legend: 'line: {{reason}}' },
              { expr: rate('statsd_exporter_events_conflict_total', 'type'), legend: 'conflict: {{type}}' },
            ],
            unit: 'cps',
            noValue: 'none',
          }),
          timeseries({
            title: 'Packets dropped',
            description: 'UDP packets that the queue had no room for.',
            queries: [{ expr: rate('statsd_exporter_udp_packet_drops_total', 'instance'), legend: '{{instance}}' }],
            unit: 'pps',
          }),
          timeseries({
            title: 'Metrics held',
            description: 'Series by type.',
            queries: [
              { expr: `sum by (type) (${foreign('statsd_exporter_metrics_total')}{${CHOSEN}})`, legend: '{{type}}' },
            ],
            unit: 'short',
          }),
        ],
      },
    ],
  });
}

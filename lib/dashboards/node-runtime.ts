import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { either, name, runtime, SELECTED } from './names.ts';
import { stat, timeseries } from './panels.ts';

/** What the Node.js process does: event loop, garbage collection, heap, handles, CPU. */
export function nodeRuntime(config: DashboardConfig): Dashboard {
  const gaugeOf = (metric: string): string => `max by (instance) (${metric}{${SELECTED}})`;
  const gauge = (metric: string): string => gaugeOf(runtime(metric));
  return dashboard({
    config,
    name: 'runtime',
    title: 'Node.js',
    description: 'Event loop, garbage collection, memory, handles and CPU of each process.',
    jobsOf: runtime('nodejs_heap_size_used_bytes'),
    rows: [
      {
        title: 'Process',
        panels: [
          stat({
            title: 'Version',
            description: 'Versions of Node.js that run.',
            queries: [
              { expr: `count by (version) (${runtime('nodejs_version_info')}{${SELECTED}})`, legend: '{{version}}' },
            ],
            unit: 'short',
            width: 8,
            sparkline: false,
            noValue: 'StatsD carries no version',
          }),
          stat({
            title: 'Up since',
            description: 'Start of the process that started last.',
            queries: [
              {
                expr: `max(${either('process_start_time_seconds', (metric) => `${metric}{${SELECTED}}`)}) * 1000`,
                legend: 'start',
              },
            ],
            unit: 'dateTimeFromNow',
            width: 8,
            sparkline: false,
          }),
          stat({
            title: 'Restarts, 1 h',
            description: 'Processes that began anew within the hour.',
            queries: [
              {
                expr: `sum(${either('process_start_time_seconds', (metric) => `changes(${metric}{${SELECTED}}[1h])`)})`,
                legend: 'restarts',
              },
            ],
            unit: 'short',
            width: 8,
            thresholds: [
              [null, 'green'],
              [3, 'red'],
            ],
          }),
        ],
      },
      {
        title: 'Event loop',
        panels: [
          timeseries({
            title: 'Lag, p50, p90, p99',
            description: 'How late the loop comes to what is due.',
            queries: [
              { expr: gauge('nodejs_eventloop_lag_p50_seconds'), legend: 'p50 {{instance}}' },
              { expr: gauge('nodejs_eventloop_lag_p90_seconds'), legend: 'p90 {{instance}}' },
              { expr: gauge('nodejs_eventloop_lag_p99_seconds'), legend: 'p99 {{instance}}' },
            ],
            unit: 's',
          }),
          timeseries({
            title: 'Lag, worst',
            description: 'The longest the loop was held within the time of measurement.',
            queries: [{ expr: gauge('nodejs_eventloop_lag_max_seconds'), legend: '{{instance}}' }],
            unit: 's',
          }),
          timeseries({
            title: 'CPU',
            description: 'Cores used, by user and system time.',
            queries: [
              {
                expr: `sum by (instance) (rate(${runtime('process_cpu_user_seconds_total')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'user {{instance}}',
              },
              {
                expr: `sum by (instance) (rate(${runtime('process_cpu_system_seconds_total')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'system {{instance}}',
              },
            ],
            unit: 'short',
          }),
          timeseries({
            title: 'Garbage collection',
            description: 'Share of time spent collecting, by kind.',
            queries: [
              {
                expr: `sum by (kind) (rate(${runtime('nodejs_gc_duration_seconds_sum')}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{kind}}',
              },
            ],
            unit: 'percentunit',
            noValue: 'none yet, or by StatsD',
          }),
        ],
      },
      {
        title: 'Memory and handles',
        panels: [
          timeseries({
            title: 'Heap',
            description: 'Used and reserved heap, and what it may grow to.',
            queries: [
              { expr: gauge('nodejs_heap_size_used_bytes'), legend: 'used {{instance}}' },
              { expr: gauge('nodejs_heap_size_total_bytes'), legend: 'total {{instance}}' },
              { expr: gaugeOf(name('heapLimit')), legend: 'limit {{instance}}' },
            ],
            unit: 'bytes',
          }),
          timeseries({
            title: 'Resident and external memory',
            description: 'What the system counts for the process, and buffers outside of the heap.',
            queries: [
              { expr: either('process_resident_memory_bytes', gaugeOf), legend: 'resident {{instance}}' },
              { expr: gauge('nodejs_external_memory_bytes'), legend: 'external {{instance}}' },
            ],
            unit: 'bytes',
          }),
          timeseries({
            title: 'Heap by space',
            description: 'Used heap by V8 space.',
            queries: [
              {
                expr: `sum by (space) (${runtime('nodejs_heap_space_size_used_bytes')}{${SELECTED}})`,
                legend: '{{space}}',
              },
            ],
            unit: 'bytes',
            noValue: 'StatsD carries no labels',
            stack: true,
          }),
          timeseries({
            title: 'Active resources',
            description: 'What keeps the event loop alive, by type.',
            queries: [
              { expr: `sum by (type) (${runtime('nodejs_active_resources')}{${SELECTED}})`, legend: '{{type}}' },
            ],
            unit: 'short',
            noValue: 'StatsD carries no labels',
          }),
          timeseries({
            title: 'File descriptors',
            description: 'Open descriptors and their limit.',
            queries: [
              { expr: either('process_open_fds', gaugeOf), legend: 'open {{instance}}' },
              { expr: either('process_max_fds', gaugeOf), legend: 'limit {{instance}}' },
            ],
            unit: 'short',
            noValue: 'not on this system',
          }),
        ],
      },
    ],
  });
}

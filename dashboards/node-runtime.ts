import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { runtime, SELECTED } from './names.ts';
import { stat, timeseries } from './panels.ts';

/** What the Node.js process does: event loop, garbage collection, heap, handles, CPU. */
export function nodeRuntime(config: DashboardConfig): Dashboard {
  const gauge = (metric: string, by = 'instance'): string => `max by (${by}) (${runtime(metric)}{${SELECTED}})`;
  return dashboard({
    config,
    name: 'runtime',
    title: 'Node.js',
    description: 'Event loop, garbage collection, memory, handles and CPU of each process.',
    jobsOf: runtime('nodejs_version_info'),
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
          }),
          stat({
            title: 'Up since',
            description: 'Start of the process that started last.',
            queries: [{ expr: `max(${runtime('process_start_time_seconds')}{${SELECTED}}) * 1000`, legend: 'start' }],
            unit: 'dateTimeFromNow',
            width: 8,
            sparkline: false,
          }),
          stat({
            title: 'Restarts, 1 h',
            description: 'Processes that began anew within the hour.',
            queries: [
              { expr: `sum(changes(${runtime('process_start_time_seconds')}{${SELECTED}}[1h]))`, legend: 'restarts' },
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
            noValue: 'none yet',
          }),
        ],
      },
      {
        title: 'Memory and handles',
        panels: [
          timeseries({
            title: 'Heap',
            description: 'Used and reserved heap.',
            queries: [
              { expr: gauge('nodejs_heap_size_used_bytes'), legend: 'used {{instance}}' },
              { expr: gauge('nodejs_heap_size_total_bytes'), legend: 'total {{instance}}' },
            ],
            unit: 'bytes',
          }),
          timeseries({
            title: 'Resident and external memory',
            description: 'What the system counts for the process, and buffers outside of the heap.',
            queries: [
              { expr: gauge('process_resident_memory_bytes'), legend: 'resident {{instance}}' },
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
            stack: true,
          }),
          timeseries({
            title: 'Active resources',
            description: 'What keeps the event loop alive, by type.',
            queries: [
              { expr: `sum by (type) (${runtime('nodejs_active_resources')}{${SELECTED}})`, legend: '{{type}}' },
            ],
            unit: 'short',
          }),
          timeseries({
            title: 'File descriptors',
            description: 'Open descriptors and their limit.',
            queries: [
              { expr: gauge('process_open_fds'), legend: 'open {{instance}}' },
              { expr: gauge('process_max_fds'), legend: 'limit {{instance}}' },
            ],
            unit: 'short',
            noValue: 'not on this system',
          }),
        ],
      },
    ],
  });
}

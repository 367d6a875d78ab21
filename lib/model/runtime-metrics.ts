/**
 * What the runtime says about itself: the metrics of prom-client's `collectDefaultMetrics` on Linux, under the names
 * that published dashboards know, with the three gauges that wrongly ended in `_total` corrected. Their values come
 * from prom-client; this table is for the StatsD mapping, dashboards, docs and the linter, and a test holds it against
 * what prom-client really gives.
 */
export interface RuntimeMetric {
  readonly prometheus: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * prom-client's gauges with a wrong `_total`, and where their number is to be found: the sum over the series of the
 * family beside it. A family that is empty is given one series of 0, so that the sum always exists.
 */
export const WRONG_TOTALS: Readonly<Record<string, string>> = {
  nodejs_active_handles_total: 'nodejs_active_handles',
  nodejs_active_requests_total: 'nodejs_active_requests',
  nodejs_active_resources_total: 'nodejs_active_resources',
};

function gauge(prometheus: string, help: string, labels: readonly string[] = []): RuntimeMetric {
  return { prometheus, type: 'gauge', help, labels };
}

function counter(prometheus: string, help: string): RuntimeMetric {
  return { prometheus, type: 'counter', help, labels: [] };
}

export const RUNTIME_METRICS: readonly RuntimeMetric[] = [
  counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.'),
  counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.'),
  counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.'),
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.'),
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.'),
  gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.'),
  gauge('process_heap_bytes', 'Process heap size in bytes.'),
  gauge('process_open_fds', 'Number of open file descriptors.'),
  gauge('process_max_fds', 'Maximum number of open file descriptors.'),
  gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.'),
  gauge('nodejs_eventloop_lag_min_seconds', 'The minimum recorded event loop delay.'),
  gauge('nodejs_eventloop_lag_max_seconds', 'The maximum recorded event loop delay.'),
  gauge('nodejs_eventloop_lag_mean_seconds', 'The mean of the recorded event loop delays.'),
  gauge('nodejs_eventloop_lag_stddev_seconds', 'The standard deviation of the recorded event loop delays.'),
  gauge('nodejs_eventloop_lag_p50_seconds', 'The 50th percentile of the recorded event loop delays.'),
  gauge('nodejs_eventloop_lag_p90_seconds', 'The 90th percentile of the recorded event loop delays.'),
  gauge('nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of the recorded event loop delays.'),
  gauge(
    'nodejs_active_resources',
    'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.',
    ['type'],
  ),
  gauge(
    'nodejs_active_handles',
    'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.',
    ['type'],
  ),
  gauge(
    'nodejs_active_requests',
    'Number of active libuv requests grouped by request type. Every request type is C++ class name.',
    ['type'],
  ),
  gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.'),
  gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.'),
  gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.'),
  gauge('nodejs_heap_space_size_total_bytes', 'Process heap space size total from Node.js in bytes.', ['space']),
  gauge('nodejs_heap_space_size_used_bytes', 'Process heap space size used from Node.js in bytes.', ['space']),
  gauge('nodejs_heap_space_size_available_bytes', 'Process heap space size available from Node.js in bytes.', [
    'space',
  ]),
  gauge('nodejs_version_info', 'Node.js version info.', ['version', 'major', 'minor', 'patch']),
  {
    prometheus: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    labels: ['kind'],
    help: 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
  },
];

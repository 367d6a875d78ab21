import type { RuntimeMetric } from './runtime-metrics.ts';

function counter(prometheus: string, help: string): RuntimeMetric {
  return { prometheus, type: 'counter', help, labels: [] };
}

function gauge(prometheus: string, help: string): RuntimeMetric {
  return { prometheus, type: 'gauge', help, labels: [] };
}

/** What the local stack says of itself on its own `/metrics`. */
export const STACK_METRICS = {
  spansReceived: counter('sightline_stack_spans_received_total', 'Spans taken since the stack was started.'),
  logsReceived: counter(
    'sightline_stack_log_documents_received_total',
    'Log documents taken since the stack was started.',
  ),
  statsdReceived: counter(
    'sightline_stack_statsd_lines_received_total',
    'StatsD lines taken since the stack was started.',
  ),
  statsdInvalid: counter('sightline_stack_statsd_lines_invalid_total', 'Lines on the StatsD port that are no StatsD.'),
  statsdDropped: counter(
    'sightline_stack_statsd_measurements_dropped_total',
    'StatsD measurements beyond the series limit or of a conflicting type.',
  ),
  internalErrors: counter('sightline_stack_internal_errors_total', 'Bugs of the stack that were caught.'),
  spans: gauge('sightline_stack_spans', 'Spans kept.'),
  logs: gauge('sightline_stack_log_documents', 'Log documents kept.'),
  series: gauge('sightline_stack_series', 'Metric series kept.'),
  samples: gauge('sightline_stack_samples', 'Metric samples kept.'),
  exemplars: gauge('sightline_stack_exemplars', 'Exemplars kept.'),
  bytes: gauge('sightline_stack_size_bytes', 'Bytes that the kept data takes.'),
} as const;

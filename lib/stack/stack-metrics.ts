import type { StatsdReceiver } from './ingest/statsd-receiver.ts';
import type { Store } from './store/store.ts';

/** What the stack counts about itself, as Prometheus text. */
export class StackMetrics {
  spans = 0;
  logs = 0;
  bugs = 0;

  async text(store: Store, statsd: StatsdReceiver): Promise<string> {
    const kept = await store.statistics();
    const { aggregate } = statsd;
    const lines: string[] = [];
    const metric = (name: string, type: 'counter' | 'gauge', help: string, value: number) =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`);
    metric('sightline_stack_spans_received_total', 'counter', 'Spans taken since the stack was started.', this.spans);
    metric(
      'sightline_stack_log_documents_received_total',
      'counter',
      'Log documents taken since the stack was started.',
      this.logs,
    );
    metric(
      'sightline_stack_statsd_lines_received_total',
      'counter',
      'StatsD lines taken since the stack was started.',
      aggregate.received,
    );
    metric(
      'sightline_stack_statsd_lines_invalid_total',
      'counter',
      'Lines on the StatsD port that are no StatsD.',
      aggregate.invalid,
    );
    metric(
      'sightline_stack_statsd_measurements_dropped_total',
      'counter',
      'StatsD measurements beyond the series limit or of a conflicting type.',
      aggregate.dropped,
    );
    metric('sightline_stack_internal_errors_total', 'counter', 'Bugs of the stack that were caught.', this.bugs);
    metric('sightline_stack_spans', 'gauge', 'Spans kept.', kept.spans);
    metric('sightline_stack_log_documents', 'gauge', 'Log documents kept.', kept.logs);
    metric('sightline_stack_series', 'gauge', 'Metric series kept.', kept.series);
    metric('sightline_stack_samples', 'gauge', 'Metric samples kept.', kept.samples);
    metric('sightline_stack_exemplars', 'gauge', 'Exemplars kept.', kept.exemplars);
    metric('sightline_stack_bytes', 'gauge', 'Bytes that the kept data takes.', kept.bytes);
    return `${lines.join('\n')}\n`;
  }
}

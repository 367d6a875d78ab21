import type { DashboardConfig, Objectives } from '../config.ts';
import { foreign, grown, name, runtime } from '../names.ts';
import type { AlertRule, RuleGroup } from './group.ts';
import { availabilityRatio, latencyRatio, requestRate, type Window } from './recording.ts';

/** Budget burnt in the long window before it fires (Google SRE workbook, table 5-8), for an objective over 30 days. */
const BURNS: readonly {
  readonly long: Window;
  readonly short: Window;
  readonly factor: number;
  readonly for: string;
  readonly severity: AlertRule['severity'];
}[] = [
  { long: '1h', short: '5m', factor: 14.4, for: '2m', severity: 'page' },
  { long: '6h', short: '30m', factor: 6, for: '15m', severity: 'page' },
  { long: '1d', short: '2h', factor: 3, for: '1h', severity: 'ticket' },
  { long: '3d', short: '6h', factor: 1, for: '3h', severity: 'ticket' },
];

/** Without the tail that binary fractions leave. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function burnRules(
  objectives: Objectives,
  options: {
    readonly alert: string;
    readonly ratio: (window: Window) => string;
    readonly objective: number;
    readonly what: string;
  },
): AlertRule[] {
  const budget = 1 - options.objective;
  return BURNS.map(({ long, short, factor, for: holds, severity }) => {
    const bound = round(factor * budget);
    return {
      alert: options.alert,
      expr: [
        `${options.ratio(long)} > ${bound}`,
        `and ${options.ratio(short)} > ${bound}`,
        // One failed request of two at night is no outage. Over the short window: traffic that ends ends the alert.
        `and on (job) ${requestRate(short)} > ${objectives.minimumRequestRate}`,
      ].join('\n'),
      for: holds,
      severity,
      labels: { window: long },
      summary: `{{ $labels.job }}: ${options.what}, ${factor} times what the objective allows, for ${long}`,
      description: `{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} within ${long}; the objective allows ${round(budget * 100)} %. At this rate the budget of 30 days lasts ${Math.round(300 / factor) / 10} days.`,
      dashboard: 'slo',
    };
  });
}

/** Alerts on what users feel, on processes, on delivery of telemetry, and on what watches them. */
export function alertRules({ objectives }: DashboardConfig): RuleGroup[] {
  const records = name('telemetryRecords');
  return [
    {
      name: 'sightline-objectives-alerts',
      interval: '30s',
      rules: [
        ...burnRules(objectives, {
          alert: 'ErrorBudgetBurn',
          ratio: availabilityRatio,
          objective: objectives.availability,
          what: 'requests fail',
        }),
        ...burnRules(objectives, {
          alert: 'LatencyBudgetBurn',
          ratio: latencyRatio,
          objective: objectives.latency,
          what: `requests take longer than ${objectives.latencySeconds} s`,
        }),
      ],
    },
    {
      name: 'sightline-processes',
      interval: '30s',
      rules: [
        {
          alert: 'TargetDown',
          expr: `${foreign('up')} == 0`,
          for: '2m',
          severity: 'page',
          summary: '{{ $labels.job }} on {{ $labels.instance }} does not answer the scraper',
          description:
            'Prometheus has had no answer from /metrics for two minutes. The process may be gone, its event loop held, or the way to it closed.',
          dashboard: 'services',
        },
        {
          alert: 'ProcessRestarts',
          expr: `changes(${runtime('process_start_time_seconds')}[15m]) > 2`,
          for: '0m',
          severity: 'page',
          summary: '{{ $labels.job }} on {{ $labels.instance }} started {{ $value }} times within 15 minutes',
          description: 'A process that dies and is started again and again. Its last log lines say why.',
          dashboard: 'runtime',
        },
        {
          alert: 'UncaughtErrors',
          expr: `sum by (job, instance, kind) ${grown(name('uncaughtErrors'), '5m')} > 0`,
          for: '0m',
          severity: 'ticket',
          summary: '{{ $labels.job }}: {{ $labels.kind }} that nobody handled',
          description:
            'An exception or rejection without a handler. The fatal log line has its stack and the request it happened in.',
          dashboard: 'service',
        },
        {
          alert: 'EventLoopLag',
          expr: `${runtime('nodejs_eventloop_lag_p99_seconds')} > 0.1`,
          for: '10m',
          severity: 'ticket',
          summary:
            '{{ $labels.job }} on {{ $labels.instance }}: the event loop is {{ $value | humanizeDuration }} late',
          description: 'Something holds the event loop: every request of this process waits for it.',
          dashboard: 'runtime',
        },
        {
          alert: 'HeapNearLimit',
          expr: `${runtime('nodejs_heap_size_used_bytes')} / ${name('heapLimit')} > 0.9`,
          // Longer than garbage takes to be collected.
          for: '10m',
          severity: 'ticket',
          summary:
            '{{ $labels.job }} on {{ $labels.instance }} uses {{ $value | humanizePercentage }} of the heap it may have',
          description:
            'V8 collects more and more often and ends the process when nothing is left. Either it leaks, or it needs a higher --max-old-space-size.',
          dashboard: 'runtime',
        },
      ],
    },
    {
      name: 'sightline-delivery',
      interval: '30s',
      rules: [
        {
          alert: 'TelemetryDropped',
          expr: `sum by (job, signal, reason) ${grown(`${records}{outcome="dropped"}`, '10m')} > 0`,
          for: '0m',
          severity: 'ticket',
          summary: '{{ $labels.job }} drops {{ $labels.signal }}: {{ $labels.reason }}',
          description: '{{ $value | humanize }} records within 10 minutes are lost. The reason says why.',
          dashboard: 'delivery',
        },
        {
          alert: 'TelemetryDeadLetters',
          expr: `sum by (job, signal) ${grown(`${records}{outcome="dead_lettered"}`, '10m')} > 0`,
          for: '0m',
          severity: 'ticket',
          summary: '{{ $labels.job }}: a backend refuses {{ $labels.signal }} for good',
          description:
            '{{ $value | humanize }} records within 10 minutes are kept as dead letters; `sightline dlq list` says why.',
          dashboard: 'delivery',
        },
        {
          alert: 'TelemetryStuck',
          expr: `max by (job, instance) (${name('telemetryOldestUnsent')}) > 600`,
          for: '5m',
          severity: 'ticket',
          summary: '{{ $labels.job }} on {{ $labels.instance }} has sent nothing for {{ $value | humanizeDuration }}',
          description: 'A backend does not take logs or traces. Nothing is lost while the journal has room.',
          dashboard: 'delivery',
        },
        {
          alert: 'TelemetryBackendDown',
          expr: `min by (job, signal) (${name('telemetryCourierUp')}) == 0`,
          for: '10m',
          severity: 'ticket',
          summary: 'The backend of {{ $labels.signal }} does not take what {{ $labels.job }} sends',
          description: 'Every attempt of ten minutes failed. `sightline doctor` says what is wrong with the address.',
          dashboard: 'delivery',
        },
        {
          alert: 'MetricSeriesOverLimit',
          expr: `sum by (job, metric) ${grown(name('seriesOverLimit'), '10m')} > 0`,
          for: '10m',
          severity: 'ticket',
          summary: '{{ $labels.job }}: {{ $labels.metric }} has too many series',
          description: 'A label has unbounded values. What came after the limit is counted in one series `__other__`.',
          dashboard: 'delivery',
        },
      ],
    },
    {
      name: 'sightline-pipeline',
      interval: '30s',
      rules: [
        {
          alert: 'StatsdConflicts',
          expr: `${grown(foreign('statsd_exporter_events_conflict_total'), '10m')} > 0`,
          for: '0m',
          severity: 'ticket',
          summary: 'statsd_exporter on {{ $labels.instance }} refuses events of type {{ $labels.type }}',
          description: 'Two senders use one name with different labels or types.',
          dashboard: 'statsd',
        },
        {
          alert: 'StatsdLinesRefused',
          expr: `${grown(foreign('statsd_exporter_sample_errors_total'), '10m')} > 0`,
          for: '0m',
          severity: 'ticket',
          summary: 'statsd_exporter on {{ $labels.instance }} cannot read lines: {{ $labels.reason }}',
          description: 'A sender speaks another dialect, or its packets are cut.',
          dashboard: 'statsd',
        },
        {
          alert: 'PrometheusRuleFailures',
          expr: `increase(${foreign('prometheus_rule_evaluation_failures_total')}[10m]) > 0`,
          for: '5m',
          severity: 'ticket',
          summary: 'Prometheus on {{ $labels.instance }} cannot evaluate {{ $labels.rule_group }}',
          description: 'Alerts of this group may not fire.',
          dashboard: 'backends',
        },
        {
          alert: 'ZipkinDropsSpans',
          expr: `${grown(foreign('zipkin_collector_spans_dropped_total'), '10m')} > 0`,
          for: '5m',
          severity: 'ticket',
          summary: 'Zipkin on {{ $labels.instance }} drops spans that it has taken',
          description: 'Its storage does not take them. The senders were told that all is well.',
          dashboard: 'backends',
        },
        {
          alert: 'ElasticsearchRed',
          expr: `${foreign('elasticsearch_cluster_health_status')}{color="red"} == 1`,
          for: '5m',
          severity: 'page',
          summary: 'Elasticsearch is red: shards are missing',
          description: 'Some of the log lines cannot be read or written. They wait in the journals of the services.',
          dashboard: 'backends',
        },
        {
          alert: 'ElasticsearchDiskNearlyFull',
          expr: `${foreign('elasticsearch_filesystem_data_available_bytes')} / ${foreign('elasticsearch_filesystem_data_size_bytes')} < 0.1`,
          for: '10m',
          severity: 'page',
          summary: 'Elasticsearch on {{ $labels.name }} has {{ $value | humanizePercentage }} of its disk left',
          description: 'At 5 % its indices become read-only.',
          dashboard: 'backends',
        },
        {
          alert: 'Watchdog',
          expr: 'vector(1)',
          for: '0m',
          severity: 'info',
          summary: 'Alerting works',
          description: 'It always fires. When it does not arrive, the way from Prometheus to you is broken.',
          dashboard: 'backends',
        },
      ],
    },
  ];
}

/** For each alert: what makes it fire, what must not, and how it ends. Times in minutes; series in promtool's notation, a value a minute. */
export interface AlertCase {
  readonly alert: string;
  readonly what: string;
  readonly series: Readonly<Record<string, string>>;
  /** Minutes at which it fires, with the labels that tell which (all of `by`). */
  readonly firing: Readonly<Record<number, readonly string[]>>;
  /** Labels of `ALERTS` that `firing` names, with a space between; default `job`. */
  readonly by?: string;
}

const SERVER = 'http_server_request_duration_seconds';
const SHOP = 'job="shop",instance="shop:9470"';
const PER_MINUTE = 1000;

/** Traffic of 1000 requests a minute, of which `failed` fail for the first minutes, none for the rest. */
function failing(job: string, failed: number, [bad, rest]: readonly [number, number]): Record<string, string> {
  const labels = `job="${job}",instance="${job}:9470"`;
  return {
    [`${SERVER}_count{${labels},http_response_status_code="200"}`]: `0+${PER_MINUTE - failed}x${bad + rest}`,
    [`${SERVER}_count{${labels},http_response_status_code="500"}`]: `0+${failed}x${bad} ${failed * bad}+0x${rest}`,
  };
}

/** The same for requests slower than the objective. */
function slow(job: string, late: number, [bad, rest]: readonly [number, number]): Record<string, string> {
  const labels = `job="${job}",instance="${job}:9470",http_response_status_code="200"`;
  const quick = PER_MINUTE - late;
  return {
    [`${SERVER}_count{${labels}}`]: `0+${PER_MINUTE}x${bad + rest}`,
    [`${SERVER}_bucket{${labels},le="0.5"}`]: `0+${quick}x${bad} ${quick * bad + PER_MINUTE}+${PER_MINUTE}x${rest}`,
  };
}

const RECORDS = `sightline_telemetry_records_total{${SHOP},signal="logs"`;

/** The objectives: 99.9 % without 5xx, 99 % within 0.5 s. */
export const BURN_CASES: readonly AlertCase[] = [
  {
    alert: 'ErrorBudgetBurn',
    what: 'five percent fail for four hours, then none: each window fires, and ends when its short window is clean',
    series: failing('shop', 50, [240, 480]),
    by: 'window',
    firing: {
      1: [],
      5: ['1h'],
      20: ['1h', '6h'],
      90: ['1d', '1h', '6h'],
      230: ['1d', '1h', '3d', '6h'],
      250: ['1d', '3d', '6h'],
      280: ['1d', '3d'],
      400: ['3d'],
      700: [],
    },
  },
  {
    alert: 'ErrorBudgetBurn',
    what: 'as many windows as the rate of failure is worth; none within the budget, none with too little traffic',
    series: {
      ...failing('eight', 8, [240, 1]),
      ...failing('four', 4, [240, 1]),
      ...failing('twice', 2, [240, 1]),
      ...failing('once', 1, [240, 1]),
      // One request a minute, all of them failing: no ratio means anything.
      [`${SERVER}_count{job="rare",http_response_status_code="500"}`]: '0+1x240',
    },
    by: 'job window',
    firing: {
      30: ['eight 6h'],
      239: ['eight 1d', 'eight 3d', 'eight 6h', 'four 1d', 'four 3d', 'twice 3d'],
    },
  },
  {
    alert: 'ErrorBudgetBurn',
    what: 'the class of a status, as the StatsD hierarchy keeps it',
    series: {
      [`${SERVER}_count{job="shop",http_response_status_code="2xx"}`]: '0+900x30',
      [`${SERVER}_count{job="shop",http_response_status_code="5xx"}`]: '0+100x30',
    },
    by: 'window',
    firing: { 10: ['1h'] },
  },
  {
    alert: 'LatencyBudgetBurn',
    what: 'a fifth is slow for an hour and a half, then none; within the budget is none',
    series: { ...slow('shop', 200, [90, 210]), ...slow('calm', 9, [300, 0]) },
    by: 'job window',
    firing: {
      1: [],
      5: ['shop 1h'],
      20: ['shop 1h', 'shop 6h'],
      85: ['shop 1d', 'shop 1h', 'shop 6h'],
      100: ['shop 1d', 'shop 6h'],
      299: ['shop 3d'],
    },
  },
];

export const CASES: readonly AlertCase[] = [
  {
    alert: 'TargetDown',
    what: 'two minutes without an answer; a single missed scrape is none',
    series: { [`up{${SHOP}}`]: '1 1 0 1 1 1 0 0 0 0 0 1 1' },
    firing: { 3: [], 7: [], 9: ['shop'], 12: [] },
  },
  {
    alert: 'ProcessRestarts',
    what: 'three restarts in a quarter of an hour; one deployment is none',
    series: { [`process_start_time_seconds{${SHOP}}`]: '100x4 200x4 300x4 400x40' },
    firing: { 6: [], 11: [], 16: ['shop'], 40: [] },
  },
  {
    alert: 'UncaughtErrors',
    what: 'the first of its kind, whose series begins with it',
    series: { [`sightline_uncaught_errors_total{${SHOP},kind="exception"}`]: '_x9 1x20' },
    firing: { 5: [], 11: ['shop'], 25: [] },
  },
  {
    alert: 'UncaughtErrors',
    what: 'an old count is none',
    series: { [`sightline_uncaught_errors_total{${SHOP},kind="exception"}`]: '3x30' },
    firing: { 20: [] },
  },
  {
    alert: 'EventLoopLag',
    what: 'ten minutes above 100 ms; a short stall is none',
    series: { [`nodejs_eventloop_lag_p99_seconds{${SHOP}}`]: '0.01x4 0.3x4 0.01x4 0.3x14 0.01x5' },
    firing: { 9: [], 15: [], 28: ['shop'], 31: [] },
  },
  {
    alert: 'HeapNearLimit',
    what: 'ten minutes above nine tenths of the limit; a heap of one size without limit in sight is none',
    series: {
      [`nodejs_heap_size_limit_bytes{${SHOP}}`]: '1000x40',
      [`nodejs_heap_size_used_bytes{${SHOP}}`]: '800x9 950x19 500x10',
      'nodejs_heap_size_limit_bytes{job="calm",instance="b"}': '1000x40',
      'nodejs_heap_size_used_bytes{job="calm",instance="b"}': '899x40',
    },
    firing: { 5: [], 12: [], 22: ['shop'], 35: [] },
  },
  {
    alert: 'TelemetryDropped',
    what: 'the first drop, whose series begins with it; it ends ten minutes later',
    series: { [`${RECORDS},outcome="dropped",reason="full"}`]: '_x9 5x30' },
    firing: { 5: [], 12: ['shop'], 25: [] },
  },
  {
    alert: 'TelemetryDropped',
    what: 'more drops',
    series: { [`${RECORDS},outcome="dropped",reason="full"}`]: '5x20 9x20' },
    firing: { 19: [], 23: ['shop'], 35: [] },
  },
  {
    alert: 'TelemetryDropped',
    what: 'delivered is not dropped',
    series: { [`${RECORDS},outcome="delivered"}`]: '0+100x20' },
    firing: { 15: [] },
  },
  {
    alert: 'TelemetryDeadLetters',
    what: 'a refusal',
    series: { [`${RECORDS},outcome="dead_lettered"}`]: '0x14 3x30' },
    firing: { 10: [], 17: ['shop'], 35: [] },
  },
  {
    alert: 'TelemetryStuck',
    what: 'older than ten minutes for five',
    series: { [`sightline_telemetry_oldest_unsent_age_seconds{${SHOP}}`]: '0+60x20 0x5' },
    firing: { 11: [], 17: ['shop'], 23: [] },
  },
  {
    alert: 'TelemetryBackendDown',
    what: 'ten minutes; a restart of the backend is none',
    series: { [`sightline_telemetry_courier_up{${SHOP},signal="logs"}`]: '1 1 0 0 0 0 1 0x14 1x5' },
    firing: { 5: [], 12: [], 19: ['shop'], 24: [] },
  },
  {
    alert: 'MetricSeriesOverLimit',
    what: 'ten minutes of growth; one burst is none',
    series: {
      [`sightline_metric_series_over_limit_total{${SHOP},metric="jobs"}`]: '0x5 0+10x25 250x15',
      'sightline_metric_series_over_limit_total{job="calm",instance="b",metric="jobs"}': '0x5 7x40',
    },
    firing: { 10: [], 20: ['shop'], 44: [] },
  },
  {
    alert: 'StatsdConflicts',
    what: 'a conflict',
    series: { 'statsd_exporter_events_conflict_total{job="statsd",instance="c",type="counter"}': '_x5 1x30' },
    firing: { 4: [], 8: ['statsd'], 25: [] },
  },
  {
    alert: 'StatsdLinesRefused',
    what: 'a line that cannot be read',
    series: { 'statsd_exporter_sample_errors_total{job="statsd",instance="c",reason="malformed_line"}': '0x5 1x30' },
    firing: { 4: [], 8: ['statsd'], 25: [] },
  },
  {
    alert: 'PrometheusRuleFailures',
    what: 'five minutes of failures',
    series: {
      'prometheus_rule_evaluation_failures_total{job="prometheus",instance="p",rule_group="g"}': '0x5 0+1x12 12x30',
    },
    firing: { 5: [], 14: ['prometheus'], 45: [] },
  },
  {
    alert: 'ZipkinDropsSpans',
    what: 'five minutes of drops',
    series: { 'zipkin_collector_spans_dropped_total{job="zipkin",instance="z",transport="http"}': '0x5 0+7x12 84x30' },
    firing: { 5: [], 14: ['zipkin'], 45: [] },
  },
  {
    alert: 'ElasticsearchRed',
    what: 'red for five minutes; yellow is none',
    series: {
      'elasticsearch_cluster_health_status{job="es",cluster="c",color="red"}': '0x5 1x10 0x5',
      'elasticsearch_cluster_health_status{job="es",cluster="c",color="yellow"}': '1x20',
    },
    firing: { 4: [], 8: [], 12: ['es'], 19: [] },
  },
  {
    alert: 'ElasticsearchDiskNearlyFull',
    what: 'a twentieth left',
    series: {
      'elasticsearch_filesystem_data_size_bytes{job="es",name="n"}': '100x40',
      'elasticsearch_filesystem_data_available_bytes{job="es",name="n"}': '30x5 5x15 30x20',
    },
    firing: { 5: [], 12: [], 18: ['es'], 25: [] },
  },
  { alert: 'Watchdog', what: 'always', series: {}, by: 'severity', firing: { 0: ['info'], 5: ['info'] } },
];

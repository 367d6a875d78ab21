/**
 * How the gauges of several processes of one service become one value. Counters, histograms and the sums of summaries
 * are added, over dead processes too; gauges are those of the living. docs/rationale.md, "What does a cluster answer?".
 */
export type GaugeRule = 'sum' | 'max' | 'min' | 'average' | 'first' | 'omit';

/** By exact name, where adding would say nothing true. Everything else is a level that adds up: requests, connections, bytes. */
const RULES: ReadonlyMap<string, GaugeRule> = new Map([
  ['target_info', 'first'],
  ['nodejs_version_info', 'first'],
  ['process_start_time_seconds', 'min'],
  // A limit of each process, not a share of something.
  ['process_max_fds', 'min'],
  ['nodejs_eventloop_lag_min_seconds', 'min'],
  ['sightline_telemetry_courier_up', 'min'],
  // Every process sees the journals of the whole service.
  ['sightline_telemetry_journal_size_bytes', 'max'],
  ['sightline_dead_letters', 'max'],
  ['sightline_telemetry_oldest_unsent_age_seconds', 'max'],
  ['sightline_health_response_time_mean_seconds', 'max'],
  ['sightline_health_response_time_p95_seconds', 'max'],
]);
const LAG = 'nodejs_eventloop_lag_';
const APP_RULES: ReadonlySet<string> = new Set<GaugeRule>(['sum', 'max', 'min', 'average', 'first', 'omit']);

/**
 * @param asked what the app's prom-client metric asks for (`aggregator`), undefined when it says nothing
 */
export function gaugeRule(name: string, asked: string | undefined): GaugeRule {
  const rule = RULES.get(name);
  if (rule !== undefined) return rule;
  // The worst worker is the one that users wait for.
  if (name.startsWith(LAG)) return 'max';
  return asked !== undefined && APP_RULES.has(asked) ? (asked as GaugeRule) : 'sum';
}

/** `values` has one at least. */
export function combine(rule: GaugeRule, values: readonly number[]): number | undefined {
  if (rule === 'omit') return undefined;
  if (rule === 'first') return values[0];
  if (rule === 'max') return values.reduce((one, two) => Math.max(one, two));
  if (rule === 'min') return values.reduce((one, two) => Math.min(one, two));
  const sum = values.reduce((one, two) => one + two);
  return rule === 'average' ? sum / values.length : sum;
}

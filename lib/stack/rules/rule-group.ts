import type { Labels, Sample, Store } from '../store/store.ts';
import { AlertingRule, keyOf } from './alerting-rule.ts';
import { type AlertSeries, evaluateQuery, RuleError } from './rule-evaluation.ts';
import type { RecordingRuleConfig, RuleConfig, RuleGroupConfig } from './rule-file.ts';

/** How long ago an alert may have been told of to go on after a restart. Prometheus's `--rules.alert.for-outage-tolerance`. */
const OUTAGE_MILLIS = 3_600_000;
/** The evaluation after which earlier alerts are looked up, as in Prometheus: targets have been scraped by then. */
const RESTORE_AFTER = 2;

/** One rule with how it went. */
export interface RuleState {
  readonly config: RuleConfig;
  /** Of an alerting rule. */
  readonly alerting: AlertingRule | undefined;
  health: 'unknown' | 'ok' | 'err';
  lastError: string;
  /** Milliseconds since the epoch; 0 = never. */
  lastEvaluation: number;
  durationSeconds: number;
  /** Series that its last evaluation gave. */
  series: ReadonlyMap<string, Labels>;
}

export interface RuleGroupOptions {
  readonly config: RuleGroupConfig;
  readonly store: Store;
  readonly externalLabels: Labels;
  readonly externalUrl: string;
}

/**
 * The rules of one group, evaluated in turn at one time: a rule sees what those before it gave.
 * Source: Prometheus documentation, "Recording rules"; rules/group.go.
 */
export class RuleGroup {
  readonly config: RuleGroupConfig;
  readonly rules: readonly RuleState[];
  readonly #store: Store;
  #evaluations = 0;
  /** Milliseconds since the epoch; 0 = never. */
  lastEvaluation = 0;
  durationSeconds = 0;

  constructor({ config, store, externalLabels, externalUrl }: RuleGroupOptions) {
    this.config = config;
    this.#store = store;
    this.rules = config.rules.map((rule) => ({
      config: rule,
      alerting:
        rule.kind === 'alerting'
          ? new AlertingRule({ config: rule, externalLabels, externalUrl, limit: config.limit })
          : undefined,
      health: 'unknown',
      lastError: '',
      lastEvaluation: 0,
      durationSeconds: 0,
      series: new Map(),
    }));
  }

  /** Never throws: what goes wrong is told of the rule. @param at milliseconds since the epoch */
  async evaluate(at: number, stop?: AbortSignal): Promise<void> {
    const started = performance.now();
    for (const rule of this.rules) {
      if (stop?.aborted === true) return;
      await this.#evaluateRule(rule, at);
    }
    this.#evaluations += 1;
    if (this.#evaluations === RESTORE_AFTER) await this.#restore(at);
    this.lastEvaluation = at;
    this.durationSeconds = (performance.now() - started) / 1000;
  }

  async #evaluateRule(rule: RuleState, at: number): Promise<void> {
    const started = performance.now();
    const sampleAt = at - this.config.queryOffsetMillis;
    try {
      const result = await evaluateQuery(this.#store, rule.config.query, sampleAt);
      const samples = rule.alerting?.evaluate(result, { at, sampleAt }) ?? this.#record(rule.config, result, sampleAt);
      await this.#append(rule, samples, sampleAt);
      rule.health = 'ok';
      rule.lastError = '';
    } catch (error) {
      rule.health = 'err';
      rule.lastError = (error as Error).message;
    }
    rule.lastEvaluation = at;
    rule.durationSeconds = (performance.now() - started) / 1000;
  }

  #record(config: RuleConfig, result: readonly AlertSeries[], timestamp: number): Sample[] {
    const { record, labels: extra } = config as RecordingRuleConfig;
    const seen = new Set<string>();
    const samples = result.map(({ labels, value }) => {
      const all = { ...labels, ...extra, __name__: record };
      const kept = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== ''));
      const key = keyOf(kept);
      if (seen.has(key))
        throw new RuleError('vector contains metrics with the same labelset after applying rule labels');
      seen.add(key);
      return { labels: kept, value, timestamp };
    });
    const { limit } = this.config;
    if (limit > 0 && samples.length > limit)
      throw new RuleError(`exceeded limit of ${limit} with ${samples.length} series`);
    return samples;
  }

  /** What the rule gave last time and gives no more, ends. */
  async #append(rule: RuleState, samples: readonly Sample[], timestamp: number): Promise<void> {
    const series = new Map(samples.map(({ labels }) => [keyOf(labels), labels]));
    const ended = [...rule.series]
      .filter(([key]) => !series.has(key))
      .map(([, labels]) => ({ labels, value: Number.NaN, timestamp, stale: true }));
    if (samples.length > 0 || ended.length > 0)
      await this.#store.appendMetrics({ families: [], samples: [...samples, ...ended] });
    rule.series = series;
  }

  async #restore(at: number): Promise<void> {
    for (const { alerting, config } of this.rules) {
      if (alerting === undefined || config.kind !== 'alerting') continue;
      const selector = `ALERTS_FOR_STATE{alertname=${JSON.stringify(config.alert)}}`;
      const before = new Map<string, { lastAt: number; activeAt: number }>();
      try {
        const since = await evaluateQuery(this.#store, selector, at, OUTAGE_MILLIS);
        const last = await evaluateQuery(this.#store, `timestamp(${selector})`, at, OUTAGE_MILLIS);
        const times = new Map(last.map(({ labels, value }) => [keyOf(labels), value * 1000]));
        for (const { labels, value } of since) {
          const { __name__: _, ...own } = labels;
          const key = keyOf(own);
          before.set(key, { activeAt: value * 1000, lastAt: times.get(key) ?? at });
        }
      } catch {
        // As if there had been none: the alert waits its whole time again.
      }
      alerting.restore(at, (labels) => before.get(keyOf(labels)));
    }
  }
}

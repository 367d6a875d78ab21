import type { Labels, Sample } from '../store/store.ts';
import { type AlertSeries, RuleError } from './rule-evaluation.ts';
import type { AlertingRuleConfig } from './rule-file.ts';
import type { Template, TemplateData } from './template.ts';

/** How long an alert that is over is remembered. Prometheus's number. */
const RESOLVED_MILLIS = 15 * 60_000;
/** Alerts of one rule, whatever its group says: each is kept in memory and gives two series. */
const MAX_ALERTS = 10_000;

export type AlertState = 'inactive' | 'pending' | 'firing';

/** One alert. Times in milliseconds since the epoch. */
export interface Alert {
  readonly labels: Labels;
  annotations: Labels;
  state: AlertState;
  value: number;
  activeAt: number;
  keepFiringSince: number | undefined;
  resolvedAt: number | undefined;
}

export interface AlertingRuleOptions {
  readonly config: AlertingRuleConfig;
  readonly externalLabels: Labels;
  readonly externalUrl: string;
  /** Series or alerts at most; 0 = any number. */
  readonly limit: number;
}

/**
 * The alerts of one rule, over its evaluations. Source: Prometheus, rules/alerting.go, and its documentation,
 * "Alerting rules".
 */
export class AlertingRule {
  readonly #options: AlertingRuleOptions;
  #alerts = new Map<string, Alert>();
  /** Whether earlier alerts were looked up; before, what is told of them might not go on from what was. */
  #restored = false;

  constructor(options: AlertingRuleOptions) {
    this.#options = options;
  }

  /** Alerts that are not over. */
  active(): Alert[] {
    return [...this.#alerts.values()].filter((alert) => alert.resolvedAt === undefined);
  }

  get state(): AlertState {
    const states = new Set(this.active().map((alert) => alert.state));
    return states.has('firing') ? 'firing' : states.has('pending') ? 'pending' : 'inactive';
  }

  /**
   * Takes the result of the expression.
   *
   * @param times `at`: of the evaluation; `sampleAt`: of the samples that it gives
   * @returns `ALERTS` and `ALERTS_FOR_STATE`
   * @throws RuleError
   */
  evaluate(result: readonly AlertSeries[], times: { readonly at: number; readonly sampleAt: number }): Sample[] {
    const { at, sampleAt } = times;
    const found = new Map<string, Alert>();
    for (const series of result) {
      const alert = this.#alertOf(series, at);
      const key = keyOf(alert.labels);
      if (found.has(key))
        throw new RuleError('vector contains metrics with the same labelset after applying alert labels');
      if (found.size >= MAX_ALERTS) throw new RuleError(`more than ${MAX_ALERTS} alerts`);
      found.set(key, alert);
    }
    for (const [key, alert] of found) {
      const known = this.#alerts.get(key);
      if (known === undefined || known.state === 'inactive') this.#alerts.set(key, alert);
      else Object.assign(known, { value: alert.value, annotations: alert.annotations });
    }
    const samples: Sample[] = [];
    let active = 0;
    for (const [key, alert] of this.#alerts) {
      if (!this.#goesOn(key, alert, found.has(key), at)) continue;
      active += 1;
      if (alert.state === 'pending' && at - alert.activeAt >= this.#options.config.forMillis) alert.state = 'firing';
      if (this.#restored) samples.push(...samplesOf(alert, sampleAt));
    }
    const { limit } = this.#options;
    if (limit > 0 && active > limit) {
      this.#alerts.clear();
      throw new RuleError(`exceeded limit of ${limit} with ${active} alerts`);
    }
    return samples;
  }

  #goesOn(key: string, alert: Alert, found: boolean, at: number): boolean {
    if (found) {
      alert.keepFiringSince = undefined;
      return true;
    }
    const { keepFiringMillis } = this.#options.config;
    if (alert.state === 'firing' && keepFiringMillis > 0) {
      alert.keepFiringSince ??= at;
      if (at - alert.keepFiringSince < keepFiringMillis) return true;
    }
    const old = alert.resolvedAt !== undefined && at - alert.resolvedAt > RESOLVED_MILLIS;
    if (alert.state === 'pending' || old) this.#alerts.delete(key);
    if (alert.state !== 'inactive') Object.assign(alert, { state: 'inactive', resolvedAt: at });
    return false;
  }

  /**
   * After a restart: alerts that were pending go on from where they were; the time without anyone who looked does not
   * count. One that was firing fires again at the next evaluation.
   *
   * @param lookUp when the alert was last told of, and since when it was active; undefined = not, or it had ended
   */
  restore(at: number, lookUp: (labels: Labels) => { lastAt: number; activeAt: number } | undefined): void {
    const { forMillis } = this.#options.config;
    for (const alert of this.active()) {
      const before = lookUp(alert.labels);
      if (before === undefined) continue;
      const left = forMillis - (before.lastAt - before.activeAt);
      alert.activeAt = left <= 0 ? before.activeAt : before.activeAt + (at - before.lastAt);
    }
    this.#restored = true;
  }

  #alertOf({ labels, value }: AlertSeries, at: number): Alert {
    const { config, externalLabels, externalUrl } = this.#options;
    const data: TemplateData = { labels, value, externalLabels, externalUrl };
    const { __name__: _, ...own } = labels;
    const all = { ...own, ...expanded(config.labels, data), alertname: config.alert };
    return {
      labels: Object.fromEntries(
        Object.entries(all)
          .filter(([, text]) => text !== '')
          .sort(([one], [other]) => (one < other ? -1 : 1)),
      ),
      annotations: expanded(config.annotations, data),
      state: 'pending',
      value,
      activeAt: at,
      keepFiringSince: undefined,
      resolvedAt: undefined,
    };
  }
}

/** A template that fails says so in its place, as in Prometheus: the alert matters more. */
function expanded(templates: Readonly<Record<string, Template>>, data: TemplateData): Record<string, string> {
  return Object.fromEntries(
    Object.entries(templates).map(([name, template]) => {
      try {
        return [name, template(data)];
      } catch (error) {
        return [name, `<error expanding template: ${(error as Error).message}>`];
      }
    }),
  );
}

function samplesOf(alert: Alert, timestamp: number): Sample[] {
  return [
    { labels: { ...alert.labels, __name__: 'ALERTS', alertstate: alert.state }, value: 1, timestamp },
    {
      labels: { ...alert.labels, __name__: 'ALERTS_FOR_STATE' },
      value: Math.floor(alert.activeAt / 1000),
      timestamp,
    },
  ];
}

/** One text for one set of labels. */
export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

import { fileURLToPath } from 'node:url';
import { readRuleFileAt } from '../config/prometheus-config.ts';
import type { RuleGroupConfig } from './rule-file.ts';

/** Of a group that gives none. Prometheus's default. */
const INTERVAL_MILLIS = 60_000;

/** The recording and alerting rules of this package. */
export function packagedRules(): RuleGroupConfig[] {
  return ['recording.yml', 'alerts.yml'].flatMap((name) => {
    const path = fileURLToPath(new URL(`../../../dashboards/json/rules/${name}`, import.meta.url));
    return readRuleFileAt(path, INTERVAL_MILLIS);
  });
}

/** The packaged rules beside those of a configuration: a group that it has, too, is the user's. */
export function withPackagedRules(own: readonly RuleGroupConfig[]): RuleGroupConfig[] {
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...packagedRules().filter(({ name }) => !names.has(name))];
}

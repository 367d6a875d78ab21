import type { DashboardConfig } from '../config.ts';
import { alertRules } from './alerts.ts';
import type { RuleGroup } from './group.ts';
import { recordingRules } from './recording.ts';

/** All rules, in the order in which they build on each other. */
export function ruleGroups(config: DashboardConfig): RuleGroup[] {
  return [...recordingRules(config.objectives), ...alertRules(config)];
}

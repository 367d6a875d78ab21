import type { HealthRegistry } from '../admin/health.ts';
import type { CheckResult } from '../admin/health-checks.ts';
import type { LogLevels } from '../admin/log-levels.ts';
import type { HealthReport } from '../admin/merged-health.ts';
import type { Exposition } from '../metrics/exposition.ts';

/** What a process of a cluster can say about itself: asked by whoever answers for all. */
export interface ClusterProcess {
  readonly exposition: Pick<Exposition, 'families' | 'ownCounts'>;
  readonly health: Pick<HealthRegistry, 'report'>;
  readonly logLevels: LogLevels;
}

/** Version of the messages: processes with another one do not talk to each other. */
export const PROTOCOL = 1;

/** Health after JSON; undefined when it is none. */
export function reportFrom(raw: unknown): HealthReport | undefined {
  const report = raw as HealthReport | null | undefined;
  if (typeof report !== 'object' || report === null || !Array.isArray(report.gates) || !Array.isArray(report.checks))
    return undefined;
  const checks = (report.checks as CheckResult[]).map((check) => ({ ...check, time: new Date(check.time) }));
  return { ...report, checks };
}

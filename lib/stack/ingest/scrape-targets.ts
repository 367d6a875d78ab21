import {
  ACCEPT,
  type DroppedTarget,
  NO_LIMITS,
  type ScrapeJob,
  type ScrapeTarget,
  type TargetGroup,
  targetOf,
} from './scrape-job.ts';

/** How often a target is read, unless told otherwise. Short: somebody is watching. */
export const DEFAULT_SCRAPE_MILLIS = 5000;
/** Longest scrape, unless told otherwise. */
const TIMEOUT_MILLIS = 4000;
/** Targets scraped. */
const MAX_TARGETS = 500;

/** A job as the stack has them without a configuration. */
export function plainJob(
  name: string,
  groups: () => readonly TargetGroup[],
  intervalMillis = DEFAULT_SCRAPE_MILLIS,
): ScrapeJob {
  return {
    name,
    intervalMillis,
    timeoutMillis: Math.min(TIMEOUT_MILLIS, intervalMillis),
    metricsPath: '/metrics',
    scheme: 'http',
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    limits: NO_LIMITS,
    accept: ACCEPT,
    fallback: 'text',
    authorization: () => undefined,
    relabel: [],
    metricRelabel: [],
    groups,
  };
}

/** The address of `--scrape`. @throws TypeError when it is no URL */
export function groupOfUrl(text: string): TargetGroup {
  const url = new URL(text);
  const path = url.pathname === '/' && !text.endsWith('/') ? '/metrics' : url.pathname;
  const parameters = [...url.searchParams].map(([name, value]) => [`__param_${name}`, value]);
  return {
    targets: [url.host],
    labels: { __scheme__: url.protocol.slice(0, -1), __metrics_path__: path, ...Object.fromEntries(parameters) },
  };
}

export interface DiscoveredTargets {
  readonly active: readonly ScrapeTarget[];
  readonly dropped: readonly DroppedTarget[];
}

/** All targets of all jobs at the moment; each once. What cannot be a target is told and left out. */
export function discoverTargets(jobs: readonly ScrapeJob[], onTrouble: (text: string) => void): DiscoveredTargets {
  const active = new Map<string, ScrapeTarget>();
  const dropped: DroppedTarget[] = [];
  for (const job of jobs) {
    for (const group of job.groups())
      for (const address of group.targets) {
        try {
          const target = targetOf(job, address, group.labels);
          if (!('url' in target)) dropped.push(target);
          else if (active.size < MAX_TARGETS) active.set(keyOf(target), target);
          else onTrouble(`more than ${MAX_TARGETS} targets; the rest is not scraped`);
        } catch (error) {
          onTrouble(`job ${job.name}: target ${address}: ${(error as Error).message}`);
        }
      }
  }
  return { active: [...active.values()], dropped: dropped.slice(0, MAX_TARGETS) };
}

/** One text for one target. */
export function keyOf({ url, labels, pool }: ScrapeTarget): string {
  return `${pool} ${url} ${JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)))}`;
}

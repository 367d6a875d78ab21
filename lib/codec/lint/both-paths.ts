import { CATALOGUE } from '../../model/catalogue.ts';
import type { Finding } from './finding.ts';
import type { LintPage, LintSample } from './page.ts';

/** A page with where it came from. */
export interface SourcedPage {
  readonly source: string;
  readonly page: LintPage;
}

interface Place {
  readonly source: string;
  readonly line: number;
}

const SHARED = new Set<string>([
  CATALOGUE.httpServerRequestDuration.prometheus,
  CATALOGUE.httpClientRequestDuration.prometheus,
]);

/** The services of a page that describes its own process. */
function ownService(page: LintPage): string | undefined {
  const target = page.families.find(({ name }) => name === 'target_info' || name === 'target');
  return target?.samples[0]?.labels.get('service_name');
}

/**
 * Whether a series has come through StatsD: it has the identity that names or tags carry, with a host instead of an address.
 * With `honor_labels` off the identity is under `exported_…`.
 */
function throughStatsd(sample: LintSample, fromExporter: boolean): boolean {
  if (sample.labels.has('exported_job') && sample.labels.has('exported_instance')) return true;
  if (fromExporter) return sample.labels.has('job');
  const instance = sample.labels.get('instance');
  return instance !== undefined && sample.labels.has('environment') && !/:\d+$/.test(instance);
}

/**
 * One service whose requests are counted by its `/metrics` and by statsd_exporter: every sum over both is twice too high.
 * Sees pages of services and exporters that are given together, and a federated page that holds both.
 */
export function bothPathsFindings(pages: readonly SourcedPage[]): Map<string, Finding[]> {
  const scraped = new Map<string, Place>();
  const sent = new Map<string, Place & { readonly metric: string }>();
  for (const { source, page } of pages) {
    const fromExporter = page.families.some(({ name }) => name.startsWith('statsd_exporter_'));
    const own = ownService(page);
    for (const family of page.families) {
      if (!SHARED.has(family.name)) continue;
      for (const sample of family.samples) {
        const { labels, line } = sample;
        const job = labels.get('exported_job') ?? labels.get('job') ?? (fromExporter ? undefined : own);
        if (job === undefined) continue;
        if (throughStatsd(sample, fromExporter)) {
          if (!sent.has(job)) sent.set(job, { source, line, metric: family.name });
        } else if (!scraped.has(job)) scraped.set(job, { source, line });
      }
    }
  }
  const findings = new Map<string, Finding[]>();
  for (const [job, { source, line, metric }] of sent) {
    const other = scraped.get(job);
    if (other === undefined) continue;
    const list = findings.get(source) ?? [];
    findings.set(source, list);
    list.push({
      code: 'both-paths',
      origin: 'sightline',
      severity: 'error',
      line,
      column: 1,
      metric,
      message: `service ${job} is counted twice: through StatsD here, and by its /metrics at ${other.source}:${other.line}`,
      fix: 'scrape one of the two, or send StatsD no longer (SIGHTLINE_METRICS=prometheus)',
    });
  }
  return findings;
}

import { durationText, parseDuration } from '../query/promql/syntax/literals.ts';
import type { Labels } from '../store/store.ts';
import { type RelabelRule, relabel } from './scrape-relabel.ts';

/** Addresses with the labels that they share. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Labels;
}

/** How the targets of one job are found and read; one `scrape_config`. */
export interface ScrapeJob {
  readonly name: string;
  readonly intervalMillis: number;
  readonly timeoutMillis: number;
  readonly metricsPath: string;
  readonly scheme: string;
  /** Of the query string. */
  readonly params: Readonly<Record<string, readonly string[]>>;
  /** Labels of the target give way to those of the page. */
  readonly honorLabels: boolean;
  /** Times on the page count. */
  readonly honorTimestamps: boolean;
  /** Series with a time of their own get staleness markers, too. */
  readonly trackTimestampsStaleness: boolean;
  /** Bounds of one scrape; 0 = none. A page beyond one of them fails. */
  readonly limits: ScrapeLimits;
  readonly accept: string;
  /** What a page is taken for whose `content-type` says nothing; undefined: the scrape fails. */
  readonly fallback: 'text' | 'openmetrics' | undefined;
  /** `Authorization`, asked at each scrape: files of secrets change. */
  readonly authorization: () => string | undefined;
  readonly relabel: readonly RelabelRule[];
  readonly metricRelabel: readonly RelabelRule[];
  /** What service discovery knows at the moment. */
  readonly groups: () => readonly TargetGroup[];
}

export interface ScrapeLimits {
  readonly samples: number;
  readonly labels: number;
  readonly labelName: number;
  readonly labelValue: number;
  readonly bodyBytes: number;
}

/** Bytes of one scrape, whatever the configuration says: it is held in memory. */
export const MAX_BODY_BYTES = 32 * 1024 ** 2;

export const NO_LIMITS: ScrapeLimits = {
  samples: 0,
  labels: 0,
  labelName: 0,
  labelValue: 0,
  bodyBytes: MAX_BODY_BYTES,
};

/** What Prometheus's own scraper asks for, OpenMetrics first: only it carries exemplars. */
export const ACCEPT =
  'application/openmetrics-text;version=1.0.0;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1';

/** Where and what to scrape. */
export interface ScrapeTarget {
  readonly url: string;
  /** `job`, `instance` and what service discovery adds. */
  readonly labels: Labels;
  /** Group of targets, as `/api/v1/targets` calls it. */
  readonly pool: string;
  readonly job: ScrapeJob;
  readonly intervalMillis: number;
  readonly timeoutMillis: number;
  /** Labels before relabelling. */
  readonly discovered: Labels;
}

/** Found, and dropped by relabelling. */
export interface DroppedTarget {
  readonly pool: string;
  readonly discovered: Labels;
}

/**
 * One address of a job with its labels, relabelled. Labels with two underscores say how to scrape and are not kept.
 * Source: Prometheus documentation, `relabel_config`.
 *
 * @throws Error when the labels give no URL or no interval
 */
export function targetOf(job: ScrapeJob, address: string, given: Labels): ScrapeTarget | DroppedTarget {
  const discovered: Record<string, string> = {
    job: job.name,
    __scrape_interval__: durationText(job.intervalMillis),
    __scrape_timeout__: durationText(job.timeoutMillis),
    __metrics_path__: job.metricsPath,
    __scheme__: job.scheme,
    ...Object.fromEntries(Object.entries(job.params).map(([name, [first = '']]) => [`__param_${name}`, first])),
    ...given,
    __address__: address,
  };
  const labels = relabel(discovered, job.relabel);
  if (labels === undefined) return { pool: job.name, discovered };
  const { __address__: host = '', __metrics_path__: path = '', __scheme__: scheme = '' } = labels;
  if (host === '') throw new Error('no address');
  if (scheme !== 'http' && scheme !== 'https') throw new Error(`unsupported scheme: ${JSON.stringify(scheme)}`);
  if (host.includes('/')) throw new Error(`${JSON.stringify(host)} is not a valid hostname`);
  const url = new URL(`${scheme}://${host}`);
  url.pathname = path;
  for (const [name, values] of Object.entries(job.params)) {
    const first = labels[`__param_${name}`];
    for (const [index, value] of values.entries())
      if (index > 0) url.searchParams.append(name, value);
      else if (first !== undefined) url.searchParams.append(name, first);
  }
  for (const [name, value] of Object.entries(labels))
    if (name.startsWith('__param_') && !Object.hasOwn(job.params, name.slice(8)))
      url.searchParams.append(name.slice(8), value);
  const intervalMillis = parseDuration(labels['__scrape_interval__'] ?? '');
  const timeoutMillis = parseDuration(labels['__scrape_timeout__'] ?? '');
  if (intervalMillis === 0 || timeoutMillis === 0) throw new Error('scrape interval and timeout cannot be 0');
  if (timeoutMillis > intervalMillis) throw new Error('scrape timeout cannot be greater than scrape interval');
  const kept = Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('__')));
  return {
    url: url.href,
    labels: { instance: host, ...kept },
    pool: job.name,
    job,
    intervalMillis,
    timeoutMillis,
    discovered,
  };
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseBytes } from '../../core/units.ts';
import { TargetAddress, TargetFiles } from '../ingest/scrape-discovery.ts';
import { ACCEPT, MAX_BODY_BYTES, type ScrapeJob, type ScrapeLimits, type TargetGroup } from '../ingest/scrape-job.ts';
import { type RelabelRule, readRelabelRule } from '../ingest/scrape-relabel.ts';
import { ConfigMap } from './config-reader.ts';
import { YamlMistake, type YamlNode } from './yaml-node.ts';

/** Prometheus's: `refresh_interval` of `http_sd_configs`. */
const REFRESH_MILLIS = 60_000;

/** What a job takes from the rest of the file. */
export interface JobContext {
  /** Of the file; relative paths begin there. */
  readonly directory: string;
  readonly intervalMillis: number;
  readonly timeoutMillis: number;
  /** A target file or address that gives nothing; the last good content stays. */
  readonly onTrouble: (text: string) => void;
}

/** Media types by the names of `scrape_protocols`. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
};

/** One `scrape_config`. Source: Prometheus documentation, "Configuration". @throws YamlMistake */
export function readScrapeConfig(node: YamlNode, context: JobContext): ScrapeJob {
  const map = new ConfigMap(node, 'a scrape_config');
  const name = map.needed('job_name');
  const intervalMillis = map.duration('scrape_interval') ?? context.intervalMillis;
  const timeoutMillis = map.duration('scrape_timeout') ?? Math.min(context.timeoutMillis, intervalMillis);
  if (intervalMillis === 0) throw new YamlMistake(map.lineOf('scrape_interval'), 'scrape_interval must not be 0');
  if (timeoutMillis > intervalMillis)
    throw new YamlMistake(
      map.lineOf('scrape_timeout'),
      `scrape timeout greater than scrape interval for scrape config with job name ${JSON.stringify(name)}`,
    );
  if (map.flag('enable_http2') === false || map.flag('follow_redirects') === false)
    throw new YamlMistake(map.line, 'enable_http2 and follow_redirects: false are not supported by the local stack');
  map.flag('enable_compression');
  const params = map.map('params');
  const scheme = map.text('scheme') ?? 'http';
  if (scheme !== 'http' && scheme !== 'https')
    throw new YamlMistake(map.lineOf('scheme'), `scheme: got ${scheme}, wanted http or https`);
  const job: ScrapeJob = {
    name,
    intervalMillis,
    timeoutMillis,
    metricsPath: map.text('metrics_path') ?? '/metrics',
    scheme,
    params: params === undefined ? {} : Object.fromEntries(params.keys().map((key) => [key, params.texts(key)])),
    honorLabels: map.flag('honor_labels') ?? false,
    honorTimestamps: map.flag('honor_timestamps') ?? true,
    trackTimestampsStaleness: map.flag('track_timestamps_staleness') ?? false,
    limits: readLimits(map),
    accept: readAccept(map),
    fallback: readFallback(map),
    authorization: readAuthorization(map, context.directory),
    relabel: readRelabelling(map, 'relabel_configs'),
    metricRelabel: readRelabelling(map, 'metric_relabel_configs'),
    groups: readDiscovery(map, context),
  };
  map.finish();
  return job;
}

function readRelabelling(map: ConfigMap, key: string): RelabelRule[] {
  return map.list(key).map((item) => readRelabelRule(new ConfigMap(item, `${key}`)));
}

function readLimits(map: ConfigMap): ScrapeLimits {
  const body = map.text('body_size_limit') ?? '0';
  const bytes = body === '0' ? 0 : parseBytes(body);
  if (bytes === undefined)
    throw new YamlMistake(map.lineOf('body_size_limit'), `body_size_limit: got ${body}, wanted a size such as 10MB`);
  return {
    samples: map.count('sample_limit') ?? 0,
    labels: map.count('label_limit') ?? 0,
    labelName: map.count('label_name_length_limit') ?? 0,
    labelValue: map.count('label_value_length_limit') ?? 0,
    bodyBytes: bytes === 0 ? MAX_BODY_BYTES : bytes,
  };
}

function mediaTypeOf(map: ConfigMap, key: string, name: string): string {
  const type = PROTOCOLS[name];
  if (type === undefined)
    throw new YamlMistake(
      map.lineOf(key),
      `${key}: ${name} is not supported by the local stack; it reads ${Object.keys(PROTOCOLS).join(', ')}`,
    );
  return type;
}

function readAccept(map: ConfigMap): string {
  if (!map.has('scrape_protocols')) return ACCEPT;
  const types = map.texts('scrape_protocols').map((name) => mediaTypeOf(map, 'scrape_protocols', name));
  // Qualities fall in the order of the list, as in Prometheus's own request.
  return [...types.map((type, index) => `${type};q=0.${Math.max(9 - index, 2)}`), '*/*;q=0.1'].join(',');
}

function readFallback(map: ConfigMap): ScrapeJob['fallback'] {
  const name = map.text('fallback_scrape_protocol');
  if (name === undefined) return undefined;
  return mediaTypeOf(map, 'fallback_scrape_protocol', name).startsWith('text/') ? 'text' : 'openmetrics';
}

function readAuthorization(map: ConfigMap, directory: string): ScrapeJob['authorization'] {
  const basic = map.map('basic_auth');
  const scheme = map.map('authorization');
  if (basic !== undefined && scheme !== undefined)
    throw new YamlMistake(
      map.lineOf('authorization'),
      'at most one of basic_auth and authorization must be configured',
    );
  const secretOf = (from: ConfigMap, key: string): (() => string) => {
    const [text, file] = [from.text(key), from.text(`${key}_file`)];
    if (file === undefined) return () => text ?? '';
    return () => readFileSync(resolve(directory, file), 'utf8').trim();
  };
  if (basic !== undefined) {
    const username = basic.text('username') ?? '';
    const password = secretOf(basic, 'password');
    basic.finish();
    return () => `Basic ${Buffer.from(`${username}:${password()}`).toString('base64')}`;
  }
  if (scheme === undefined) return () => undefined;
  const type = scheme.text('type') ?? 'Bearer';
  const credentials = secretOf(scheme, 'credentials');
  scheme.finish();
  return () => `${type} ${credentials()}`;
}

function readDiscovery(map: ConfigMap, { directory, onTrouble }: JobContext): ScrapeJob['groups'] {
  const sources = [
    ...map.list('static_configs').map((item) => {
      const group = readGroup(item);
      return { groups: (): readonly TargetGroup[] => [group] };
    }),
    ...map.list('file_sd_configs').map((item) => {
      const files = new ConfigMap(item, 'a file_sd_config');
      const patterns = files.texts('files');
      for (const pattern of patterns)
        if (!/\.(?:json|ya?ml)$/.test(pattern) || /\*.*\//.test(pattern))
          throw new YamlMistake(
            files.lineOf('files'),
            `path name ${JSON.stringify(pattern)} is not valid for file discovery; it ends with .json, .yml or .yaml and has * only in its last part`,
          );
      // Files are looked at every second.
      files.duration('refresh_interval');
      files.finish();
      return new TargetFiles(
        patterns.map((pattern) => resolve(directory, pattern)),
        onTrouble,
      );
    }),
    ...map.list('http_sd_configs').map((item) => {
      const address = new ConfigMap(item, 'a http_sd_config');
      const url = address.needed('url');
      if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
        throw new YamlMistake(address.lineOf('url'), `URL scheme must be 'http' or 'https': ${url}`);
      const refreshMillis = address.duration('refresh_interval') ?? REFRESH_MILLIS;
      address.finish();
      return new TargetAddress({ url, refreshMillis, onTrouble });
    }),
  ];
  return () => sources.flatMap((source) => source.groups());
}

function readGroup(node: YamlNode): TargetGroup {
  const map = new ConfigMap(node, 'a static_config');
  const group = { targets: map.texts('targets'), labels: map.labels('labels') };
  map.finish();
  return group;
}

import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { readTargetGroups, type ScrapeTarget, targetOf } from './scrape-targets.ts';
import { readYaml, type YamlValue } from './yaml-subset.ts';

/** Parts of a configuration that say how Prometheus works, not what to scrape. */
const TOP_LEVEL_IGNORED = new Set([
  'global',
  'rule_files',
  'alerting',
  'storage',
  'tracing',
  'runtime',
  'scrape_config_files',
]);
/** Parts of a job that the stack does in its own way. */
const JOB_IGNORED = new Set([
  'scrape_interval',
  'scrape_timeout',
  'honor_timestamps',
  'sample_limit',
  'body_size_limit',
  'enable_compression',
  'scrape_protocols',
  'scrape_classic_histograms',
]);

/**
 * The scrape targets of a `prometheus.yml`: `static_configs` and JSON `file_sd_configs`, with `metrics_path` and
 * `scheme`. What would change which targets are scraped or under which labels, and is not read here (relabelling,
 * service discovery of platforms, credentials), is an error: a silent half would be worse.
 * Source: Prometheus documentation, "Configuration".
 *
 * @throws Error saying what is not supported
 */
export function readPrometheusConfig(path: string): ScrapeTarget[] {
  const config = objectOf(readYaml(readFileSync(path, 'utf8')), 'the file');
  for (const key of Object.keys(config))
    if (key !== 'scrape_configs' && !TOP_LEVEL_IGNORED.has(key))
      throw new Error(`${key} is not supported by the local stack; remove it`);
  return listOf(config['scrape_configs'] ?? [], 'scrape_configs').flatMap((entry) =>
    readJob(objectOf(entry, 'a scrape_config'), dirname(path)),
  );
}

function readJob(job: Record<string, YamlValue>, directory: string): ScrapeTarget[] {
  const name = textOf(job['job_name'], 'job_name');
  const base: Record<string, string> = { job: name };
  for (const [key, value] of Object.entries(job)) {
    if (key === 'metrics_path') base['__metrics_path__'] = textOf(value, key);
    else if (key === 'scheme') base['__scheme__'] = textOf(value, key);
    else if (!['job_name', 'static_configs', 'file_sd_configs'].includes(key) && !JOB_IGNORED.has(key))
      throw new Error(`job ${name}: ${key} is not supported by the local stack; remove it`);
  }
  const fixed = listOf(job['static_configs'] ?? [], 'static_configs').flatMap((entry) => {
    const group = objectOf(entry, 'a static_config');
    const labels = Object.fromEntries(
      Object.entries(objectOf(group['labels'] ?? {}, 'labels')).map(([label, value]) => [label, textOf(value, label)]),
    );
    return listOf(group['targets'] ?? [], 'targets').map((address) =>
      targetOf(textOf(address, 'target'), { ...base, ...labels }, name),
    );
  });
  const fromFiles = listOf(job['file_sd_configs'] ?? [], 'file_sd_configs').flatMap((entry) =>
    listOf(objectOf(entry, 'a file_sd_config')['files'] ?? [], 'files').flatMap((file) =>
      readFile(textOf(file, 'file'), directory, base, name),
    ),
  );
  return [...fixed, ...fromFiles];
}

function readFile(file: string, directory: string, base: Record<string, string>, name: string): ScrapeTarget[] {
  if (!file.endsWith('.json') || basename(file).includes('*'))
    throw new Error(`job ${name}: file ${file} is not supported by the local stack; name a .json file`);
  return readTargetGroups(readFileSync(resolve(directory, file), 'utf8')).map((target) => {
    const url = new URL(target.url);
    const { instance = url.host, ...labels } = target.labels;
    return targetOf(
      url.host,
      { ...base, instance, ...(labels['job'] === 'file_sd' ? { ...labels, job: name } : labels) },
      name,
    );
  });
}

function objectOf(value: YamlValue | undefined, what: string): Record<string, YamlValue> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} must be a mapping`);
  return value as Record<string, YamlValue>;
}

function listOf(value: YamlValue, what: string): readonly YamlValue[] {
  if (!Array.isArray(value)) throw new Error(`${what} must be a list`);
  return value;
}

function textOf(value: YamlValue | undefined, what: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${what} must be a text`);
  return value;
}

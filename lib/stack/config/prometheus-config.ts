import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expandPattern } from '../ingest/scrape-discovery.ts';
import type { ScrapeJob } from '../ingest/scrape-job.ts';
import { type RuleGroupConfig, readRuleFile } from '../rules/rule-file.ts';
import { ConfigMap } from './config-reader.ts';
import { readScrapeConfig } from './scrape-config.ts';
import { YamlMistake } from './yaml-node.ts';
import { readYamlNode } from './yaml-subset.ts';

/** Prometheus's defaults. */
const INTERVAL_MILLIS = 60_000;
const TIMEOUT_MILLIS = 10_000;
/** Says how Prometheus itself works; it changes neither what is scraped nor what rules give. */
const NOT_NEEDED = ['storage', 'runtime', 'tracing', 'alerting'];

/** What is wrong in a configuration: file, line and reason, all mistakes of it that could be found. */
export class ConfigMistake extends Error {
  override readonly name = 'ConfigMistake';
}

export interface PrometheusConfig {
  /** As it was read, for `/api/v1/status/config`. */
  readonly text: string;
  readonly jobs: readonly ScrapeJob[];
  readonly rules: readonly RuleGroupConfig[];
  /** Of alerts' templates. */
  readonly externalLabels: Readonly<Record<string, string>>;
  /** Parts that are not needed here, each with its line. */
  readonly notes: readonly string[];
}

/**
 * Reads a `prometheus.yml` with its rule files: `global`, `rule_files`, and jobs with static, file and HTTP discovery
 * and relabelling. Whatever else would change what is scraped, how it is labelled or what rules give is a mistake.
 * Source: Prometheus documentation, "Configuration".
 *
 * @throws ConfigMistake with file and line
 */
export function readPrometheusConfig(path: string, onTrouble: (text: string) => void = () => {}): PrometheusConfig {
  const { text, value } = located(path, () => {
    const content = readFileSync(path, 'utf8');
    return { text: content, value: readTop(content, path, onTrouble) };
  });
  const { defaultInterval, ruleFiles, ...rest } = value;
  const rules = ruleFiles.flatMap((file) => readRuleFileAt(file, defaultInterval));
  return { text, rules, ...rest };
}

/** Reads one rule file. @throws ConfigMistake */
export function readRuleFileAt(path: string, intervalMillis: number): RuleGroupConfig[] {
  return located(path, () => readRuleFile(readFileSync(path, 'utf8'), { file: path, intervalMillis }));
}

function located<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof YamlMistake)
      throw new ConfigMistake(`${path}:${error.line}: ${error.message.replace(/^line \d+: /, '')}`);
    throw new ConfigMistake(`${path}: ${(error as Error).message}`);
  }
}

function readTop(text: string, path: string, onTrouble: (text: string) => void) {
  const directory = dirname(path);
  const map = new ConfigMap(readYamlNode(text), 'the file');
  const notes = NOT_NEEDED.filter((key) => map.has(key)).map((key) => {
    map.map(key);
    return `${path}:${map.lineOf(key)}: ${key} is not needed by the local stack and left out`;
  });
  const global = map.map('global');
  const intervalMillis = global?.duration('scrape_interval') ?? INTERVAL_MILLIS;
  const timeoutMillis = global?.duration('scrape_timeout') ?? Math.min(TIMEOUT_MILLIS, intervalMillis);
  const defaultInterval = global?.duration('evaluation_interval') ?? INTERVAL_MILLIS;
  const externalLabels = global?.labels('external_labels') ?? {};
  global?.finish();
  const names = new Set<string>();
  const jobs = map.list('scrape_configs').map((node) => {
    const job = readScrapeConfig(node, { directory, intervalMillis, timeoutMillis, onTrouble });
    if (names.has(job.name))
      throw new YamlMistake(node.line, `found multiple scrape configs with job name ${JSON.stringify(job.name)}`);
    names.add(job.name);
    return job;
  });
  const ruleFiles = map.texts('rule_files').flatMap((pattern) => expandPattern(resolve(directory, pattern)));
  map.finish();
  return { jobs, externalLabels, notes, defaultInterval, ruleFiles };
}

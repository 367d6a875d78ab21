import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { startServer } from './server.ts';

export interface PrometheusOptions {
  /** Directory of `file_sd` JSON files, as services announce themselves in `$SIGHTLINE_DATA_DIR/targets`. */
  readonly targetsDirectory?: string;
  /** `host:port` pairs scraped as job `static`. */
  readonly targets?: readonly string[];
  /** Further entries of `scrape_configs`. */
  readonly jobs?: readonly object[];
  /** Scrapes its own page, too, as job `prometheus`. */
  readonly itself?: boolean;
  /** Default 1 s. */
  readonly scrapeInterval?: string;
  /** Where to send every sample on to (remote write, version 1). */
  readonly remoteWriteUrl?: string;
  /** Takes OTLP at `/api/v1/otlp/v1/metrics`. */
  readonly otlpReceiver?: true;
  /** Rule files to load. */
  readonly ruleFiles?: readonly string[];
  /** The whole `prometheus.yml`, instead of what the options above give. */
  readonly config?: string;
  /** An OpenMetrics page with times, whose samples it begins with. */
  readonly backfill?: string;
}

export interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Prometheus {
  readonly url: string;
  /** An instant vector now. */
  query(expression: string): Promise<readonly PrometheusSeries[]>;
  /** Sum of an instant vector as a number; 0 when it is empty. */
  sum(expression: string): Promise<number>;
  /** Exemplars of the last hour that match. */
  exemplars(expression: string): Promise<
    readonly {
      seriesLabels: Record<string, string>;
      exemplars: readonly { labels: Record<string, string>; value: string }[];
    }[]
  >;
  /** What it scrapes, with `health` and `lastError`. */
  targets(): Promise<
    readonly { labels: Record<string, string>; scrapeUrl: string; health: string; lastError: string }[]
  >;
  stop(): Promise<void>;
}

/** A real Prometheus with exemplar storage on a free loopback port. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const directory = temporaryDirectory('prometheus');
  if (options.targetsDirectory !== undefined) mkdirSync(options.targetsDirectory, { recursive: true });
  const jobs = [
    options.targetsDirectory === undefined
      ? undefined
      : {
          job_name: 'sightline',
          file_sd_configs: [{ files: [join(options.targetsDirectory, '*.json')], refresh_interval: '1s' }],
        },
    options.targets === undefined ? undefined : { job_name: 'static', static_configs: [{ targets: options.targets }] },
    options.itself === true
      ? { job_name: 'prometheus', static_configs: [{ targets: [`127.0.0.1:${port}`] }] }
      : undefined,
    ...(options.jobs ?? []),
  ].filter((job) => job !== undefined);
  // JSON is YAML.
  writeFileSync(
    join(directory, 'prometheus.yml'),
    options.config ??
      JSON.stringify({
        global: { scrape_interval: options.scrapeInterval ?? '1s', scrape_timeout: options.scrapeInterval ?? '1s' },
        storage: { exemplars: { max_exemplars: 100_000 } },
        rule_files: options.ruleFiles ?? [],
        scrape_configs: jobs,
        ...(options.remoteWriteUrl !== undefined && {
          remote_write: [
            { url: options.remoteWriteUrl, send_exemplars: true, queue_config: { batch_send_deadline: '1s' } },
          ],
        }),
      }),
  );
  if (options.backfill !== undefined) backfill(options.backfill, directory);
  const server = await startServer({
    name: 'prometheus',
    command: backendPath('prometheus'),
    args: [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
      ...(options.otlpReceiver === true ? ['--web.enable-otlp-receiver'] : []),
    ],
    cwd: directory,
    readyUrl: `${url}/-/ready`,
  });

  async function api(path: string, parameters: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; data: any; error?: string };
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error}`);
    return answer.data;
  }

  const query = async (expression: string): Promise<readonly PrometheusSeries[]> =>
    (await api('query', { query: expression })).result;
  return {
    url,
    query,
    sum: async (expression) => (await query(expression)).reduce((total, series) => total + Number(series.value[1]), 0),
    exemplars: (expression) => {
      const now = Date.now() / 1000;
      return api('query_exemplars', { query: expression, start: String(now - 3600), end: String(now + 60) });
    },
    targets: async () => (await api('targets')).activeTargets,
    stop: () => server.stop(),
  };
}

function backfill(page: string, directory: string): void {
  const path = join(directory, 'samples.om');
  writeFileSync(path, page);
  const data = join(directory, 'data');
  execFileSync(backendPath('promtool'), ['tsdb', 'create-blocks-from', 'openmetrics', path, data], { stdio: 'pipe' });
}

/**
 * `promtool check metrics` over a text exposition (format 0.0.4; it does not read OpenMetrics).
 * @returns exit code and everything it said; 0 and no output when there is nothing to say
 */
export function promtoolCheckMetrics(exposition: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(backendPath('promtool'), ['check', 'metrics'], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, output: stdout + stderr });
    });
    child.stdin?.end(exposition);
  });
}

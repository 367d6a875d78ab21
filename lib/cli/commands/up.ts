import { spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { dataDirectory, targetsDirectory } from '../../core/data-dir.ts';
import { parseBytes, parseMillis } from '../../core/units.ts';
import { SightlineError } from '../../errors.ts';
import { type PrometheusConfig, readPrometheusConfig } from '../../stack/config/prometheus-config.ts';
import type { TargetGroup } from '../../stack/ingest/scrape-job.ts';
import { groupOfUrl } from '../../stack/ingest/scrape-targets.ts';
import { withPackagedRules } from '../../stack/rules/packaged-rules.ts';
import { DEFAULT_HOST, DEFAULT_PORT, type StackOptions, startStack } from '../../stack/stack.ts';
import type { Command, Invocation } from '../command.ts';
import { untilEnded } from '../signals.ts';

/** Least byte bound: below it the write-ahead log alone would be too large. */
const LEAST_DISK = 32 * 1024 ** 2;

export const upCommand: Command = {
  name: 'up',
  summary: 'start the local stack: the screens, and Zipkin, Elasticsearch, Prometheus, OTLP and StatsD in one process',
  usage: '',
  options: {
    host: { type: 'string', placeholder: 'ADDRESS', meaning: `address to listen on (default ${DEFAULT_HOST})` },
    port: {
      type: 'string',
      placeholder: 'PORT',
      meaning: `port of the screens and of everything (default ${DEFAULT_PORT}, 0 = any free one)`,
    },
    'data-dir': {
      type: 'string',
      placeholder: 'DIR',
      meaning: 'where to keep what comes in (default $SIGHTLINE_DATA_DIR/stack)',
    },
    memory: { type: 'boolean', meaning: 'keep nothing on disk' },
    retention: { type: 'string', placeholder: 'TIME', meaning: 'how long to keep it (default 24h)' },
    'max-disk': { type: 'string', placeholder: 'SIZE', meaning: 'how much to keep (default 1gb, least 32mb)' },
    scrape: {
      type: 'string',
      multiple: true,
      placeholder: 'URL',
      meaning: 'a further /metrics to scrape; may be given more than once',
    },
    config: { type: 'string', placeholder: 'FILE', meaning: 'jobs and rules of a prometheus.yml' },
    'no-native-ports': {
      type: 'boolean',
      meaning: 'do not open 9411 Zipkin, 9200 Elasticsearch, 9090 Prometheus, 4318 OTLP, 8125/udp StatsD',
    },
    open: { type: 'boolean', meaning: 'open the screens in a browser' },
  },
  positionals: [0, 0],
  notes: [
    'Services announce their metrics in $SIGHTLINE_DATA_DIR/targets; the stack reads them from there.',
    'Ready: one line on stdout with the URL. SIGINT or SIGTERM ends it; everything acknowledged is on disk.',
  ],
  async run(invocation) {
    const { out, json } = invocation;
    const options = readOptions(invocation);
    const ending = untilEnded();
    try {
      const stack = await startStack({ ...options, onWarning: (code, text) => out.note(`${code}: ${text}`) });
      out.line(
        json
          ? JSON.stringify({ url: stack.url, nativePorts: stack.nativePorts, ...stack.info })
          : `Sightline is up: ${stack.url}`,
      );
      if (invocation.values['open'] === true) openBrowser(stack.url);
      await ending.signal;
      await stack.close();
      return 0;
    } finally {
      ending.release();
    }
  },
};

/** @throws SightlineError SIGHTLINE_E_USAGE with all mistakes at once */
function readOptions({ values, env, out }: Invocation): Omit<StackOptions, 'onWarning'> {
  const mistakes: string[] = [];
  const text = (name: string) => values[name] as string | undefined;
  const read = <Value>(
    name: string,
    parse: (given: string) => Value | undefined,
    wanted: string,
  ): Value | undefined => {
    const given = text(name);
    if (given === undefined) return undefined;
    const value = parse(given);
    if (value === undefined) mistakes.push(`--${name}: got ${JSON.stringify(given)}, wanted ${wanted}`);
    return value;
  };
  const host = read(
    'host',
    (given) => (isIP(given) !== 0 || /^[a-z0-9.-]+$/i.test(given) ? given : undefined),
    'an address such as 127.0.0.1',
  );
  const port = read(
    'port',
    (given) => (/^\d{1,5}$/.test(given) && Number(given) <= 65_535 ? Number(given) : undefined),
    'a number from 0 to 65535',
  );
  const retentionMillis = read('retention', (given) => positive(parseMillis(given)), 'a time such as 24h or 30m');
  const maxDiskBytes = read(
    'max-disk',
    (given) => atLeast(parseBytes(given), LEAST_DISK),
    'a size such as 1gb, at least 32mb',
  );
  const scrape = ((values['scrape'] ?? []) as readonly string[]).flatMap((given): TargetGroup[] => {
    if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return [groupOfUrl(given)];
    mistakes.push(`--scrape: got ${JSON.stringify(given)}, wanted a URL such as http://127.0.0.1:9470/metrics`);
    return [];
  });
  const config = text('config');
  let prometheus: PrometheusConfig | undefined;
  if (config !== undefined) {
    try {
      prometheus = readPrometheusConfig(resolve(config), (trouble) => out.note(`SIGHTLINE_W_TARGETS: ${trouble}`));
      for (const note of prometheus.notes) out.note(`SIGHTLINE_W_CONFIG: ${note}`);
    } catch (error) {
      mistakes.push(`--config: got ${config}: ${(error as Error).message}`);
    }
  }
  const memory = values['memory'] === true;
  if (memory && text('data-dir') !== undefined)
    mistakes.push('--memory: got --data-dir as well, wanted one of the two');
  if (mistakes.length > 0)
    throw new SightlineError('SIGHTLINE_E_USAGE', `${mistakes.join('; ')}; see sightline up --help`, mistakes);
  const directory = text('data-dir') === undefined ? join(dataDirectory(env), 'stack') : resolve(text('data-dir')!);
  return {
    dataDirectory: memory ? undefined : directory,
    targetsDirectory: targetsDirectory(env),
    scrape,
    rules: withPackagedRules(prometheus?.rules ?? []),
    ...(prometheus !== undefined && {
      jobs: prometheus.jobs,
      externalLabels: prometheus.externalLabels,
      configText: prometheus.text,
    }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(retentionMillis !== undefined && { retentionMillis }),
    ...(maxDiskBytes !== undefined && { maxDiskBytes }),
    ...(values['no-native-ports'] === true && { nativePorts: 'none' as const }),
  };
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function atLeast(value: number | undefined, least: number): number | undefined {
  return value !== undefined && value >= least ? value : undefined;
}

/** The system's own way to open a URL; whoever has none copies it from the line above. */
function openBrowser(url: string): void {
  const [program, ...parameters] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(program!, parameters, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

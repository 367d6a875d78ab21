import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SightlineError } from '../errors.ts';
import { createElasticsearchApi } from './api/elasticsearch-api.ts';
import { createOtlpApi } from './api/otlp-api.ts';
import { createPrometheusApi } from './api/prometheus-api.ts';
import { createPushgatewayApi } from './api/pushgateway-api.ts';
import { createScreens } from './api/screens.ts';
import { createSightlineApi, type StackInfo } from './api/sightline-api.ts';
import { createZipkinApi } from './api/zipkin-api.ts';
import { DirectoryLock } from './directory-lock.ts';
import type { BackendApi } from './http/exchange.ts';
import { Listener, type Mount, newBodyBudget } from './http/listener.ts';
import { TargetFiles } from './ingest/scrape-discovery.ts';
import type { ScrapeJob, TargetGroup } from './ingest/scrape-job.ts';
import { discoverTargets, plainJob } from './ingest/scrape-targets.ts';
import { Scraper } from './ingest/scraper.ts';
import { StatsdReceiver } from './ingest/statsd-receiver.ts';
import { productVersion } from './product.ts';
import type { RuleGroupConfig } from './rules/rule-file.ts';
import { RuleManager } from './rules/rule-manager.ts';
import { StackMetrics } from './stack-metrics.ts';
import { SqliteStore } from './store/sqlite-store.ts';

export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 4380;
export const DEFAULT_RETENTION_MILLIS = 24 * 3_600_000;
export const DEFAULT_MAX_DISK_BYTES = 1024 ** 3;

/** Ports on which the backends themselves listen, and what answers there. */
export const NATIVE_PORTS = { zipkin: 9411, elasticsearch: 9200, prometheus: 9090, otlp: 4318, statsd: 8125 } as const;
export type NativePort = keyof typeof NATIVE_PORTS;

export interface StackOptions {
  readonly host?: string;
  /** 0 = any free one. */
  readonly port?: number;
  /** Undefined: in memory. */
  readonly dataDirectory: string | undefined;
  /** Where services announce their metrics. */
  readonly targetsDirectory: string;
  readonly retentionMillis?: number;
  readonly maxDiskBytes?: number;
  /** Targets beside those of the directory. */
  readonly scrape?: readonly TargetGroup[];
  /** Default 5 s. Of the directory and of `scrape`. */
  readonly scrapeMillis?: number;
  /** Jobs of a `prometheus.yml`. */
  readonly jobs?: readonly ScrapeJob[];
  /** Recording and alerting rules; default none. */
  readonly rules?: readonly RuleGroupConfig[];
  /** `$externalLabels` of the templates of alerts. */
  readonly externalLabels?: Readonly<Record<string, string>>;
  /** The `prometheus.yml` as it was read, for `/api/v1/status/config`. */
  readonly configText?: string;
  /** `none`, or other numbers; 0 = any free one. */
  readonly nativePorts?: 'none' | Partial<Record<NativePort, number>>;
  /** Something the user can mend; the stack runs. */
  readonly onWarning: (
    code: 'SIGHTLINE_W_NATIVE_PORT' | 'SIGHTLINE_W_TARGETS' | 'SIGHTLINE_W_STACK_BUG',
    text: string,
  ) => void;
}

/** A running local stack. */
export interface Stack {
  readonly url: string;
  /** Native ports that are open. */
  readonly nativePorts: Readonly<Partial<Record<NativePort, number>>>;
  readonly info: StackInfo;
  /** Takes nothing more, writes out what was accepted. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the local stack: opens the store, then the one port, then the native ones.
 *
 * @throws SightlineError SIGHTLINE_E_STACK_BUSY, SIGHTLINE_E_PORT_TAKEN, SIGHTLINE_E_STACK_STORE
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const parts: { close(): Promise<void> | void }[] = [];
  const closeAll = async () => {
    for (const part of parts.splice(0).reverse()) await part.close();
  };
  try {
    return await assemble(options, parts, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function assemble(
  options: StackOptions,
  parts: { close(): Promise<void> | void }[],
  closeAll: () => Promise<void>,
): Promise<Stack> {
  const host = options.host ?? DEFAULT_HOST;
  const metrics = new StackMetrics();
  const onBug = (error: unknown) => {
    metrics.bugs += 1;
    options.onWarning('SIGHTLINE_W_STACK_BUG', error instanceof Error ? (error.stack ?? error.message) : String(error));
  };

  if (options.dataDirectory !== undefined) {
    const lock = lockDirectory(options.dataDirectory);
    parts.push({ close: () => lock.release() });
  }
  const store = await openStore(options);
  parts.push(store);

  const statsd = new StatsdReceiver({ store });
  parts.push(statsd);
  const scraper = createScraper(options, store);
  parts.push(scraper);

  const info: StackInfo = {
    product: 'sightline',
    version: productVersion(),
    pid: process.pid,
    dataDirectory: options.dataDirectory,
    targetsDirectory: options.targetsDirectory,
    startedAt: Date.now(),
  };
  const zipkin = createZipkinApi({ store, onSpans: (count) => (metrics.spans += count) });
  const elasticsearch = createElasticsearchApi({ store, onLogs: (count) => (metrics.logs += count) });
  const rules = new RuleManager({
    store,
    groups: options.rules ?? [],
    externalLabels: options.externalLabels ?? {},
    externalUrl: `http://${urlHost(host)}:${options.port ?? DEFAULT_PORT}/prometheus`,
  });
  parts.push(rules);
  const prometheus = createPrometheusApi({
    store,
    scraper,
    rules,
    facts: {
      configText: options.configText ?? '',
      retentionMillis: options.retentionMillis ?? DEFAULT_RETENTION_MILLIS,
    },
  });
  const otlp = createOtlpApi({
    store,
    onSpans: (count) => (metrics.spans += count),
    onLogs: (count) => (metrics.logs += count),
  });
  const screens = createScreens({
    ready: async () => (await store.statistics()) !== undefined,
    metrics: () => metrics.text(store, statsd),
  });

  const budget = newBodyBudget();
  const ownNames = [host];
  const listen = async (mounts: readonly Mount[], port: number) => {
    const listener = new Listener({ mounts, ownNames, budget, onBug });
    const address = await listener.listen(port, host);
    parts.push(listener);
    return address.port;
  };

  const mounts: Mount[] = [
    { prefix: '', api: screens },
    { prefix: '/api/sightline', api: createSightlineApi({ store, scraper, info }) },
    { prefix: '/zipkin', api: zipkin },
    { prefix: '/elasticsearch', api: elasticsearch },
    { prefix: '/prometheus', api: prometheus },
    { prefix: '/otlp', api: otlp },
    { prefix: '/pushgateway', api: createPushgatewayApi({ store }) },
  ];
  const port = await listen(mounts, options.port ?? DEFAULT_PORT).catch((error) => {
    throw portError(error, options.port ?? DEFAULT_PORT, host);
  });
  const nativePorts = await openNativePorts(options, { zipkin, elasticsearch, prometheus, otlp }, listen, (native) =>
    statsd.listen(native, host),
  );
  scraper.start();
  rules.start();

  let closing: Promise<void> | undefined;
  return {
    url: `http://${urlHost(host)}:${port}`,
    nativePorts,
    info,
    close: () => (closing ??= closeAll()),
  };
}

/** Texts of trouble that are remembered, so that each is said once. */
const MAX_TROUBLES = 200;

/** Targets of the directory, of `scrape` and of the jobs of a configuration. */
function createScraper(options: StackOptions, store: SqliteStore): Scraper {
  const said = new Set<string>();
  const onTrouble = (text: string) => {
    if (said.has(text) || said.size >= MAX_TROUBLES) return;
    said.add(text);
    options.onWarning('SIGHTLINE_W_TARGETS', text);
  };
  const directory = new TargetFiles([join(options.targetsDirectory, '*.json')], onTrouble);
  const jobs = [
    plainJob('scrape', () => options.scrape ?? [], options.scrapeMillis),
    plainJob('file_sd', () => directory.groups(), options.scrapeMillis),
    ...(options.jobs ?? []),
  ];
  return new Scraper({ store, discover: () => discoverTargets(jobs, onTrouble) });
}

function lockDirectory(directory: string): DirectoryLock {
  try {
    return DirectoryLock.acquire(directory);
  } catch (error) {
    if (error instanceof SightlineError) throw error;
    throw storeError(directory, error);
  }
}

async function openStore(options: StackOptions): Promise<SqliteStore> {
  const { dataDirectory } = options;
  try {
    if (dataDirectory !== undefined) mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    return await SqliteStore.open({
      path: dataDirectory === undefined ? undefined : join(dataDirectory, 'stack.db'),
      maxAgeMillis: options.retentionMillis ?? DEFAULT_RETENTION_MILLIS,
      maxBytes: options.maxDiskBytes ?? DEFAULT_MAX_DISK_BYTES,
    });
  } catch (error) {
    throw storeError(dataDirectory ?? 'memory', error);
  }
}

function storeError(where: string, error: unknown): SightlineError {
  return new SightlineError(
    'SIGHTLINE_E_STACK_STORE',
    `got data directory ${where}: ${(error as Error).message}; wanted one that can be read and written; give another with --data-dir, or use --memory`,
  );
}

function portError(error: unknown, port: number, host: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new SightlineError(
      'SIGHTLINE_E_PORT_TAKEN',
      `got port ${port}, which another process holds; wanted a free one; give another with --port, or stop the other process`,
    );
  if (code === 'EACCES')
    return new SightlineError(
      'SIGHTLINE_E_PORT_TAKEN',
      `got port ${port}, which this user may not open; give one above 1023 with --port`,
    );
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new SightlineError(
      'SIGHTLINE_E_OPTION',
      `got host ${host}, wanted an address of this machine; give 127.0.0.1 or 0.0.0.0 with --host`,
    );
  return error as Error;
}

async function openNativePorts(
  options: StackOptions,
  apis: Readonly<Record<Exclude<NativePort, 'statsd'>, BackendApi>>,
  listen: (mounts: readonly Mount[], port: number) => Promise<number>,
  listenStatsd: (port: number) => Promise<number>,
): Promise<Partial<Record<NativePort, number>>> {
  const open: Partial<Record<NativePort, number>> = {};
  if (options.nativePorts === 'none') return open;
  for (const name of Object.keys(NATIVE_PORTS) as NativePort[]) {
    const port = options.nativePorts?.[name] ?? NATIVE_PORTS[name];
    try {
      open[name] = name === 'statsd' ? await listenStatsd(port) : await listen([{ prefix: '', api: apis[name] }], port);
    } catch (error) {
      const prefix = name === 'statsd' ? 'StatsD is not taken' : `the same is under /${name} of the one port`;
      options.onWarning(
        'SIGHTLINE_W_NATIVE_PORT',
        `port ${port} (${name}) cannot be opened (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}) and is left out; ${prefix}`,
      );
    }
  }
  return open;
}

/** Where a browser on this machine reaches the host. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

import cluster from 'node:cluster';
import { resolve } from 'node:path';
import { pushPath } from '../codec/push-path.ts';
import { defaultDataDirectory } from '../core/data-dir.ts';
import type { OtlpDestination } from '../delivery/delivery-options.ts';
import type { Resource } from '../model/resource.ts';
import type { GivenOptions } from './options.ts';
import { otlpDestination } from './otlp-settings.ts';

/** Where the local stack listens unless told otherwise. */
const DEFAULT_STACK_URL = 'http://127.0.0.1:4380';
/** Caps of the journal while the address is only the defaulted local stack, which may never be started. */
const UNASKED_JOURNAL_BYTES = 32 * 1024 ** 2;
const UNASKED_JOURNAL_MILLIS = 3_600_000;
/** Default of `SIGHTLINE_SHUTDOWN_TIMEOUT`: deadline of `flush` and `shutdown`, milliseconds. */
export const SHUTDOWN_MILLIS = 3000;
const JOURNAL_BYTES = 512 * 1024 ** 2;
const JOURNAL_MILLIS = 24 * 3_600_000;

export interface LogSettings {
  readonly mode: 'ship' | 'stdout' | 'none';
  readonly url: string;
  /** Who takes what is shipped. */
  readonly backend: 'elasticsearch' | 'logstash' | 'otlp';
  /** Given when the backend is `otlp`. */
  readonly otlp?: OtlpDestination;
  readonly stream: string;
  readonly dataset: string;
  readonly namespace: string;
}

/** What the composition root builds from: every default applied, frozen. */
export interface Settings {
  readonly given: GivenOptions;
  readonly resource: Resource;
  /** True while nothing but the defaulted address of the local stack is known. */
  readonly stackOnlyDefaulted: boolean;
  readonly dataDir: string;
  readonly logs: LogSettings;
  /** Zipkin v2 endpoint; undefined = spans are not sent. */
  readonly zipkinUrl: string | undefined;
  /** OTLP/HTTP endpoint for spans, instead of Zipkin. */
  readonly otlpTraces: OtlpDestination | undefined;
  /** Spans are lines on standard output, and go nowhere else. */
  readonly consoleSpans: boolean;
  readonly prometheus: boolean;
  readonly statsdUrl: string | undefined;
  /** Pushgateway with job and instance; undefined = nothing is pushed. */
  readonly pushUrl: string | undefined;
  readonly journalMaxBytes: number;
  readonly journalMaxAgeMillis: number;
  /** Signals that were asked for and are off, each one sentence. */
  readonly off: readonly string[];
}

/** One part of a data stream name: lower case, everything but `[a-z0-9_.]` becomes `_`. */
export function streamPart(value: string): string {
  return value.toLowerCase().replace(/[^a-z0-9_.]/g, '_');
}

function stackUrlOf(given: GivenOptions, resource: Resource): { url: string | undefined; defaulted: boolean } {
  if (given.stackUrl !== undefined) return { url: given.stackUrl, defaulted: false };
  const named =
    given.elasticsearchUrl ??
    given.logstashUrl ??
    given.zipkinEndpoint ??
    given.otlpEndpoint ??
    given.otlpTracesEndpoint ??
    given.otlpLogsEndpoint ??
    given.metricsPushUrl;
  const local = resource.environment === 'development' || resource.environment === 'test';
  return named === undefined && local
    ? { url: DEFAULT_STACK_URL, defaulted: true }
    : { url: undefined, defaulted: false };
}

function logSettings(given: GivenOptions, resource: Resource, stack: string | undefined, off: string[]): LogSettings {
  const dataset = streamPart(resource.serviceName);
  const namespace = streamPart(resource.environment);
  const stream = given.logStream ?? `logs-${dataset}-${namespace}`;
  const parts = /^logs-([a-z0-9_.]+)-([a-z0-9_.]+)$/.exec(stream);
  const base = {
    url: '',
    backend: 'elasticsearch' as const,
    stream,
    dataset: parts?.[1] ?? dataset,
    namespace: parts?.[2] ?? namespace,
  };
  const asked = given.logs ?? (given.logstashUrl === undefined ? 'elasticsearch' : 'logstash');
  if (asked === 'stdout' || asked === 'none') return { ...base, mode: asked };
  if (asked === 'logstash' && given.delivery !== 'direct') {
    if (given.logstashUrl !== undefined) return { ...base, mode: 'ship', backend: asked, url: given.logstashUrl };
    off.push('logs: Logstash has no address; set SIGHTLINE_LOGSTASH_URL');
    return { ...base, mode: 'none' };
  }
  if (asked === 'otlp' && given.delivery !== 'direct') {
    const otlp = otlpDestination(given, 'logs');
    if (typeof otlp === 'object') return { ...base, mode: 'ship', backend: asked, url: otlp.url, otlp };
    off.push(otlp);
    return { ...base, mode: 'none' };
  }
  if (asked !== 'elasticsearch') {
    off.push(`logs: direct delivery sends to Elasticsearch alone, not to ${asked}; set SIGHTLINE_DELIVERY=journal`);
    return { ...base, mode: 'none' };
  }
  const url = given.elasticsearchUrl ?? (stack === undefined ? undefined : `${stack}/elasticsearch`);
  if (url === undefined) {
    const others = given.otlpEndpoint === undefined ? '' : ', or SIGHTLINE_LOGS=otlp for the OTLP endpoint';
    off.push(`logs have no address; set SIGHTLINE_ELASTICSEARCH_URL or SIGHTLINE_STACK_URL${others}`);
    return { ...base, mode: 'none' };
  }
  return { ...base, mode: 'ship', url };
}

function tracesExporter(given: GivenOptions): 'zipkin' | 'otlp' | 'console' | 'none' {
  const otlp = given.otlpTracesEndpoint ?? given.otlpEndpoint;
  const onlyOtlp = otlp !== undefined && given.zipkinEndpoint === undefined && given.stackUrl === undefined;
  return given.tracesExporter ?? (onlyOtlp ? 'otlp' : 'zipkin');
}

function otlpTracesOf(given: GivenOptions, off: string[]): OtlpDestination | undefined {
  if (tracesExporter(given) !== 'otlp') return undefined;
  const otlp =
    given.delivery === 'direct'
      ? 'traces: direct delivery sends to Zipkin alone; set SIGHTLINE_DELIVERY=journal'
      : otlpDestination(given, 'traces');
  if (typeof otlp === 'object') return otlp;
  off.push(otlp);
  return undefined;
}

function zipkinUrlOf(given: GivenOptions, stack: string | undefined, off: string[]): string | undefined {
  if (tracesExporter(given) !== 'zipkin') return undefined;
  const url = given.zipkinEndpoint ?? (stack === undefined ? undefined : `${stack}/zipkin/api/v2/spans`);
  if (url === undefined) off.push('traces have no address; set OTEL_EXPORTER_ZIPKIN_ENDPOINT or SIGHTLINE_STACK_URL');
  return url;
}

function statsdUrlOf(given: GivenOptions): string | undefined {
  if (!(given.metrics ?? []).includes('statsd')) return undefined;
  return given.statsdUrl ?? 'udp://127.0.0.1:8125';
}

/**
 * Where pages are pushed. The instance is the host unless `service.instance.id` is given: a gateway keeps every instance
 * for ever, and one of each run would fill it. Workers of a cluster push for themselves and are told apart by number.
 */
function pushUrlOf(given: GivenOptions, resource: Resource, stack: string | undefined, off: string[]) {
  if (!(given.metrics ?? []).includes('push')) return undefined;
  const base = given.metricsPushUrl ?? (stack === undefined ? undefined : `${stack}/pushgateway`);
  if (base === undefined) {
    off.push('metrics are not pushed: no address; set SIGHTLINE_METRICS_PUSH_URL or SIGHTLINE_STACK_URL');
    return undefined;
  }
  const instance = resource.attributes['service.instance.id'] ?? resource.hostName;
  const worker = cluster.isWorker ? `:${cluster.worker?.id ?? 0}` : '';
  return base + pushPath(resource.serviceName, instance + worker);
}

/** Applies every default: the one place where options meet each other. */
export function createSettings(given: GivenOptions, resource: Resource, env: NodeJS.ProcessEnv): Settings {
  const off: string[] = [];
  const stack = stackUrlOf(given, resource);
  return Object.freeze({
    given,
    resource,
    stackOnlyDefaulted: stack.defaulted,
    dataDir: given.dataDir === undefined ? defaultDataDirectory(env) : resolve(given.dataDir),
    logs: logSettings(given, resource, stack.url, off),
    zipkinUrl: zipkinUrlOf(given, stack.url, off),
    otlpTraces: otlpTracesOf(given, off),
    consoleSpans: tracesExporter(given) === 'console',
    prometheus: (given.metrics ?? ['prometheus']).includes('prometheus'),
    statsdUrl: statsdUrlOf(given),
    pushUrl: pushUrlOf(given, resource, stack.url, off),
    journalMaxBytes: given.journalMax ?? (stack.defaulted ? UNASKED_JOURNAL_BYTES : JOURNAL_BYTES),
    journalMaxAgeMillis: given.journalMaxAge ?? (stack.defaulted ? UNASKED_JOURNAL_MILLIS : JOURNAL_MILLIS),
    off,
  });
}

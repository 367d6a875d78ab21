import { type Elasticsearch, type SearchServer, startElasticsearch } from '../backends/elasticsearch.ts';
import { startZipkin, type Zipkin } from '../backends/zipkin.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { FaultyProxy } from './faulty-proxy.ts';

/** The trace that all spans of the program belong to. */
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SERVICE = 'faults';
const STREAM = `logs-${SERVICE}-test`;

/** Two backends, each behind a proxy that can misbehave, and what they have. */
export interface Destination {
  readonly logs: FaultyProxy;
  readonly spans: FaultyProxy;
  /** Data stream of the logs in a real Elasticsearch. */
  readonly stream: string;
  /** Configuration of the program that sends there. */
  readonly environment: Readonly<Record<string, string>>;
  /** Numbers of the log lines that the backend keeps, repeated ones included. */
  logNumbers(): Promise<readonly number[]>;
  spanNumbers(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Which backends; `real-…` are the servers themselves. */
export type DestinationKind = 'elasticsearch-zipkin' | 'logstash-otlp' | 'otlp' | 'real' | 'real-opensearch';

export const DESTINATION_NAMES: Readonly<Record<DestinationKind, { readonly logs: string; readonly spans: string }>> = {
  'elasticsearch-zipkin': { logs: 'Elasticsearch', spans: 'Zipkin' },
  'logstash-otlp': { logs: 'Logstash (http)', spans: 'OTLP/HTTP' },
  otlp: { logs: 'OTLP/HTTP', spans: 'OTLP/HTTP (JSON)' },
  real: { logs: 'Elasticsearch itself', spans: 'Zipkin itself' },
  'real-opensearch': { logs: 'OpenSearch itself', spans: 'Zipkin itself' },
};

/** Opens a destination; the real servers are started once and shared, see `RealServers`. */
export async function openDestination(kind: DestinationKind, real?: RealServers): Promise<Destination> {
  if (kind === 'real' || kind === 'real-opensearch') {
    if (real === undefined) throw new Error('the real servers are not running');
    return await realDestination(real);
  }
  const receiver = await startReceiver();
  const [logs, spans] = [await FaultyProxy.before(receiver.url), await FaultyProxy.before(receiver.url)];
  const path = (url: string): string => new URL(url).pathname;
  const elasticsearch = { SIGHTLINE_ELASTICSEARCH_URL: `${logs.url}${path(receiver.elasticsearchUrl)}` };
  const environments: Record<Exclude<DestinationKind, 'real' | 'real-opensearch'>, Record<string, string>> = {
    'elasticsearch-zipkin': {
      ...elasticsearch,
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${spans.url}${path(receiver.zipkinUrl)}`,
    },
    'logstash-otlp': {
      SIGHTLINE_LOGS: 'logstash',
      SIGHTLINE_LOGSTASH_URL: `${logs.url}${path(receiver.logstashUrl)}`,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${spans.url}/v1/traces`,
    },
    otlp: {
      SIGHTLINE_LOGS: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${logs.url}/v1/logs`,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${spans.url}/v1/traces`,
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    },
  };
  return {
    logs,
    spans,
    stream: STREAM,
    environment: environments[kind],
    logNumbers: async () => logNumbers(receiver),
    spanNumbers: async () => spanNumbers(receiver),
    async close() {
      await logs.close();
      await spans.close();
      await receiver.close();
    },
  };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly intValue?: string | number; readonly stringValue?: string };
}

const otlpNumber = (attributes: readonly OtlpAttribute[]): number =>
  Number(attributes.find(({ key }) => key === 'number')?.value.intValue);

const otlpText = (attributes: readonly OtlpAttribute[], name: string): string =>
  attributes.find(({ key }) => key === name)?.value.stringValue ?? '';

/** Copies that carry the same ID are one: the shipped Logstash pipeline and OTLP's `log.record.uid` are for that. */
function onceEach(lines: readonly { readonly id: string; readonly number: number }[]): number[] {
  return [...new Map(lines.map(({ id, number }) => [id, number])).values()];
}

function logNumbers(receiver: Receiver): number[] {
  const records = receiver.otlpLogs.flatMap(({ scopeLogs }) => scopeLogs[0].logRecords);
  return [
    ...receiver.documents.map((document) => document['number'] as number),
    ...onceEach(receiver.logstash.map((event) => ({ id: event['event.id'], number: event['number'] }))),
    ...onceEach(
      records.map(({ attributes }) => ({
        id: otlpText(attributes, 'log.record.uid'),
        number: otlpNumber(attributes),
      })),
    ),
  ].filter((number) => Number.isInteger(number) && number >= 0);
}

function spanNumbers(receiver: Receiver): number[] {
  return [
    ...receiver.spans.map(({ tags }) => Number(tags?.['number'])),
    ...receiver.otlpSpans
      .flatMap(({ scopeSpans }) => scopeSpans[0].spans)
      .map(({ attributes }: { attributes: OtlpAttribute[] }) => otlpNumber(attributes)),
  ].filter((number) => number >= 0);
}

/** Elasticsearch, or OpenSearch, and Zipkin, started once for many cells. */
export interface RealServers {
  readonly elasticsearch: Elasticsearch;
  readonly zipkin: Zipkin;
}

export async function startRealServers(kind: SearchServer): Promise<RealServers> {
  // A batch of ours is larger than this when there is enough to send.
  const elasticsearch = await startElasticsearch(['http.max_content_length: 1mb'], kind);
  const zipkin = await startZipkin();
  return { elasticsearch, zipkin };
}

let realRuns = 0;

async function realDestination({ elasticsearch, zipkin }: RealServers): Promise<Destination> {
  realRuns += 1;
  // A stream and a trace of its own for each cell, in servers that go on.
  const stream = `${STREAM}${realRuns}`;
  const traceId = `${TRACE_ID.slice(0, 24)}${realRuns.toString(16).padStart(8, '0')}`;
  const [logs, spans] = [await FaultyProxy.before(elasticsearch.url), await FaultyProxy.before(zipkin.url)];
  return {
    logs,
    spans,
    stream,
    environment: {
      SIGHTLINE_ELASTICSEARCH_URL: logs.url,
      SIGHTLINE_LOG_STREAM: stream,
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${spans.url}/api/v2/spans`,
      TRACE_ID: traceId,
    },
    async logNumbers() {
      await elasticsearch.refresh();
      const found = await elasticsearch.search(stream, { match_all: {} });
      return found.map((document) => document['number'] as number).filter((number) => number >= 0);
    },
    async spanNumbers() {
      const found = await zipkin.trace(traceId);
      return found.map(({ tags }) => Number(tags?.['number'])).filter((number) => number >= 0);
    },
    async close() {
      await logs.close();
      await spans.close();
    },
  };
}

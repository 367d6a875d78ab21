import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { decodeOtlp } from './otlp-decode.ts';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

/** What the receiver does with one request instead of taking it. */
export type Fault =
  /** Answers with this status and takes nothing. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Takes everything, then closes the connection without an answer: the lost acknowledgement. */
  | 'lose-answer'
  /** Closes the connection before reading. */
  | 'reset'
  /** Never answers; the connection stays open. */
  | 'hang';

export interface Receiver {
  readonly url: string;
  readonly zipkinUrl: string;
  readonly elasticsearchUrl: string;
  readonly statsdUrl: string;
  /** An http input of Logstash with the codec `json`. */
  readonly logstashUrl: string;
  /** Base address for OTLP/HTTP. */
  readonly otlpUrl: string;
  /** `resourceSpans` and `resourceLogs` as they came, in JSON, repeated ones included. */
  readonly otlpSpans: readonly Record<string, any>[];
  readonly otlpLogs: readonly Record<string, any>[];
  /** Documents taken there, in order, repeated ones included. */
  readonly logstash: readonly Record<string, any>[];
  /** Environment variables that send everything here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Spans as they came, repeated ones included. */
  readonly spans: readonly ReceivedSpan[];
  /** Documents taken by `_bulk`, in order, each `_id` once, with `_index` and `_id`. */
  readonly documents: readonly Record<string, any>[];
  /** How often a document came again under the same `_id`: answered 409. */
  readonly conflicts: () => number;
  /** StatsD lines. */
  readonly statsd: readonly string[];
  /** Requests as they came. */
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
  }[];
  /** Scripts the next requests to paths that match; `undefined` in the list takes one request normally. */
  fail(path: RegExp, ...faults: readonly (Fault | undefined)[]): void;
  /** Forgets all scripts that are left. */
  heal(): void;
  close(): Promise<void>;
}

/**
 * An in-memory Zipkin, Elasticsearch `_bulk` and StatsD on loopback.
 * @param port of HTTP; a free one by default
 */
export async function startReceiver({ port: wantedPort = 0 }: { port?: number } = {}): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const otlpSpans: Record<string, any>[] = [];
  const otlpLogs: Record<string, any>[] = [];
  const logstash: Record<string, any>[] = [];
  const documents = new Map<string, Record<string, any>>();
  const ordered: Record<string, any>[] = [];
  const statsd: string[] = [];
  const requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = [];
  const scripts: { path: RegExp; faults: (Fault | undefined)[] }[] = [];
  let conflicts = 0;
  let generated = 0;

  function bulk(path: string, body: string): object {
    const target = /([^/]+)\/_bulk$/.exec(path)?.[1];
    const lines = body.split('\n');
    if (lines.pop() !== '') throw new SyntaxError('the bulk request must be terminated by a newline');
    const items: object[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      const action = JSON.parse(lines[at] ?? '');
      const [verb, meta] = Object.entries<any>(action)[0] ?? ['create', {}];
      const source = JSON.parse(lines[at + 1] ?? '');
      meta._index ??= target === undefined ? undefined : decodeURIComponent(target);
      generated += 1;
      const id = meta._id ?? `generated-${generated}`;
      const key = `${meta._index}/${id}`;
      if (documents.has(key) && verb === 'create') {
        conflicts += 1;
        items.push({
          create: {
            _index: meta._index,
            _id: id,
            status: 409,
            error: { type: 'version_conflict_engine_exception', reason: 'document already exists' },
          },
        });
        continue;
      }
      const document = { ...source, _index: meta._index, _id: id };
      documents.set(key, document);
      ordered.push(document);
      items.push({ [verb]: { _index: meta._index, _id: id, status: 201, result: 'created' } });
    }
    return { took: 1, errors: items.some((item: any) => Object.values<any>(item)[0].status >= 300), items };
  }

  function take(path: string, body: Buffer, contentType: string | undefined): { status: number; body: string } {
    if (path === '/v1/traces' || path === '/v1/logs') {
      const json = contentType === 'application/json';
      const traces = path === '/v1/traces';
      const request = json ? JSON.parse(body.toString()) : decodeOtlp(traces ? 'TracesData' : 'LogsData', body);
      if (traces) otlpSpans.push(...request.resourceSpans);
      else otlpLogs.push(...request.resourceLogs);
      return { status: 200, body: json ? '{"partialSuccess":{}}' : '' };
    }
    if (path.endsWith('/api/v2/spans')) {
      spans.push(...JSON.parse(body.toString()));
      return { status: 202, body: '' };
    }
    if (path === '/logstash') {
      const events = JSON.parse(body.toString());
      logstash.push(...(Array.isArray(events) ? events : [events]));
      return { status: 200, body: 'ok' };
    }
    if (path.endsWith('/_bulk')) return { status: 200, body: JSON.stringify(bulk(path, body.toString())) };
    if (/\/_index_template\/|\/_component_template\//.test(path)) return { status: 200, body: '{"acknowledged":true}' };
    return { status: 404, body: '{}' };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://receiver').pathname;
    requests.push({ method: request.method ?? '', path, headers: request.headers });
    const script = scripts.find((candidate) => candidate.path.test(path) && candidate.faults.length > 0);
    const fault = script?.faults.shift();
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault === 'hang') return;
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    const raw = Buffer.concat(chunks);
    let answer: { status: number; body: string };
    try {
      answer = take(
        path,
        request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw,
        request.headers['content-type'],
      );
    } catch (error) {
      answer = { status: 400, body: JSON.stringify({ error: String(error) }) };
    }
    if (fault === 'lose-answer') request.socket.destroy();
    else {
      // Elasticsearch's own clients refuse to talk to anything else.
      response
        .writeHead(answer.status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
        .end(answer.body);
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = createSocket('udp4');
  socket.on('message', (packet) => {
    statsd.push(
      ...packet
        .toString()
        .split('\n')
        .filter((line) => line !== ''),
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));

  const url = `http://127.0.0.1:${port}`;
  const zipkinUrl = `${url}/zipkin/api/v2/spans`;
  const elasticsearchUrl = `${url}/elasticsearch`;
  const statsdUrl = `udp://127.0.0.1:${socket.address().port}`;
  return {
    url,
    zipkinUrl,
    elasticsearchUrl,
    statsdUrl,
    logstashUrl: `${url}/logstash`,
    logstash,
    otlpUrl: url,
    otlpSpans,
    otlpLogs,
    environment: {
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: zipkinUrl,
      SIGHTLINE_ELASTICSEARCH_URL: elasticsearchUrl,
      SIGHTLINE_STATSD_URL: statsdUrl,
      SIGHTLINE_ADMIN_PORT: '0',
    },
    spans,
    documents: ordered,
    conflicts: () => conflicts,
    statsd,
    requests,
    fail(path, ...faults) {
      scripts.push({ path, faults: [...faults] });
    },
    heal() {
      scripts.length = 0;
    },
    async close() {
      socket.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

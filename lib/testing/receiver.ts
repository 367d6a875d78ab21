import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type EvidenceOf, evidenceOf } from './evidence.ts';
import { applyFault, type Fault } from './faults.ts';
import { Received, type ReceivedPush, type ReceivedSpan, type Taken } from './received.ts';

/** How long `until` waits by default, milliseconds: generous, because it is only spent on failure. */
const WAIT_MILLIS = 10_000;
/** Requests that are remembered; older ones are forgotten, so that a long load does not fill the memory of a test. */
const KEPT_REQUESTS = 100_000;

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Of the body as it came, compressed or not; 0 until it has been read. */
  readonly bytes: number;
}

/** A fault that lasts. */
export interface Outage {
  /** Requests that it has hit. */
  readonly hits: () => number;
  end(): void;
  [Symbol.dispose](): void;
}

export interface Receiver {
  readonly url: string;
  readonly zipkinUrl: string;
  readonly elasticsearchUrl: string;
  readonly statsdUrl: string;
  /** An http input of Logstash with the codec `json`. */
  readonly logstashUrl: string;
  /** Base address for OTLP/HTTP. */
  readonly otlpUrl: string;
  /** A Pushgateway. */
  readonly pushUrl: string;
  /** Environment variables that send logs to its Elasticsearch, spans to its Zipkin, StatsD to its UDP port. */
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables that send logs and spans by OTLP instead. */
  readonly otlpEnvironment: Readonly<Record<string, string>>;
  /** Spans of Zipkin as they came, repeated ones included. */
  readonly spans: readonly ReceivedSpan[];
  /** `resourceSpans` and `resourceLogs` of OTLP as they came, in JSON, repeated ones included. */
  readonly otlpSpans: readonly Record<string, any>[];
  readonly otlpLogs: readonly Record<string, any>[];
  /** Events taken by Logstash, in order, repeated ones included. */
  readonly logstash: readonly Record<string, any>[];
  /** Documents taken by `_bulk`, in order, each `_id` once, with `_index` and `_id`. */
  readonly documents: readonly Record<string, any>[];
  /** How often a document came again under the same `_id`: answered 409. */
  readonly conflicts: () => number;
  /** StatsD lines. */
  readonly statsd: readonly string[];
  /** Pages taken by the Pushgateway. */
  readonly pushes: readonly ReceivedPush[];
  /** Requests as they came. */
  readonly requests: readonly ReceivedRequest[];
  /** All logs and spans, whatever the protocol; under one correlation ID or trace ID when one is given. */
  evidence(id?: string): EvidenceOf;
  /**
   * Waits until `probe`, which is asked again whenever something arrives, gives something else than `undefined`.
   * @throws Error after `timeoutMillis` (default 10 000), with what was waited for and what has come
   */
  until<Value>(
    what: string,
    probe: () => Value | undefined,
    options?: { readonly timeoutMillis?: number },
  ): Promise<Value>;
  /** Scripts the next requests to paths that match; `undefined` in the list takes one request normally. */
  fail(path: RegExp, ...faults: readonly (Fault | undefined)[]): void;
  /** The same fault for every request, or those to paths that match, until it ends. */
  outage(fault: Fault, options?: { readonly path?: RegExp }): Outage;
  /** Ends all outages, and forgets all scripts that are left. */
  heal(): void;
  /** Refuses connections from now on, as a backend that is stopped does. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An in-memory Zipkin, Elasticsearch `_bulk`, Logstash, OTLP/HTTP, Pushgateway and StatsD on the loopback, for tests of
 * services that are observed by Sightline.
 *
 * @param port of HTTP; a free one by default
 */
export async function startReceiver({ port: wantedPort = 0 }: { port?: number } = {}): Promise<Receiver> {
  const received = new Received();
  const requests: ReceivedRequest[] = [];
  const scripts: { path: RegExp; faults: (Fault | undefined)[] }[] = [];
  const outages: { path: RegExp; fault: Fault; hits: number }[] = [];
  const waiting = new Set<() => void>();

  function nextFault(path: string): Fault | undefined {
    const script = scripts.find((candidate) => candidate.path.test(path) && candidate.faults.length > 0);
    if (script !== undefined) return script.faults.shift();
    const outage = outages.find((candidate) => candidate.path.test(path));
    if (outage === undefined) return undefined;
    outage.hits += 1;
    return outage.fault;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path } = new URL(request.url ?? '/', 'http://receiver');
    const seen = { method: request.method ?? '', path, headers: request.headers, bytes: 0 };
    requests.push(seen);
    if (requests.length > KEPT_REQUESTS) requests.shift();
    const fault = nextFault(path);
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    seen.bytes = raw.length;
    if (applyFault(fault, raw.length, response) !== 'take') return;
    let answer: Taken;
    try {
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const items = typeof fault === 'object' && 'every' in fault ? fault : undefined;
      answer = received.take({ method: seen.method, path, type: request.headers['content-type'], body }, items);
    } catch (error) {
      answer = { status: 400, body: JSON.stringify({ error: String(error) }) };
    }
    for (const look of [...waiting]) look();
    if (fault === 'lose-answer') {
      request.socket.destroy();
      return;
    }
    const { status, body, type = 'application/json' } = answer;
    // Elasticsearch's own clients refuse to talk to anything else.
    const send = () =>
      response.writeHead(status, { 'content-type': type, 'x-elastic-product': 'Elasticsearch' }).end(body);
    if (typeof fault === 'object' && 'slowMillis' in fault) setTimeout(send, fault.slowMillis).unref();
    else send();
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const stopListening = (): Promise<void> =>
    new Promise((resolve) => {
      // An error means that it does not listen: then there is nothing to wait for.
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(wantedPort);
  const { port } = server.address() as { port: number };
  const socket = createSocket('udp4');
  socket.on('message', (packet) => {
    received.takeStatsd(packet.toString());
    for (const look of [...waiting]) look();
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));

  function until<Value>(
    what: string,
    probe: () => Value | undefined,
    { timeoutMillis = WAIT_MILLIS }: { readonly timeoutMillis?: number } = {},
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      let problem: unknown;
      const end = (): void => {
        waiting.delete(look);
        clearTimeout(timer);
      };
      const look = (): void => {
        try {
          const value = probe();
          if (value === undefined) return;
          end();
          resolve(value);
        } catch (error) {
          // "Not yet": what it was is the cause if the time runs out.
          problem = error;
        }
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited ${timeoutMillis} ms in vain for ${what}; ${summary()}`, { cause: problem }));
      }, timeoutMillis);
      waiting.add(look);
      look();
    });
  }

  function summary(): string {
    const { logs, spans } = evidenceOf(received);
    return `${logs.length} log lines, ${spans.length} spans and ${received.statsd.length} StatsD lines came in ${requests.length} requests`;
  }

  const url = `http://127.0.0.1:${port}`;
  const zipkinUrl = `${url}/zipkin/api/v2/spans`;
  const elasticsearchUrl = `${url}/elasticsearch`;
  const statsdUrl = `udp://127.0.0.1:${socket.address().port}`;
  const pushUrl = `${url}/pushgateway`;
  const shared = { SIGHTLINE_STATSD_URL: statsdUrl, SIGHTLINE_METRICS_PUSH_URL: pushUrl, SIGHTLINE_ADMIN_PORT: '0' };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= new Promise<void>((resolve) => socket.close(() => resolve())).then(stopListening);
    return closing;
  };
  return {
    url,
    zipkinUrl,
    elasticsearchUrl,
    statsdUrl,
    logstashUrl: `${url}/logstash`,
    otlpUrl: url,
    pushUrl,
    environment: { ...shared, OTEL_EXPORTER_ZIPKIN_ENDPOINT: zipkinUrl, SIGHTLINE_ELASTICSEARCH_URL: elasticsearchUrl },
    otlpEnvironment: { ...shared, OTEL_EXPORTER_OTLP_ENDPOINT: url, SIGHTLINE_LOGS: 'otlp' },
    spans: received.spans,
    otlpSpans: received.otlpSpans,
    otlpLogs: received.otlpLogs,
    logstash: received.logstash,
    documents: received.documents,
    conflicts: () => received.conflicts,
    statsd: received.statsd,
    pushes: received.pushes,
    requests,
    evidence: (id) => evidenceOf(received, id),
    until,
    fail(path, ...faults) {
      scripts.push({ path, faults: [...faults] });
    },
    outage(fault, { path = /./ } = {}) {
      const outage = { path, fault, hits: 0 };
      outages.unshift(outage);
      const end = (): void => {
        const at = outages.indexOf(outage);
        if (at >= 0) outages.splice(at, 1);
      };
      return { hits: () => outage.hits, end, [Symbol.dispose]: end };
    },
    heal() {
      scripts.length = 0;
      outages.length = 0;
    },
    down: stopListening,
    up: () => listen(port),
    close,
    [Symbol.asyncDispose]: close,
  };
}

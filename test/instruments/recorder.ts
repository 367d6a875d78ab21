import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Attributes, Exception, Link, Span, SpanContext, SpanStatus } from '@opentelemetry/api';
import { createHostPolicy } from '../../lib/context/hosts.ts';
import type { RequestScope } from '../../lib/context/request-scope.ts';
import { newSpanId, newTraceId } from '../../lib/core/ids.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { type Instruments, startInstruments } from '../../lib/instruments/all.ts';
import type { InstrumentOptions, RequestEnd } from '../../lib/instruments/dependencies.ts';

/** A span that keeps what it was told. */
export class RecordedSpan implements Span {
  name: string;
  readonly kind: number;
  readonly parent: SpanContext | undefined;
  readonly links: Link[];
  readonly attributes: Attributes = {};
  readonly exceptions: Exception[] = [];
  status: SpanStatus = { code: 0 };
  ends = 0;
  private readonly context: SpanContext;
  private readonly recording: boolean;

  constructor(name: string, kind: number, parent: SpanContext | undefined, links: Link[], sampled: boolean) {
    this.name = name;
    this.kind = kind;
    this.parent = parent;
    this.links = links;
    this.recording = sampled;
    this.context = {
      traceId: parent !== undefined && /[^0]/.test(parent.traceId) ? parent.traceId : newTraceId(),
      spanId: newSpanId(),
      traceFlags: sampled ? 1 : 0,
    };
  }

  spanContext(): SpanContext {
    return this.context;
  }
  setAttribute(key: string, value: Attributes[string]): this {
    this.attributes[key] = value;
    return this;
  }
  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }
  addEvent(): this {
    return this;
  }
  addLink(): this {
    return this;
  }
  addLinks(): this {
    return this;
  }
  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }
  updateName(name: string): this {
    this.name = name;
    return this;
  }
  end(): void {
    this.ends += 1;
  }
  isRecording(): boolean {
    return this.recording && this.ends === 0;
  }
  recordException(exception: Exception): void {
    this.exceptions.push(exception);
  }
}

export interface Recorded {
  readonly instruments: Instruments;
  readonly spans: RecordedSpan[];
  readonly serverMetrics: Record<string, unknown>[];
  readonly clientMetrics: Record<string, unknown>[];
  readonly access: { scope: RequestScope; end: RequestEnd }[];
  readonly errors: { scope: RequestScope; error: unknown; end: RequestEnd }[];
  active: number;
  rejected: number;
  /** Whether new spans are sampled. */
  sampling: boolean;
  server(): RecordedSpan[];
  client(): RecordedSpan[];
  /** Forgets everything so far. */
  clear(): void;
}

/** All instruments, with everything that they report kept in memory. */
export function record(options: Partial<InstrumentOptions> = {}): Recorded {
  const recorded: Recorded = {
    instruments: undefined as never,
    spans: [],
    serverMetrics: [],
    clientMetrics: [],
    access: [],
    errors: [],
    active: 0,
    rejected: 0,
    sampling: true,
    server: () => recorded.spans.filter((span) => span.kind === 1),
    client: () => recorded.spans.filter((span) => span.kind === 2),
    clear() {
      for (const list of [
        recorded.spans,
        recorded.serverMetrics,
        recorded.clientMetrics,
        recorded.access,
        recorded.errors,
      ]) {
        list.length = 0;
      }
      recorded.rejected = 0;
    },
  };
  const instruments = startInstruments({
    tracing: {
      start(name, kind, parent, { links = [] } = {}) {
        const span = new RecordedSpan(name, kind, parent, links, recorded.sampling);
        recorded.spans.push(span);
        return span;
      },
    },
    metrics: {
      serverStarted: () => {
        recorded.active += 1;
      },
      serverEnded: (ended) => {
        recorded.active -= 1;
        recorded.serverMetrics.push({ ...ended });
      },
      clientEnded: (ended) => recorded.clientMetrics.push({ ...ended }),
    },
    logs: {
      accessLine: (scope, end) => recorded.access.push({ scope, end }),
      errorLine: (scope, error, end) => recorded.errors.push({ scope, error, end }),
    },
    redactor: {
      url: (url) => url.replace(/([?&]token=)[^&]*/g, '$1[redacted]'),
      text: (text) => text.replaceAll('hunter2', '[redacted]'),
    },
    counters: {
      correlationIdRejected: () => {
        recorded.rejected += 1;
      },
    },
    options: {
      propagators: ['tracecontext', 'baggage', 'b3'],
      correlationHeaders: ['x-correlation-id', 'x-request-id'],
      trustInbound: true,
      ignorePaths: ['/livez', '/static/*'],
      hostPolicy: createHostPolicy({}),
      clientDetails: { spans: true, logs: false },
      enabled: () => true,
      ...options,
    },
  });
  return Object.assign(recorded, { instruments });
}

/** An agent whose requests are not observed: the test's own traffic. */
export const ownAgent = Object.assign(new Agent({ keepAlive: false }), { [kOwn]: true });

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly rawHeaders: string[];
  readonly body: string;
}

/** Asks without being observed. */
export function ask(
  port: number,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method: init.method ?? 'GET', headers: init.headers ?? {}, agent: ownAgent },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body,
          }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(init.body);
  });
}

/** A connection that bytes are written to as they are. */
export function rawConnection(port: number): {
  write(text: string): void;
  destroy(): void;
  text(): string;
  until(pattern: RegExp): Promise<string>;
  closed: Promise<void>;
} {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  const checks = new Set<() => void>();
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    for (const check of checks) check();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    write: (bytes) => void socket.write(bytes),
    destroy: () => void socket.destroy(),
    text: () => text,
    closed,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!pattern.test(text)) return;
          checks.delete(check);
          resolve(text);
        };
        checks.add(check);
        socket.once('close', () => {
          check();
          if (!pattern.test(text)) reject(new Error(`closed before ${pattern}: ${text}`));
        });
        check();
      }),
  };
}

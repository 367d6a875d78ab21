import type { ServerResponse } from 'node:http';
import type { Link, Span } from '@opentelemetry/api';
import { ObservationContext } from '../context/context.ts';
import { pickCorrelationId } from '../context/correlation-id.ts';
import { NonRecordingSpan } from '../context/non-recording-span.ts';
import { extract, type Inbound, parentOf } from '../context/propagation.ts';
import { monotonicMillis, nowMicros } from '../core/clock.ts';
import { newSpanId, newTraceId } from '../core/ids.ts';
import { knownMethod } from '../model/http-method.ts';
import { SpanKind } from '../model/span.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { methodSpanName } from './http-names.ts';
import { type ServedConnection, type ServedRequest, ServerScope } from './server-scope.ts';

/** Longest path that is kept, characters. Node takes 16 KiB of request line and headers together. */
const MAX_PATH = 2048;
const NOT_SAMPLED = 0;

/** The path of a request target: without query, and without authority when the target is absolute (RFC 9112 §3.2.2). */
export function pathOf(target: string): string {
  let path = target;
  if (path.charCodeAt(0) !== 47) {
    const scheme = path.indexOf('://');
    if (scheme > 0) {
      const slash = path.indexOf('/', scheme + 3);
      path = slash < 0 ? '/' : path.slice(slash);
    }
  }
  const query = path.indexOf('?');
  if (query >= 0) path = path.slice(0, query);
  return path.length > MAX_PATH ? path.slice(0, MAX_PATH) : path;
}

/** Tells ignored paths: exact ones by a set, prefixes (`/static/*`) one by one. */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
}

/** What a scope is made of: for HTTP/1 what `http.server.request.start` publishes. */
export interface RequestStart {
  readonly request: ServedRequest;
  readonly response: ServerResponse | undefined;
  readonly socket: ServedConnection;
}

export type ScopeMaker = (start: RequestStart) => ServerScope;

/** Makes the scope of one inbound request: reads what came, decides on the ID, starts the span. */
export function scopeMaker(deps: InstrumentDependencies): ScopeMaker {
  const { tracing, counters, options } = deps;
  const { propagators, correlationHeaders, trustInbound } = options;
  const responseHeader = correlationHeaders[0] ?? 'x-correlation-id';
  const isIgnored = pathMatcher(options.ignorePaths);

  function startSpan(method: string, path: string, inbound: Inbound | undefined): Span {
    const name = methodSpanName(method);
    const target = { method, path };
    if (trustInbound) return tracing.start(name, SpanKind.SERVER, parentOf(inbound), { target });
    const caller = inbound?.spanContext;
    const links: Link[] | undefined = caller === undefined ? undefined : [{ context: caller }];
    return tracing.start(name, SpanKind.SERVER, undefined, { links, target });
  }

  /** For ignored paths: no span, yet IDs for log lines and the next hop, which is told not to sample. */
  function unobservedSpan(inbound: Inbound | undefined): Span {
    const traceId = (trustInbound ? inbound?.spanContext?.traceId : undefined) ?? newTraceId();
    return new NonRecordingSpan({ traceId, spanId: newSpanId(), traceFlags: NOT_SAMPLED });
  }

  return ({ request, response, socket }) => {
    const startMicros = nowMicros();
    const startMillis = monotonicMillis();
    const headers = request.headers;
    const method = knownMethod(request.method ?? '');
    const path = pathOf(request.url ?? '/');
    const inbound = extract(headers, propagators);
    const choice = pickCorrelationId(headers, correlationHeaders);
    if (choice.rejected) counters.correlationIdRejected();

    const ignored = isIgnored(path);
    const span = ignored ? unobservedSpan(inbound) : startSpan(method, path, inbound);
    const { traceId, spanId } = span.spanContext();
    const trustedId = trustInbound ? choice.id : undefined;
    const cameOtherwise = trustedId !== undefined && choice.header !== undefined && choice.header !== responseHeader;
    const scope = new ServerScope({
      correlationId: trustedId ?? traceId,
      inboundCorrelationId: trustInbound ? undefined : choice.id,
      traceId,
      spanId,
      span: ignored ? undefined : span,
      method,
      path,
      startMicros,
      startMillis,
      scheme: socket.encrypted === true ? 'https' : 'http',
      bytesBefore: socket.bytesWritten,
      request,
      response,
      socket,
      responseHeader,
      secondResponseHeader: cameOtherwise ? (choice.header ?? '') : '',
    });
    const baggage = trustInbound ? inbound?.baggage : undefined;
    scope.context = new ObservationContext(span, scope.correlationId, baggage, scope);
    return scope;
  };
}

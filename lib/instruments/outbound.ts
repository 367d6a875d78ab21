import type { Attributes, Span } from '@opentelemetry/api';
import { active, isTracingSuppressed } from '../context/context.ts';
import { correlationIdOf } from '../context/correlation.ts';
import { inject } from '../context/propagation.ts';
import { FLAG_SAMPLED } from '../context/span-context.ts';
import { monotonicMillis } from '../core/clock.ts';
import { knownMethod, OTHER_METHOD } from '../model/http-method.ts';
import { SpanKind, StatusCode } from '../model/span.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { recordFailure } from './failure.ts';
import { type RpcCall, rpcAttributes, rpcFailure, rpcName } from './grpc.ts';
import { ABORTED, defaultPort, errorType, methodSpanName } from './http-names.ts';

/** Longest URL kept on a span, characters. */
const MAX_URL = 2048;

/** Where an outbound request goes. */
export interface OutboundTarget {
  /** As the app wrote it. */
  readonly method: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** Without port and brackets. */
  readonly host: string;
  /** Undefined when only the connection will tell. */
  readonly port: number | undefined;
  /** Path with query. */
  readonly path: string;
}

/** How headers are put on an outbound request. Names are lower case. */
export interface HeaderCarrier {
  has(name: string): boolean;
  set(name: string, value: string): void;
}

/** Any of these set by the app means that it propagates the trace itself: a second context beside it would contradict. */
const TRACE_HEADERS = ['traceparent', 'b3', 'x-b3-traceid'];

/** One outbound request until it is over. Ends exactly once: the first of complete, failed and closed counts. */
export class Exchange {
  private readonly deps: InstrumentDependencies;
  private readonly target: OutboundTarget;
  private readonly span: Span;
  private readonly correlationId: string;
  private readonly method: string;
  private readonly startMillis: number;
  private ended = false;
  /** Set when the head of the response is there. */
  statusCode: number | undefined = undefined;
  /** The call of gRPC that the request is. */
  rpc: RpcCall | undefined = undefined;
  /** Set when the connection or its error has told. */
  port: number | undefined;

  constructor(deps: InstrumentDependencies, target: OutboundTarget, span: Span, correlationId: string) {
    this.deps = deps;
    this.target = target;
    this.span = span;
    this.correlationId = correlationId;
    this.method = knownMethod(target.method);
    this.startMillis = monotonicMillis();
    this.port = target.port;
  }

  /** The response has arrived completely. */
  complete(): void {
    const { statusCode, rpc } = this;
    const rpcType = rpc === undefined ? undefined : rpcFailure(rpc, 'client');
    this.end(rpcType ?? (statusCode !== undefined && statusCode >= 400 ? String(statusCode) : undefined), undefined);
  }

  /** The request failed, before or after the head of a response. */
  fail(error: unknown): void {
    const port = (error as { port?: unknown } | null)?.port;
    if (this.port === undefined && typeof port === 'number') this.port = port;
    this.end(errorType(error), error);
  }

  /** The connection closed, and nothing said why unless the caller knows. */
  abort(type: string = ABORTED): void {
    this.end(type, undefined);
  }

  private end(type: string | undefined, error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    const endMillis = monotonicMillis();
    const { span, target, statusCode, deps } = this;
    const context = span.spanContext();
    const sampled = (context.traceFlags & FLAG_SAMPLED) !== 0;
    deps.metrics.clientEnded({
      method: this.method,
      serverAddress: target.host,
      serverPort: this.port ?? defaultPort(target.scheme),
      statusCode,
      errorType: type,
      durationSeconds: (endMillis - this.startMillis) / 1000,
      endMillis,
      traceId: sampled ? context.traceId : undefined,
      spanId: sampled ? context.spanId : undefined,
    });
    if (span.isRecording()) {
      span.setAttributes(this.attributes(type));
      const { rpc } = this;
      if (rpc !== undefined) {
        span.updateName(rpcName(rpc));
        span.setAttributes(rpcAttributes(rpc));
      }
      if (error !== undefined) recordFailure(span, error, deps.redactor);
      else if (type !== undefined) {
        const message = rpc?.message === undefined ? undefined : deps.redactor.text(rpc.message);
        span.setStatus({ code: StatusCode.ERROR, ...(message !== undefined && { message }) });
      }
    }
    span.end();
  }

  /** OpenTelemetry's conventions for HTTP client spans (stable), plus ours. Credentials of the URL are never among them. */
  private attributes(type: string | undefined): Attributes {
    const { target, deps } = this;
    const { scheme, host, path } = target;
    const port = this.port ?? defaultPort(scheme);
    const name = host.includes(':') ? `[${host}]` : host;
    const authority = port === defaultPort(scheme) ? name : `${name}:${port}`;
    const attributes: Attributes = {
      'http.request.method': this.method,
      'server.address': host,
      'server.port': port,
      'url.full': deps.redactor.url(`${scheme}://${authority}${path}`).slice(0, MAX_URL),
      'correlation.id': this.correlationId,
    };
    if (this.method === OTHER_METHOD) attributes['http.request.method_original'] = target.method;
    if (this.statusCode !== undefined) attributes['http.response.status_code'] = this.statusCode;
    if (type !== undefined) attributes['error.type'] = type;
    return attributes;
  }
}

/**
 * Starts the span of an outbound request under what is running, and puts the headers on it that the policy for its
 * host allows and the app has not set itself.
 *
 * @returns undefined when nothing is to be observed here (OpenTelemetry's suppression)
 */
export function beginExchange(
  deps: InstrumentDependencies,
  target: OutboundTarget,
  carrier: HeaderCarrier,
): Exchange | undefined {
  const context = active();
  if (isTracingSuppressed(context)) return undefined;
  const { options } = deps;
  const name = methodSpanName(knownMethod(target.method));
  const span = deps.tracing.start(name, SpanKind.CLIENT, context.span?.spanContext());
  const spanContext = span.spanContext();
  const correlationId = correlationIdOf(context) ?? spanContext.traceId;
  if (options.hostPolicy.propagate(target.host)) {
    const traced = TRACE_HEADERS.some((header) => carrier.has(header));
    const mayBaggage = context.baggage !== undefined && options.hostPolicy.baggage(target.host);
    inject(
      options.propagators,
      traced ? undefined : spanContext,
      mayBaggage ? context.baggage : undefined,
      (header, value) => {
        if (!carrier.has(header)) carrier.set(header, value);
      },
    );
    const header = options.correlationHeaders[0] ?? 'x-correlation-id';
    if (!carrier.has(header)) carrier.set(header, correlationId);
  }
  return new Exchange(deps, target, span, correlationId);
}

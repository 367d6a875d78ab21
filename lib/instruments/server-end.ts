import type { ServerResponse } from 'node:http';
import type { Attributes, Span } from '@opentelemetry/api';
import { wasErrorLogged } from '../context/request-scope.ts';
import { FLAG_SAMPLED } from '../context/span-context.ts';
import { monotonicMillis } from '../core/clock.ts';
import { OTHER_METHOD } from '../model/http-method.ts';
import { StatusCode } from '../model/span.ts';
import type { ClientDetails, InstrumentDependencies, Redactor } from './dependencies.ts';
import { isConnectionEnd, recordFailure } from './failure.ts';
import { isImplemented, type RpcCall, rpcAttributes, rpcFailure, rpcName } from './grpc.ts';
import { ABORTED, defaultPort, errorType, methodSpanName, parseHost } from './http-names.ts';
import type { ServedConnection, ServerScope } from './server-scope.ts';

/** Longest `User-Agent` and query kept, characters. */
const MAX_TEXT = 1024;
const NANOS_PER_MILLI = 1_000_000;

/** How a request came to its end. */
export interface ServerEnd {
  /** Undefined when no complete response was handed to the system. */
  readonly statusCode: number | undefined;
  /** Set when the end itself is a failure: aborted, or the process dies. */
  readonly errorType: string | undefined;
}

function queryOf(target: string): string | undefined {
  const mark = target.indexOf('?');
  return mark < 0 || mark === target.length - 1 ? undefined : target.slice(mark + 1, mark + 1 + MAX_TEXT);
}

/** Who asked: the peer of the connection, since headers of proxies are not believed. */
function clientOf({ request, socket }: ServerScope, redactor: Redactor): ClientDetails {
  const agent = request?.headers['user-agent'];
  return {
    address: socket?.remoteAddress,
    userAgent: agent === undefined ? undefined : redactor.text(agent.slice(0, MAX_TEXT)),
  };
}

type Recording = Pick<InstrumentDependencies, 'redactor' | 'options'>;

/** The attributes of OpenTelemetry's conventions for HTTP server spans (stable), plus ours. Proxy headers are not believed. */
function serverAttributes(scope: ServerScope, end: ServerEnd, { redactor, options }: Recording): Attributes {
  const { request, socket } = scope;
  const attributes: Attributes = {
    'http.request.method': scope.method,
    'url.scheme': scope.scheme,
    'url.path': redactor.url(scope.path),
    'correlation.id': scope.correlationId,
  };
  if (scope.route !== undefined) attributes['http.route'] = scope.route;
  if (scope.rpc !== undefined) Object.assign(attributes, rpcAttributes(scope.rpc));
  if (end.statusCode !== undefined) attributes['http.response.status_code'] = end.statusCode;
  if (end.errorType !== undefined) attributes['error.type'] = end.errorType;
  if (scope.inboundCorrelationId !== undefined) attributes['correlation.id.inbound'] = scope.inboundCorrelationId;
  if (request === undefined || socket === undefined) return attributes;

  if (scope.method === OTHER_METHOD && request.method !== undefined) {
    attributes['http.request.method_original'] = request.method;
  }
  attributes['network.protocol.version'] = request.httpVersion;
  const host = parseHost(request.authority ?? request.headers.host);
  const address = host?.host ?? socket.localAddress;
  if (address !== undefined) {
    attributes['server.address'] = address;
    attributes['server.port'] = host === undefined ? (socket.localPort ?? 0) : (host.port ?? defaultPort(scope.scheme));
  }
  if (options.clientDetails.spans) {
    const { address: client, userAgent } = clientOf(scope, redactor);
    if (client !== undefined) attributes['client.address'] = client;
    if (userAgent !== undefined) attributes['user_agent.original'] = userAgent;
  }
  // Redacted as a whole, then split: the redactor knows `key=value` only behind a `?`.
  const target = request.url ?? '';
  if (target.includes('?')) {
    const query = queryOf(redactor.url(target));
    if (query !== undefined) attributes['url.query'] = query;
  }
  return attributes;
}

/** Frameworks that we do not know say their route where OpenTelemetry's conventions have it: on the server span. */
function routeOnSpan(span: Span | undefined): string | undefined {
  const route = (span as { attributes?: Attributes } | undefined)?.attributes?.['http.route'];
  return typeof route === 'string' && route !== '' ? route : undefined;
}

/** A call of gRPC says why it failed. */
function failedStatus(rpc: RpcCall | undefined, redactor: Redactor): { code: number; message?: string } {
  if (rpc?.message === undefined) return { code: StatusCode.ERROR };
  return { code: StatusCode.ERROR, message: redactor.text(rpc.message) };
}

function finishSpan(span: Span, scope: ServerScope, end: ServerEnd, recording: Recording): void {
  const failed = end.errorType !== undefined;
  if (span.isRecording()) {
    const plain = methodSpanName(scope.method);
    // A name that the app gave the span itself stays.
    const current = (span as { name?: unknown }).name;
    if (scope.route !== undefined && (current === undefined || current === plain))
      span.updateName(scope.rpc === undefined ? `${plain} ${scope.route}` : rpcName(scope.rpc));
    span.setAttributes(serverAttributes(scope, end, recording));
    if (failed && scope.error !== undefined) recordFailure(span, scope.error, recording.redactor);
    else if (failed) span.setStatus(failedStatus(scope.rpc, recording.redactor));
  }
  span.end();
}

/**
 * Ends a request, in one pass: route, metrics with exemplar, span, error line, access line. The first call counts, all
 * others do nothing.
 */
export type RequestEnder = (scope: ServerScope, statusCode: number | undefined, failure?: string) => void;

export function requestEnder(deps: InstrumentDependencies): RequestEnder {
  const { metrics, logs, redactor, options } = deps;
  return (scope, statusCode, failure) => {
    if (scope.ended) return;
    scope.ended = true;
    const endMillis = monotonicMillis();
    const durationMillis = endMillis - scope.startMillis;
    if (failure === ABORTED && isConnectionEnd(scope.error)) scope.error = undefined;
    if (scope.resolveRoute !== undefined) scope.route = scope.resolveRoute() ?? scope.route;
    const serverError = statusCode !== undefined && statusCode >= 500;
    const { rpc } = scope;
    if (rpc !== undefined && isImplemented(rpc)) scope.route ??= scope.path;
    const rpcType = rpc === undefined ? undefined : rpcFailure(rpc, 'server');
    const end = { statusCode, errorType: failure ?? rpcType ?? (serverError ? String(statusCode) : undefined) };
    const span = scope.span;
    scope.route ??= routeOnSpan(span);
    const sampled = span !== undefined && (span.spanContext().traceFlags & FLAG_SAMPLED) !== 0;
    metrics.serverEnded({
      method: scope.method,
      route: scope.route ?? '',
      statusCode,
      scheme: scope.scheme,
      errorType: end.errorType,
      durationSeconds: durationMillis / 1000,
      endMillis,
      traceId: sampled ? scope.traceId : undefined,
      spanId: sampled ? scope.spanId : undefined,
    });
    if (span !== undefined) finishSpan(span, scope, end, deps);
    const client = options.clientDetails.logs ? clientOf(scope, redactor) : undefined;
    const lineEnd = { ...end, durationNanos: Math.round(durationMillis * NANOS_PER_MILLI), client };
    // An abort alone is no error of the app; an error that a framework saw on the way to a 5xx is, on any path.
    const untold = scope.error !== undefined && !scope.errorTold && !wasErrorLogged(scope.error);
    if (untold && end.errorType !== undefined) {
      logs.errorLine(scope, scope.error, lineEnd);
    }
    if (span !== undefined) logs.accessLine(scope, lineEnd);
    scope.release();
  };
}

/** Ends a request that its process does not survive. The fatal line of the process is its error line. */
export function failRequest(end: RequestEnder, scope: ServerScope, error: unknown): void {
  scope.error ??= error;
  scope.errorTold = true;
  end(scope, undefined, errorType(error));
}

/** What `OutgoingMessage` keeps of the head that it has sent; the same in Node 22 to 26. */
interface SentHead {
  readonly _header: string | null;
  /** False for HEAD, 204 and 304. */
  readonly _hasBody: boolean;
  /** What the head promises. */
  readonly _contentLength: number | null;
}

/**
 * Whether all that the head promised has left, though nobody has called `end()`: a file that is piped ends one read
 * later than its last byte, and a client that has what it wants closes in between.
 */
function hasLeft(response: ServerResponse, socket: ServedConnection, bytesBefore: number): boolean {
  if (!response.headersSent || response.writableLength > 0 || socket.writableLength > 0) return false;
  const { _header: head, _hasBody: hasBody, _contentLength: promised } = response as unknown as SentHead;
  if (hasBody === false) return true;
  if (typeof promised !== 'number' || typeof head !== 'string') return false;
  return socket.bytesWritten - bytesBefore >= head.length + promised;
}

/** Ends a request whose connection closed before the app had ended the response. */
export function abortRequest(end: RequestEnder, scope: ServerScope): void {
  const { response, socket } = scope;
  const left = response !== undefined && socket !== undefined && hasLeft(response, socket, scope.bytesBefore);
  if (left) end(scope, response.statusCode);
  else end(scope, undefined, ABORTED);
}

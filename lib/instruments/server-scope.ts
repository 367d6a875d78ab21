import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Span } from '@opentelemetry/api';
import { type ObservationContext, ROOT } from '../context/context.ts';
import { GuestSpan } from '../context/guest-span.ts';
import type { RequestScope } from '../context/request-scope.ts';
import type { RpcCall } from './grpc.ts';

/** What is read of a request: `http.IncomingMessage`, or the same of a stream of HTTP/2. */
export interface ServedRequest {
  readonly method?: string | undefined;
  /** Request target: path with query. */
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  /** `:authority` of HTTP/2, which stands for `Host`. */
  readonly authority?: string | undefined;
}

/** What is read of a connection: `net.Socket`, or the same of a session of HTTP/2. */
export interface ServedConnection {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly encrypted?: boolean | undefined;
  /** Bytes that are written and not handed to the system. */
  readonly writableLength: number;
  /** Bytes that the app has written so far. */
  readonly bytesWritten: number;
}

/**
 * The scope of one inbound request. A class, so that all of them have one hidden class; everything that the
 * end of the request needs is here or reachable from here, never in the store.
 */
export class ServerScope implements RequestScope {
  readonly correlationId: string;
  readonly inboundCorrelationId: string | undefined;
  /** With `spanId`, those of another SDK's span once it is found (`GuestSpan`). */
  traceId: string;
  spanId: string;
  readonly span: Span | undefined;
  readonly method: string;
  readonly path: string;
  readonly startMicros: number;
  readonly startMillis: number;
  readonly scheme: string;
  /** What the connection had sent when the request came. */
  readonly bytesBefore: number;
  /** The three of Node; undefined once the request is over, since a timer of the app may hold the scope for ever. */
  request: ServedRequest | undefined;
  /** Of HTTP/1 alone; undefined for upgrades. */
  response: ServerResponse | undefined;
  socket: ServedConnection | undefined;
  /** What is put into the head of the response, unless the app has set the header itself. */
  readonly responseHeader: string;
  /** The header that the ID came in, when it is another one than ours; empty otherwise. */
  readonly secondResponseHeader: string;
  context: ObservationContext = ROOT;
  route: string | undefined = undefined;
  resolveRoute: (() => string | undefined) | undefined = undefined;
  /** What `resolveRoute` reads: the request object of the framework. */
  routeSource: unknown = undefined;
  handler: string | undefined = undefined;
  /** The call of gRPC that the request is. */
  rpc: RpcCall | undefined = undefined;
  error: unknown = undefined;
  /** Set when a fatal line says what an error line would say. */
  errorTold = false;
  ended = false;

  constructor(fields: ServerScopeFields) {
    this.correlationId = fields.correlationId;
    this.inboundCorrelationId = fields.inboundCorrelationId;
    this.traceId = fields.traceId;
    this.spanId = fields.spanId;
    this.span = fields.span;
    this.method = fields.method;
    this.path = fields.path;
    this.startMicros = fields.startMicros;
    this.startMillis = fields.startMillis;
    this.scheme = fields.scheme;
    this.bytesBefore = fields.bytesBefore;
    this.request = fields.request;
    this.response = fields.response;
    this.socket = fields.socket;
    this.responseHeader = fields.responseHeader;
    this.secondResponseHeader = fields.secondResponseHeader;
  }

  /** The handler has begun: where another SDK makes the server span, it is active now, and its IDs are taken over. */
  settle(): void {
    const { span } = this;
    if (!(span instanceof GuestSpan)) return;
    const { traceId, spanId } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
  }

  /** Lets go of everything that is large. */
  release(): void {
    this.request = undefined;
    this.response = undefined;
    this.socket = undefined;
    this.resolveRoute = undefined;
    this.routeSource = undefined;
  }

  /** Forgets what the framework knew: none of its routes answered. */
  clearRoute(): void {
    this.route = undefined;
    this.resolveRoute = undefined;
    this.routeSource = undefined;
  }
}

/** What is known when a request comes: all but what is filled while it is served. */
export type ServerScopeFields = Omit<
  ServerScope,
  | 'context'
  | 'route'
  | 'resolveRoute'
  | 'routeSource'
  | 'handler'
  | 'error'
  | 'errorTold'
  | 'ended'
  | 'rpc'
  | 'settle'
  | 'release'
  | 'clearRoute'
>;

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Span } from '@opentelemetry/api';
import { type ObservationContext, ROOT } from '../context/context.ts';
import type { RequestScope } from '../context/request-scope.ts';

/**
 * The scope of one inbound HTTP/1 request. A class, so that all of them have one hidden class; everything that the
 * end of the request needs is here or reachable from here, never in the store.
 */
export class ServerScope implements RequestScope {
  readonly correlationId: string;
  readonly inboundCorrelationId: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly span: Span | undefined;
  readonly method: string;
  readonly path: string;
  readonly startMicros: number;
  readonly startMillis: number;
  readonly scheme: string;
  /** What the connection had sent when the request came. */
  readonly bytesBefore: number;
  /** The three of Node; undefined once the request is over, since a timer of the app may hold the scope for ever. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  socket: Socket | undefined;
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

export interface ServerScopeFields {
  readonly correlationId: string;
  readonly inboundCorrelationId: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly span: Span | undefined;
  readonly method: string;
  readonly path: string;
  readonly startMicros: number;
  readonly startMillis: number;
  readonly scheme: string;
  readonly bytesBefore: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly responseHeader: string;
  readonly secondResponseHeader: string;
}

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { encodeHead, encodeStaticFields, type LineIds } from '../codec/ecs-log.ts';
import { jsonString } from '../codec/json-string.ts';
import { active } from '../context/context.ts';
import { markErrorLogged, type RequestScope } from '../context/request-scope.ts';
import { FLAG_SAMPLED } from '../context/span-context.ts';
import { reportBug } from '../core/fence.ts';
import type { Resource } from '../model/resource.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import { causesOf, type ErrorFields, encodeError, errorFields } from './error-fields.ts';
import {
  type FieldLimits,
  type PinoDocumentOptions,
  type PinoLineDetails,
  pinoDocument,
  unserialisableDocument,
} from './pino-document.ts';
import { REDACTED, type Redactor } from './redact.ts';

/** pino's number of level `error`; from here on a logged error counts as told. */
const ERROR_LEVEL = 50;
/** The same by name, for scales of the app's own: syslog counts downwards. */
const ERROR_LABEL = /^(?:err(?:or)?|fatal|crit(?:ical)?|alert|emerg(?:ency)?|panic)$/i;
/** Longest path in a line, characters. */
const MAX_PATH = 8192;
/** Shortened errors of a line whose stack is made of characters that JSON writes in six. */
const SHORT_TEXT = 4096;
const MAX_ERROR_TEXT = 100_000;
const NANOS_PER_MILLI = 1e6;

/** Of which requests there is an access line: all, those that are traced or failed, those that failed, none. */
export type AccessLog = 'on' | 'sampled' | 'errors' | 'off';

export interface LogPipelineOptions {
  readonly resource: Resource;
  /** `data_stream.dataset` and `event.dataset`. */
  readonly dataset: string;
  readonly namespace: string;
  readonly redactor: Redactor;
  readonly sink: Pick<TelemetrySink, 'log'>;
  /** Told the level of every line taken. */
  readonly onLine: (level: string) => void;
  readonly accessLog: AccessLog;
  /** Bounds of the fields that the app gives a line. */
  readonly fieldLimits?: FieldLimits | undefined;
  /** Milliseconds since the epoch; a parameter for tests. */
  readonly now?: () => number;
}

/** How a request ended. */
export interface RequestLineEnd {
  readonly statusCode: number | undefined;
  /** `aborted`, the status of a 5xx, or the name of what was thrown. */
  readonly errorType: string | undefined;
  readonly durationNanos: number;
  /** Who asked; undefined unless it is to be recorded. Bounded and without secrets already. */
  readonly client?: { readonly address: string | undefined; readonly userAgent: string | undefined } | undefined;
}

/**
 * Every line that is shipped is made here: the app's own, the access line, errors of requests and of the process. ECS
 * documents, redacted, with the IDs of the request they belong to. Nothing here throws for what an app logged.
 */
export class LogPipeline {
  private readonly options: LogPipelineOptions;
  private readonly documents: PinoDocumentOptions;
  private readonly staticFields: string;
  private readonly now: () => number;
  private readonly hidesPath: boolean;

  constructor(options: LogPipelineOptions) {
    this.options = options;
    this.staticFields = encodeStaticFields(options);
    this.now = options.now ?? Date.now;
    this.hidesPath = options.redactor.hides('url.path');
    this.documents = {
      redactor: options.redactor,
      limits: options.fieldLimits,
      staticFields: this.staticFields,
      now: this.now,
      machine: { pid: process.pid, hostname: hostname() },
    };
  }

  /** A finished line of the app's own pino: shipped at once. */
  pinoLine(line: string, details: PinoLineDetails): void {
    this.options.sink.log(this.translate(line, details), true);
  }

  /** A line that pino threw on, with the message it was given: what is known of it is shipped. */
  unserialisable(details: PinoLineDetails, message: unknown): void {
    this.note(details);
    this.options.sink.log(unserialisableDocument(details, message, currentIds(), this.documents), true);
  }

  /** The same as text, for `SIGHTLINE_LOGS=stdout`. Counts the line. */
  translate(line: string, details: PinoLineDetails): string {
    this.note(details);
    const ids = currentIds();
    try {
      return pinoDocument(line, details, ids, this.documents);
    } catch (error) {
      reportBug('log line', error);
      return unserialisableDocument(details, undefined, ids, this.documents);
    }
  }

  private note({ levelLabel, levelNumber, error }: PinoLineDetails): void {
    this.options.onLine(levelLabel);
    if (typeof error !== 'object' || error === null || !(levelNumber >= ERROR_LEVEL || ERROR_LABEL.test(levelLabel)))
      return;
    markErrorLogged(error);
    // Wrapped and logged is logged: the framework may get the inner one.
    for (const cause of causesOf(error)) if (typeof cause === 'object') markErrorLogged(cause as object);
  }

  /** One line per request: level `info`, `warn` when it was aborted, `error` for a 5xx. */
  accessLine(scope: RequestScope, end: RequestLineEnd): void {
    const { accessLog, sink, onLine } = this.options;
    const { statusCode } = end;
    // A failed call of gRPC is answered with 200.
    const bad = statusCode === undefined || statusCode >= 500 || end.errorType !== undefined;
    if (accessLog === 'off') return;
    if (accessLog !== 'on' && !bad && statusCode < 400 && !(accessLog === 'sampled' && isSampled(scope))) return;
    const level = statusCode === undefined ? 'warn' : bad ? 'error' : 'info';
    const path = this.pathOf(scope);
    const said = `${scope.method} ${path} ${statusCode ?? end.errorType ?? 'aborted'} ${Math.round(nanos(end) / NANOS_PER_MILLI)}ms`;
    sink.log(
      `${this.requestHead(level, said, scope, end, path)},"event.duration":${nanos(end)},"event.kind":"event","event.category":["web"],"event.type":["access"],"event.outcome":"${bad ? 'failure' : 'success'}"}`,
      false,
    );
    onLine(level);
  }

  /** An error that a framework turned into a 5xx and that the app has not logged itself. */
  errorLine(scope: RequestScope, error: unknown, end: RequestLineEnd): void {
    const { sink, onLine, redactor } = this.options;
    const fields = errorFields(error, redactor);
    const path = this.pathOf(scope);
    const route = scope.route ?? '';
    const handler = scope.handler ?? (route === '' ? scope.method : `${scope.method} ${route}`);
    const said = `${scope.method} ${route === '' ? path : route} failed: ${fields.message === '' ? fields.type : fields.message}`;
    sink.log(
      `${this.requestHead('error', said, scope, end, path)},"handler":${jsonString(handler)}${boundedError(fields)}}`,
      true,
    );
    onLine('error');
  }

  /** An error that nobody caught, written before the process dies. */
  fatalLine(error: unknown, kind: 'uncaughtException' | 'unhandledRejection', scope: RequestScope | undefined): void {
    const { sink, onLine, redactor } = this.options;
    const fields = errorFields(error, redactor);
    const ids = scope === undefined ? currentIds() : idsOf(scope);
    const words = kind === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
    let document = encodeHead(
      this.now(),
      'fatal',
      `${words}: ${fields.message === '' ? fields.type : fields.message}`,
      this.staticFields,
      ids,
    );
    document += `,"event.action":"${kind}"`;
    if (scope !== undefined)
      document += `,"http.request.method":"${scope.method}","url.path":${jsonString(this.pathOf(scope))}`;
    sink.log(`${document}${boundedError(fields)}}`, true);
    onLine('fatal');
  }

  private pathOf({ path }: RequestScope): string {
    return this.hidesPath ? REDACTED : this.options.redactor.url(path.slice(0, MAX_PATH));
  }

  private requestHead(level: string, message: string, scope: RequestScope, end: RequestLineEnd, path: string): string {
    let text = encodeHead(this.now(), level, message, this.staticFields, idsOf(scope));
    text += `,"http.request.id":${jsonString(scope.correlationId)},"http.request.method":"${scope.method}"`;
    if (end.statusCode !== undefined) text += `,"http.response.status_code":${end.statusCode}`;
    text += `,"url.path":${jsonString(path)}`;
    if (scope.route !== undefined && scope.route !== '') text += `,"http.route":${jsonString(scope.route)}`;
    if (end.client !== undefined) text += clientFields(end.client);
    if (scope.inboundCorrelationId !== undefined)
      text += `,"http.request.inbound_id":${jsonString(scope.inboundCorrelationId)}`;
    if (end.errorType !== undefined && end.statusCode === undefined)
      text += `,"error.type":${jsonString(end.errorType)}`;
    return text;
  }
}

function isSampled({ span }: RequestScope): boolean {
  return span !== undefined && (span.spanContext().traceFlags & FLAG_SAMPLED) !== 0;
}

/** ECS: the address as it is, and as `client.ip` where an index takes it as one (not with a zone, not the path of a socket). */
function clientFields({ address, userAgent }: NonNullable<RequestLineEnd['client']>): string {
  let text = '';
  if (address !== undefined) {
    text = `,"client.address":${jsonString(address)}`;
    if (isIP(address) !== 0 && !address.includes('%')) text += `,"client.ip":${jsonString(address)}`;
  }
  return userAgent === undefined ? text : `${text},"user_agent.original":${jsonString(userAgent)}`;
}

/** A whole number for a field of type long, whatever the clock did. */
function nanos({ durationNanos }: RequestLineEnd): number {
  return durationNanos > 0 && durationNanos <= Number.MAX_SAFE_INTEGER ? Math.round(durationNanos) : 0;
}

function boundedError(fields: ErrorFields): string {
  const text = encodeError(fields);
  if (text.length <= MAX_ERROR_TEXT) return text;
  return encodeError({
    ...fields,
    message: fields.message.slice(0, SHORT_TEXT),
    stack: fields.stack?.slice(0, SHORT_TEXT),
  });
}

function idsOf(scope: RequestScope): LineIds {
  return { traceId: scope.traceId, spanId: scope.spanId, correlationId: scope.correlationId };
}

const INVALID_TRACE_ID = '0'.repeat(32);
const NO_IDS: LineIds = { traceId: undefined, spanId: undefined, correlationId: undefined };

/** IDs of the running code: the innermost span, and the correlation ID, for which the trace ID serves. */
function currentIds(): LineIds {
  const { span, correlationId } = active();
  if (span === undefined) return correlationId === undefined ? NO_IDS : { ...NO_IDS, correlationId };
  const { traceId, spanId } = span.spanContext();
  // What the API gives where there is no trace.
  if (traceId === INVALID_TRACE_ID) return correlationId === undefined ? NO_IDS : { ...NO_IDS, correlationId };
  return { traceId, spanId, correlationId: correlationId ?? traceId };
}

/** Makes the pipeline of one observation. */
export function createLogPipeline(options: LogPipelineOptions): LogPipeline {
  return new LogPipeline(options);
}

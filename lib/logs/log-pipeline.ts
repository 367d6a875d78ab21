import { encodeHead, encodeStaticFields, type LineIds } from '../codec/ecs-log.ts';
import { jsonString } from '../codec/json-string.ts';
import { active } from '../context/context.ts';
import { markErrorLogged, type RequestScope } from '../context/request-scope.ts';
import type { Resource } from '../model/resource.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import { errorFields } from './error-fields.ts';
import { encodeError, pinoDocument, type PinoDocumentOptions, type PinoLineDetails } from './pino-document.ts';
import type { Redactor } from './redact.ts';

/** pino's number of level `error`; from here on a logged error counts as told. */
const ERROR_LEVEL = 50;
const NANOS_PER_MILLI = 1e6;

export interface LogPipelineOptions {
  readonly resource: Resource;
  /** `data_stream.dataset` and `event.dataset`. */
  readonly dataset: string;
  readonly namespace: string;
  readonly redactor: Redactor;
  readonly sink: Pick<TelemetrySink, 'log'>;
  /** Told the level of every line taken. */
  readonly onLine: (level: string) => void;
  readonly accessLog: 'on' | 'errors' | 'off';
  /** Milliseconds since the epoch; a parameter for tests. */
  readonly now?: () => number;
}

/** How a request ended. */
export interface RequestLineEnd {
  readonly statusCode: number | undefined;
  /** `aborted`, the status of a 5xx, or the name of what was thrown. */
  readonly errorType: string | undefined;
  readonly durationNanos: number;
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

  constructor(options: LogPipelineOptions) {
    this.options = options;
    this.staticFields = encodeStaticFields(options);
    this.now = options.now ?? Date.now;
    this.documents = { redactor: options.redactor, staticFields: this.staticFields, now: this.now };
  }

  /** A finished line of the app's own pino: shipped at once. */
  pinoLine(line: string, details: PinoLineDetails): void {
    this.options.sink.log(this.translate(line, details), true);
  }

  /** The same as text, for `SIGHTLINE_LOGS=stdout`. Counts the line. */
  translate(line: string, details: PinoLineDetails): string {
    this.options.onLine(details.levelLabel);
    if (details.levelNumber >= ERROR_LEVEL && typeof details.error === 'object' && details.error !== null) markErrorLogged(details.error);
    return pinoDocument(line, details, currentIds(), this.documents);
  }

  /** One line per request: level `info`, `warn` when it was aborted, `error` for a 5xx. */
  accessLine(scope: RequestScope, end: RequestLineEnd): void {
    const { accessLog, sink, onLine, redactor } = this.options;
    const { statusCode } = end;
    const bad = statusCode === undefined || statusCode >= 500;
    if (accessLog === 'off' || (accessLog === 'errors' && !bad && (statusCode ?? 0) < 400)) return;
    const level = statusCode === undefined ? 'warn' : statusCode >= 500 ? 'error' : 'info';
    const path = redactor.url(scope.path);
    const said = `${scope.method} ${path} ${statusCode ?? end.errorType ?? 'aborted'} ${Math.round(end.durationNanos / NANOS_PER_MILLI)}ms`;
    sink.log(`${this.requestHead(level, said, scope, end, path)},"event.duration":${end.durationNanos},"event.kind":"event","event.category":["web"],"event.type":["access"]}`, false);
    onLine(level);
  }

  /** An error that a framework turned into a 5xx and that the app has not logged itself. */
  errorLine(scope: RequestScope, error: unknown, end: RequestLineEnd): void {
    const { sink, onLine, redactor } = this.options;
    const fields = errorFields(error, redactor);
    const path = redactor.url(scope.path);
    const route = scope.route ?? '';
    const handler = scope.handler ?? (route === '' ? scope.method : `${scope.method} ${route}`);
    const said = `${scope.method} ${route === '' ? path : route} failed: ${fields.message === '' ? fields.type : fields.message}`;
    sink.log(`${this.requestHead('error', said, scope, end, path)},"handler":${jsonString(handler)}${encodeError(fields)}}`, true);
    onLine('error');
  }

  /** An error that nobody caught, written before the process dies. */
  fatalLine(error: unknown, kind: 'uncaughtException' | 'unhandledRejection', scope: RequestScope | undefined): void {
    const { sink, onLine, redactor } = this.options;
    const fields = errorFields(error, redactor);
    const ids = scope === undefined ? currentIds() : idsOf(scope);
    const words = kind === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
    let document = encodeHead(this.now(), 'fatal', `${words}: ${fields.message === '' ? fields.type : fields.message}`, this.staticFields, ids);
    document += `,"event.action":"${kind}"`;
    if (scope !== undefined) document += `,"http.request.method":"${scope.method}","url.path":${jsonString(redactor.url(scope.path))}`;
    sink.log(`${document}${encodeError(fields)}}`, true);
    onLine('fatal');
  }

  private requestHead(level: string, message: string, scope: RequestScope, end: RequestLineEnd, path: string): string {
    let text = encodeHead(this.now(), level, message, this.staticFields, idsOf(scope));
    text += `,"http.request.id":${jsonString(scope.correlationId)},"http.request.method":"${scope.method}"`;
    if (end.statusCode !== undefined) text += `,"http.response.status_code":${end.statusCode}`;
    text += `,"url.path":${jsonString(path)}`;
    if (scope.route !== undefined && scope.route !== '') text += `,"http.route":${jsonString(scope.route)}`;
    if (scope.inboundCorrelationId !== undefined) text += `,"http.request.inbound_id":${jsonString(scope.inboundCorrelationId)}`;
    if (end.errorType !== undefined && end.statusCode === undefined) text += `,"error.type":${jsonString(end.errorType)}`;
    return text;
  }
}

function idsOf(scope: RequestScope): LineIds {
  return { traceId: scope.traceId, spanId: scope.spanId, correlationId: scope.correlationId };
}

const NO_IDS: LineIds = { traceId: undefined, spanId: undefined, correlationId: undefined };

/** IDs of the running code: the innermost span, and the correlation ID, for which the trace ID serves. */
function currentIds(): LineIds {
  const { span, correlationId } = active();
  if (span === undefined) return correlationId === undefined ? NO_IDS : { ...NO_IDS, correlationId };
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId, correlationId: correlationId ?? traceId };
}

/** Makes the pipeline of one observation. */
export function createLogPipeline(options: LogPipelineOptions): LogPipeline {
  return new LogPipeline(options);
}

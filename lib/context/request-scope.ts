import type { Span } from '@opentelemetry/api';
import type { ObservationContext } from './context.ts';

/**
 * One inbound request while it is served: made by `instruments/http-server`, kept on the request object and in the
 * context, filled by the framework instruments, read once at the end.
 */
export interface RequestScope {
  readonly correlationId: string;
  /** The acceptable ID that came in while inbound IDs are not trusted: kept as a field of span and access line, never sent on. */
  readonly inboundCorrelationId: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  /** The server span; undefined for ignored paths. */
  readonly span: Span | undefined;
  /** Upper case; methods that the specifications do not know are `_OTHER`. */
  readonly method: string;
  /** Path without query, as it came. */
  readonly path: string;
  readonly startMicros: number;
  /** Monotonic milliseconds. */
  readonly startMillis: number;
  /** The context to re-enter for everything that belongs to this request. */
  context: ObservationContext;
  /**
   * Low-cardinality route pattern (`/orders/:id`) once a framework knows it. A framework whose pattern is only complete at the end of
   * the request sets `resolveRoute` instead.
   */
  route: string | undefined;
  resolveRoute: (() => string | undefined) | undefined;
  /** Name of the handler that failed or answered, when the framework has one. */
  handler: string | undefined;
  /** The first error that reached the framework's error handling or the process. */
  error: unknown;
  /** Set once finish, abort or a panic has closed the request: it is closed exactly once. */
  ended: boolean;
}

/** Errors that the app has logged itself: the error line of the request is then not written again. Weak: holds no error alive. */
const loggedErrors = new WeakSet<object>();

/** Notes that a log line of the app at level error or above carried this error. */
export function markErrorLogged(error: object): void {
  loggedErrors.add(error);
}

/** Whether the app has logged this error itself. */
export function wasErrorLogged(error: unknown): boolean {
  return typeof error === 'object' && error !== null && loggedErrors.has(error);
}

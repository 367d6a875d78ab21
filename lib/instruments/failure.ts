import type { Span } from '@opentelemetry/api';
import { StatusCode } from '../model/span.ts';
import { describeException } from '../traces/exception.ts';
import type { Redactor } from './dependencies.ts';

/**
 * Records an exception on a span (type, message, stack with causes) and makes the span failed. Text is cleaned here:
 * the message of an error may quote what the user sent. Never throws, whatever was thrown.
 */
export function recordFailure(span: Span, error: unknown, redactor: Redactor): void {
  const { type, message, stack } = describeException(error);
  const cleaned = message === undefined ? '' : redactor.text(message);
  span.recordException({
    name: type ?? (error === null ? 'null' : typeof error),
    message: cleaned,
    ...(stack !== undefined && { stack: redactor.text(stack) }),
  });
  span.setStatus({ code: StatusCode.ERROR, message: cleaned });
}

/** What frameworks are told when the client goes away: the connection's end, not a failure of the app. */
const CONNECTION_CODES: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
]);

/** Whether an error only says that the connection has ended. Never throws. */
export function isConnectionEnd(error: unknown): boolean {
  try {
    return CONNECTION_CODES.has((error as { code?: unknown } | null | undefined)?.code);
  } catch {
    return false;
  }
}

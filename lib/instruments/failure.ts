import { type Span, SpanStatusCode } from '@opentelemetry/api';
import type { Redactor } from './dependencies.ts';

/** Longest text of a thrown value that is no error. */
const MAX_TEXT = 1000;

function textOf(value: unknown): string {
  try {
    return String(value).slice(0, MAX_TEXT);
  } catch {
    return 'a value that cannot be shown';
  }
}

/**
 * Records an exception on a span (type, message, stack, cleaned) and sets its status. Never throws: errors of an app
 * may have getters that do.
 */
export function recordFailure(span: Span, error: unknown, redactor: Redactor): void {
  let name = 'Error';
  let message = '';
  let stack: string | undefined;
  try {
    if (error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)) {
      const known = error as { name?: unknown; message?: unknown; stack?: unknown; constructor?: { name?: unknown } };
      name = textOf(known.name === 'Error' || !known.name ? (known.constructor?.name ?? 'Error') : known.name);
      message = redactor.text(textOf(known.message));
      if (typeof known.stack === 'string') stack = redactor.text(known.stack);
    } else {
      name = error === null ? 'null' : typeof error;
      message = redactor.text(textOf(error));
    }
  } catch {
    message = 'an error that cannot be shown';
  }
  span.recordException(stack === undefined ? { name, message } : { name, message, stack });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

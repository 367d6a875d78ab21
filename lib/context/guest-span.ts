import type { Context, Span, SpanContext, TracerProvider } from '@opentelemetry/api';
import { NonRecordingSpan } from './non-recording-span.ts';
import { isTraceId } from './span-context.ts';

/** Where every copy of `@opentelemetry/api` 1.x keeps what is registered. */
const API_KEY = Symbol.for('opentelemetry.js.api.1');
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');

interface RegisteredApi {
  readonly trace?: TracerProvider;
  readonly context?: { active(): Context };
}

function api(): RegisteredApi | undefined {
  return (globalThis as { [API_KEY]?: RegisteredApi })[API_KEY];
}

/** The tracer provider that the API gives to everybody, whoever has registered it. */
export function registeredProvider(): TracerProvider | undefined {
  return api()?.trace;
}

/** The context of the span that another SDK holds active here. Never throws. */
export function foreignSpanContext(): SpanContext | undefined {
  try {
    const span = api()?.context?.active().getValue(SPAN_KEY) as Span | undefined;
    if (span === undefined || span instanceof GuestSpan) return undefined;
    const context = span.spanContext();
    return isTraceId(context.traceId) ? context : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Stands for the server span that another SDK makes of a request while ours makes none: has a context of its own until
 * the other span is found, and that one's from then on. Nobody looks before `open` was called at the start of the handler,
 * since a kept-alive connection may still hold the span of the request before.
 */
export class GuestSpan extends NonRecordingSpan {
  private isOpen = false;
  private found: SpanContext | undefined;

  /** The handler begins: from now on the active span is that of this request. */
  open(): void {
    this.isOpen = true;
  }

  override spanContext(): SpanContext {
    if (this.found === undefined && this.isOpen) this.found = foreignSpanContext();
    return this.found ?? super.spanContext();
  }
}

/**
 * What another HTTP instrumentation gets for the span of a request that ours makes already: carries the context that
 * its children belong to, and is neither recorded nor sent on.
 */
export class DuplicateSpan extends NonRecordingSpan {}

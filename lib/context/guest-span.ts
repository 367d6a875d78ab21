import type {
  Context,
  Exception,
  Link,
  Span,
  SpanAttributes,
  SpanContext,
  SpanStatus,
  TimeInput,
  TracerProvider,
} from '@opentelemetry/api';
import { NonRecordingSpan } from './non-recording-span.ts';
import { isTraceId } from './span-context.ts';

/** Where every copy of `@opentelemetry/api` 1.x keeps what is registered. */
export const API_KEY = Symbol.for('opentelemetry.js.api.1');
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
const CORRELATION_ATTRIBUTE = 'correlation.id';

interface RegisteredApi {
  readonly trace?: TracerProvider;
  readonly context?: {
    active(): Context;
    with(context: Context, body: () => unknown): unknown;
  };
}

function api(): RegisteredApi | undefined {
  return (globalThis as { [API_KEY]?: RegisteredApi })[API_KEY];
}

/** The tracer provider that the API gives to everybody, whoever has registered it. */
export function registeredProvider(): TracerProvider | undefined {
  return api()?.trace;
}

/** The span that another SDK holds active here, and its context. Never throws. */
function foreignSpan(): { readonly span: Span; readonly context: SpanContext } | undefined {
  try {
    const span = api()?.context?.active().getValue(SPAN_KEY) as Span | undefined;
    if (span === undefined || span instanceof GuestSpan) return undefined;
    const context = span.spanContext();
    return isTraceId(context.traceId) ? { span, context } : undefined;
  } catch {
    return undefined;
  }
}

/** The context of the span that another SDK holds active here. Never throws. */
export function foreignSpanContext(): SpanContext | undefined {
  return foreignSpan()?.context;
}

/** Runs `body` with `span` active in the context manager of the other SDK. */
function withForeignSpan<Result>(span: Span, body: () => Result): Result {
  const manager = api()?.context;
  if (manager === undefined) return body();
  return manager.with(manager.active().setValue(SPAN_KEY, span), body) as Result;
}

export interface GuestSpanOptions {
  /** Until the other span is found. */
  readonly context: SpanContext;
  /** Makes the span with the other SDK; undefined where it cannot. */
  readonly make: () => Span | undefined;
}

/**
 * Stands for the server span of a request while another SDK, which was there first, makes the spans. If that has an HTTP
 * instrumentation, the span is found at the start of the handler or later in it, and this one has its context from then on. If
 * it has none, the span is made with its tracer, and this one passes on what it is told.
 *
 * Nobody looks before `open` was called at the start of the handler, since a kept-alive connection may still hold the span of the
 * request before.
 */
export class GuestSpan extends NonRecordingSpan {
  private readonly make: () => Span | undefined;
  private isOpen = false;
  private id: string | undefined = undefined;
  private found: SpanContext | undefined = undefined;
  private made: Span | undefined = undefined;

  constructor({ context, make }: GuestSpanOptions) {
    super(context);
    this.make = make;
  }

  /**
   * The handler begins: from now on the active span is that of this request.
   *
   * @param correlationId of the request
   * @param mayComeLater whether somebody who makes it may come after us
   */
  open(correlationId: string, mayComeLater: boolean): void {
    this.isOpen = true;
    this.id = correlationId;
    this.find();
    if (this.found !== undefined || mayComeLater || this.made !== undefined) return;
    this.made = this.make();
    this.made?.setAttribute(CORRELATION_ATTRIBUTE, correlationId);
  }

  /** Runs `body` so that spans of the other SDK are below this one. */
  run<Result>(body: () => Result): Result {
    return this.made === undefined ? body() : withForeignSpan(this.made, body);
  }

  private find(): void {
    if (!this.isOpen || this.found !== undefined || this.made !== undefined) return;
    const other = foreignSpan();
    this.found = other?.context;
    // It was started before the request had its ID.
    if (this.id !== undefined) other?.span.setAttribute(CORRELATION_ATTRIBUTE, this.id);
  }

  override spanContext(): SpanContext {
    if (this.made !== undefined) return this.made.spanContext();
    this.find();
    return this.found ?? super.spanContext();
  }

  override setAttribute(key: string, value: any): this {
    this.made?.setAttribute(key, value);
    return this;
  }

  override setAttributes(attributes: SpanAttributes): this {
    this.made?.setAttributes(attributes);
    return this;
  }

  override addEvent(name: string, attributes?: SpanAttributes | TimeInput, time?: TimeInput): this {
    this.made?.addEvent(name, attributes, time);
    return this;
  }

  override addLink(link: Link): this {
    this.made?.addLink(link);
    return this;
  }

  override addLinks(links: Link[]): this {
    this.made?.addLinks(links);
    return this;
  }

  override setStatus(status: SpanStatus): this {
    this.made?.setStatus(status);
    return this;
  }

  override updateName(name: string): this {
    this.made?.updateName(name);
    return this;
  }

  override recordException(exception: Exception, time?: TimeInput): void {
    this.made?.recordException(exception, time);
  }

  override isRecording(): boolean {
    return this.made?.isRecording() ?? false;
  }

  override end(time?: TimeInput): void {
    this.made?.end(time);
  }

  /** Of the span that was made. */
  get name(): unknown {
    return (this.made as { name?: unknown } | undefined)?.name;
  }
}

/**
 * What another HTTP instrumentation gets for the span of a request that ours makes already: carries the context that
 * its children belong to, and is neither recorded nor sent on.
 */
export class DuplicateSpan extends NonRecordingSpan {}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Baggage, Context, Span } from '@opentelemetry/api';
import type { RequestScope } from './request-scope.ts';

/** The keys under which `@opentelemetry/api` 1.x keeps a span and baggage in a context: `createContextKey` is `Symbol.for`. */
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
const BAGGAGE_KEY = Symbol.for('OpenTelemetry Baggage Key');
/** Where OpenTelemetry's own packages note that what runs here must not be traced (`suppressTracing` of `@opentelemetry/core`). */
const SUPPRESS_KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
/** Where a sampling decision that came without IDs waits for the span that starts the trace. */
const DECISION_KEY = Symbol.for('sightline.sampling-decision');

/**
 * One immutable context: what `@opentelemetry/api` calls `Context`, with the four things of the hot path as plain
 * fields instead of map entries. `setValue` of the API's own keys lands in those fields.
 */
export class ObservationContext implements Context {
  readonly span: Span | undefined;
  readonly correlationId: string | undefined;
  readonly baggage: Baggage | undefined;
  /** The inbound request that this work belongs to. */
  readonly request: RequestScope | undefined;
  private readonly others: ReadonlyMap<symbol, unknown> | undefined;

  constructor(
    span: Span | undefined,
    correlationId: string | undefined,
    baggage: Baggage | undefined,
    request: RequestScope | undefined,
    others?: ReadonlyMap<symbol, unknown>,
  ) {
    this.span = span;
    this.correlationId = correlationId;
    this.baggage = baggage;
    this.request = request;
    this.others = others;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY) return this.span;
    if (key === BAGGAGE_KEY) return this.baggage;
    return this.others?.get(key);
  }

  setValue(key: symbol, value: unknown): ObservationContext {
    if (key === SPAN_KEY) return this.withSpan(value as Span);
    if (key === BAGGAGE_KEY) return this.withBaggage(value as Baggage);
    const others = new Map(this.others);
    others.set(key, value);
    return new ObservationContext(this.span, this.correlationId, this.baggage, this.request, others);
  }

  deleteValue(key: symbol): ObservationContext {
    if (key === SPAN_KEY) return this.withSpan(undefined);
    if (key === BAGGAGE_KEY) return this.withBaggage(undefined);
    if (!this.others?.has(key)) return this;
    const others = new Map(this.others);
    others.delete(key);
    return new ObservationContext(this.span, this.correlationId, this.baggage, this.request, others);
  }

  withSpan(span: Span | undefined): ObservationContext {
    return new ObservationContext(span, this.correlationId, this.baggage, this.request, this.others);
  }

  withCorrelationId(id: string): ObservationContext {
    return new ObservationContext(this.span, id, this.baggage, this.request, this.others);
  }

  withBaggage(baggage: Baggage | undefined): ObservationContext {
    return new ObservationContext(this.span, this.correlationId, baggage, this.request, this.others);
  }
}

/** The context outside every request. */
export const ROOT = new ObservationContext(undefined, undefined, undefined, undefined);

/** The one AsyncLocalStorage of the package: logs, metrics and traces meet here and nowhere else. */
const storage = new AsyncLocalStorage<ObservationContext>();

/** The context of the running code. */
export function active(): ObservationContext {
  return storage.getStore() ?? ROOT;
}

/** Runs `body` in `context`; what it starts inherits it. */
export function runIn<Result>(context: ObservationContext, body: () => Result): Result {
  return storage.run(context, body);
}

/** Runs `body.apply(thisArg, args)` in `context`, without a closure. */
export function applyIn<Result>(
  context: ObservationContext,
  body: (...args: any[]) => Result,
  thisArg: unknown,
  args: unknown[],
): Result {
  return storage.run(context, Reflect.apply as never, body, thisArg, args) as Result;
}

/** Makes `context` current for the rest of this synchronous execution and all that it starts. */
export function enter(context: ObservationContext): void {
  storage.enterWith(context);
}

/** Runs `body` outside every request and trace: for our own I/O. */
export function runOutside<Result>(body: () => Result): Result {
  return storage.run(ROOT, body);
}

/** Any `Context` of the API as one of ours: a foreign one (its `ROOT_CONTEXT`) is wrapped by copying what we know. */
export function toObservationContext(context: Context): ObservationContext {
  if (context instanceof ObservationContext) return context;
  const foreign = context as Context & { _currentContext?: Map<symbol, unknown> };
  const span = context.getValue(SPAN_KEY) as (Span & { readonly correlationId?: string | undefined }) | undefined;
  return new ObservationContext(
    span,
    // A span of ours remembers the ID it was started under: `trace.setSpan(ROOT_CONTEXT, span)` does not lose it.
    span?.correlationId,
    context.getValue(BAGGAGE_KEY) as Baggage | undefined,
    undefined,
    foreign._currentContext instanceof Map ? foreign._currentContext : undefined,
  );
}

/** Whether OpenTelemetry's own packages have asked that nothing be traced in this context. */
export function isTracingSuppressed(context: ObservationContext): boolean {
  return context.getValue(SUPPRESS_KEY) === true;
}

/** The same context without that wish. */
export function withoutSuppression(context: ObservationContext): ObservationContext {
  return context.deleteValue(SUPPRESS_KEY);
}

/** A sampling decision that came without IDs (B3). */
export interface SamplingDecision {
  readonly sampled: boolean;
  readonly debug: boolean;
}

/** The context in which the next new trace follows `decision`. */
export function withSamplingDecision(context: ObservationContext, decision: SamplingDecision): ObservationContext {
  return context.setValue(DECISION_KEY, decision);
}

/** The decision that a new trace in this context follows, if one came. */
export function samplingDecisionOf(context: ObservationContext): SamplingDecision | undefined {
  return context.getValue(DECISION_KEY) as SamplingDecision | undefined;
}

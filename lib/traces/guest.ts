import type { Attributes, Context, Span, SpanContext, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api';
import { active, applyIn, toObservationContext } from '../context/context.ts';
import { DuplicateSpan, foreignSpanContext, GuestSpan, registeredProvider } from '../context/guest-span.ts';
import { NonRecordingSpan, SUPPRESSED_SPAN } from '../context/non-recording-span.ts';
import { isTraceId, NO_SPAN_CONTEXT } from '../context/span-context.ts';
import { newSpanId, newTraceId } from '../core/ids.ts';
import { SpanKind } from '../model/span.ts';
import type { SpanStart, Tracing } from './tracing.ts';

const NOT_SAMPLED = 0;

/** Tracing that can leave the making of spans to another SDK. */
export interface YieldingTracing extends Tracing {
  /** From now on no span is made here: those of the registered provider are the ones that log lines and headers name. */
  stepBack(): void;
}

/** What is known of tracers that do again what our instruments do, or tell what these cannot see. */
export interface DuplicateRule {
  /** By the name of the tracer: whether its spans of this kind are made by ours already. */
  isDuplicate(scope: string, kind: SpanKind): boolean;
  /** Called for each span that is left out. */
  onDuplicate(scope: string): void;
  /** Who looks at all spans of this tracer. */
  watcher(scope: string): SpanWatcher | undefined;
}

/** Looks at the spans of a framework that makes its own: they tell the route and the error. Must not throw. */
export interface SpanWatcher {
  /** What a span is started with, or given later. */
  described(attributes: Attributes | undefined): void;
  failed(error: unknown): void;
}

type SpanBody = (span: Span) => unknown;

/**
 * A tracer whose server or client spans our own instruments make already. For these it gives a stand-in with the context
 * of the request, once that is known, else of whatever is around; what it does beside HTTP is kept.
 */
class DuplicateTracer implements Tracer {
  private readonly own: Tracer;
  private readonly scope: string;
  private readonly rule: DuplicateRule;
  private readonly watcher: SpanWatcher | undefined;

  constructor(own: Tracer, scope: string, rule: DuplicateRule) {
    this.own = own;
    this.scope = scope;
    this.rule = rule;
    this.watcher = rule.watcher(scope);
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    this.watcher?.described(options?.attributes);
    const kind: number | undefined = options?.kind;
    if ((kind !== SpanKind.SERVER && kind !== SpanKind.CLIENT) || !this.rule.isDuplicate(this.scope, kind)) {
      const span = this.own.startSpan(name, options, context);
      return this.watcher === undefined ? span : watched(span, this.watcher);
    }
    this.rule.onDuplicate(this.scope);
    const given = context === undefined ? active() : toObservationContext(context);
    const around = kind === SpanKind.SERVER ? (active().request?.span ?? given.span) : given.span;
    const standIn = new DuplicateSpan(around?.spanContext() ?? NO_SPAN_CONTEXT, given.correlationId);
    // A call that failed is the app's to judge; a handler that failed has failed the request.
    return this.watcher === undefined || kind === SpanKind.CLIENT ? standIn : watched(standIn, this.watcher);
  }

  startActiveSpan<Fn extends SpanBody>(name: string, fn: Fn): ReturnType<Fn>;
  startActiveSpan<Fn extends SpanBody>(name: string, options: SpanOptions, fn: Fn): ReturnType<Fn>;
  startActiveSpan<Fn extends SpanBody>(name: string, options: SpanOptions, context: Context, fn: Fn): ReturnType<Fn>;
  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const fn = rest.at(-1);
    if (typeof fn !== 'function') return undefined;
    const options = rest.length > 1 ? (rest[0] as SpanOptions | undefined) : undefined;
    const given = rest.length > 2 ? (rest[1] as Context | undefined) : undefined;
    const context = given === undefined || given === null ? active() : toObservationContext(given);
    const span = this.startSpan(name, options, context);
    return applyIn(context.withSpan(span), fn as SpanBody, undefined, [span]);
  }
}

/** The same span, which tells of what is put onto it. */
function watched(span: Span, watcher: SpanWatcher): Span {
  // Shared by everybody.
  if (span === SUPPRESSED_SPAN) return span;
  const { recordException, setAttributes } = span;
  span.recordException = (...args) => {
    watcher.failed(args[0]);
    Reflect.apply(recordException, span, args);
  };
  span.setAttributes = (attributes) => {
    watcher.described(attributes);
    return Reflect.apply(setAttributes, span, [attributes]) as Span;
  };
  return span;
}

function isSpecial(scope: string, rule: DuplicateRule): boolean {
  return (
    rule.isDuplicate(scope, SpanKind.SERVER) ||
    rule.isDuplicate(scope, SpanKind.CLIENT) ||
    rule.watcher(scope) !== undefined
  );
}

class GuestTracing implements YieldingTracing {
  readonly provider: TracerProvider;
  private readonly own: Tracing;
  private isGuest = false;

  constructor(own: Tracing, rule: DuplicateRule) {
    this.own = own;
    this.provider = {
      getTracer: (name, version, options) => {
        const provider = (this.isGuest ? registeredProvider() : undefined) ?? own.provider;
        const tracer = provider.getTracer(name, version, options);
        if (this.isGuest || !isSpecial(name, rule)) return tracer;
        return new DuplicateTracer(tracer, name, rule);
      },
    };
  }

  stepBack(): void {
    this.isGuest = true;
  }

  start(name: string, kind: SpanKind, parent: SpanContext | undefined, start?: SpanStart): Span {
    if (!this.isGuest) return this.own.start(name, kind, parent, start);
    if (kind === SpanKind.SERVER) {
      const traceId = isTraceId(parent?.traceId) ? parent.traceId : newTraceId();
      return new GuestSpan({ traceId, spanId: newSpanId(), traceFlags: parent?.traceFlags ?? NOT_SAMPLED });
    }
    // The other SDK's span is the parent downstream: there is none of ours between.
    const context = foreignSpanContext() ?? parent;
    return new NonRecordingSpan(context ?? { traceId: newTraceId(), spanId: newSpanId(), traceFlags: NOT_SAMPLED });
  }
}

/** `own`, until it is told to step back (docs/rationale.md, "What happens beside another observer?"). */
export function createYieldingTracing(own: Tracing, rule: DuplicateRule): YieldingTracing {
  return new GuestTracing(own, rule);
}

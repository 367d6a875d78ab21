import type { Attributes, Context, Span, SpanContext, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api';
import { active, applyIn, toObservationContext } from '../context/context.ts';
import { DuplicateSpan, foreignSpanContext, GuestSpan, registeredProvider } from '../context/guest-span.ts';
import { NonRecordingSpan, SUPPRESSED_SPAN } from '../context/non-recording-span.ts';
import { isTraceId, NO_SPAN_CONTEXT } from '../context/span-context.ts';
import { newSpanId, newTraceId } from '../core/ids.ts';
import { SpanKind } from '../model/span.ts';
import { startThrough, type ThroughStart } from './start-through.ts';
import { OWN_SCOPE_NAME, type SpanStart, type Tracing } from './tracing.ts';

const NOT_SAMPLED = 0;

/**
 * Tracing that leaves the making of spans to another SDK.
 * - Registered before us (`stepBack`): it keeps the API, and its own HTTP instrumentation if it has one.
 * - Registered after us (`follow`): the API stays ours, and every span, also those of our instruments, is made by it.
 */
export interface YieldingTracing extends Tracing {
  /** From now on no span is made here: those of the registered provider are the ones that log lines and headers name. */
  stepBack(): void;
  /** From now on `host` makes the spans. */
  follow(host: TracerProvider): void;
  /** From now on spans are made here again, if `host` made them. */
  lead(host: TracerProvider): void;
  /** Whether HTTP spans of the other SDK's instrumentations stand for ours. */
  readonly isGuest: boolean;
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

/** Makes each span with whoever makes them at that moment: tracers are taken long before an SDK starts. */
class SwitchingTracer implements Tracer {
  private readonly tracerOf: (maker: TracerProvider) => Tracer;
  private readonly currentMaker: () => TracerProvider;
  private maker: TracerProvider | undefined = undefined;
  private tracer: Tracer | undefined = undefined;

  constructor(currentMaker: () => TracerProvider, tracerOf: (maker: TracerProvider) => Tracer) {
    this.currentMaker = currentMaker;
    this.tracerOf = tracerOf;
  }

  private current(): Tracer {
    const maker = this.currentMaker();
    if (this.tracer === undefined || maker !== this.maker) {
      this.maker = maker;
      this.tracer = this.tracerOf(maker);
    }
    return this.tracer;
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    return this.current().startSpan(name, options, context);
  }

  startActiveSpan(...args: unknown[]): any {
    const tracer = this.current();
    return Reflect.apply(tracer.startActiveSpan as (...args: unknown[]) => unknown, tracer, args);
  }
}

class GuestTracing implements YieldingTracing {
  readonly provider: TracerProvider;
  private readonly own: Tracing;
  private guest = false;
  /** Of a guest: whether the other SDK has shown that it makes no HTTP spans. */
  private makesHttp = false;
  private host: TracerProvider | undefined = undefined;
  private hostTracer: Tracer | undefined = undefined;

  constructor(own: Tracing, rule: DuplicateRule) {
    this.own = own;
    const currentMaker = () => this.currentMaker();
    this.provider = {
      getTracer: (name, version, options) =>
        new SwitchingTracer(currentMaker, (maker) => {
          const tracer = maker.getTracer(name, version, options);
          return this.guest || !isSpecial(name, rule) ? tracer : new DuplicateTracer(tracer, name, rule);
        }),
    };
  }

  get isGuest(): boolean {
    return this.guest;
  }

  stepBack(): void {
    this.guest = true;
  }

  follow(host: TracerProvider): void {
    this.host = host;
    this.hostTracer = host.getTracer(OWN_SCOPE_NAME);
  }

  lead(host: TracerProvider): void {
    if (this.host !== host) return;
    this.host = undefined;
    this.hostTracer = undefined;
  }

  private currentMaker(): TracerProvider {
    return (this.guest ? registeredProvider() : this.host) ?? this.own.provider;
  }

  start(name: string, kind: SpanKind, parent: SpanContext | undefined, start?: SpanStart): Span {
    if (this.hostTracer !== undefined) return startThrough(this.hostTracer, { name, kind, parent, start });
    if (!this.guest) return this.own.start(name, kind, parent, start);
    if (kind === SpanKind.SERVER) return this.guestSpan({ name, kind, parent, start });
    // Of our instruments, which make HTTP spans here only where the other SDK makes none.
    if (this.makesHttp) {
      const tracer = registeredProvider()?.getTracer(OWN_SCOPE_NAME);
      if (tracer !== undefined)
        return startThrough(tracer, { name, kind, parent: foreignSpanContext() ?? parent, start });
    }
    // The other SDK's span is the parent downstream: there is none of ours between.
    const context = foreignSpanContext() ?? parent;
    return new NonRecordingSpan(context ?? { traceId: newTraceId(), spanId: newSpanId(), traceFlags: NOT_SAMPLED });
  }

  private guestSpan(start: ThroughStart): GuestSpan {
    const { parent } = start;
    const traceId = isTraceId(parent?.traceId) ? parent.traceId : newTraceId();
    return new GuestSpan({
      context: { traceId, spanId: newSpanId(), traceFlags: parent?.traceFlags ?? NOT_SAMPLED },
      make: () => {
        this.makesHttp = true;
        const tracer = registeredProvider()?.getTracer(OWN_SCOPE_NAME);
        return tracer === undefined ? undefined : startThrough(tracer, start);
      },
    });
  }
}

/** `own`, until it is told to leave the spans to another SDK (docs/neighbours.md). */
export function createYieldingTracing(own: Tracing, rule: DuplicateRule): YieldingTracing {
  return new GuestTracing(own, rule);
}

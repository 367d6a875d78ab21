import type { Context, Span, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api';
import { active, applyIn, toObservationContext } from '../context/context.ts';
import type { InstrumentationScope } from './span.ts';

/** What a tracer asks of the engine. */
export interface SpanFactory {
  startFor(scope: InstrumentationScope, name: string, options: SpanOptions | undefined, context: Context): Span;
}

type SpanBody = (span: Span) => unknown;

/** A tracer of `@opentelemetry/api` over the engine. */
export class ObservationTracer implements Tracer {
  private readonly factory: SpanFactory;
  private readonly scope: InstrumentationScope;

  constructor(factory: SpanFactory, scope: InstrumentationScope) {
    this.factory = factory;
    this.scope = scope;
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    return this.factory.startFor(this.scope, name, options ?? undefined, context ?? active());
  }

  startActiveSpan<Fn extends SpanBody>(name: string, fn: Fn): ReturnType<Fn>;
  startActiveSpan<Fn extends SpanBody>(name: string, options: SpanOptions, fn: Fn): ReturnType<Fn>;
  startActiveSpan<Fn extends SpanBody>(name: string, options: SpanOptions, context: Context, fn: Fn): ReturnType<Fn>;
  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const fn = rest.at(-1);
    // As the stock tracer: without a function there is nothing to do.
    if (typeof fn !== 'function') return undefined;
    const options = rest.length > 1 ? (rest[0] as SpanOptions | undefined) : undefined;
    const given = rest.length > 2 ? (rest[1] as Context | undefined) : undefined;
    const context = given === undefined || given === null ? active() : toObservationContext(given);
    const span = this.factory.startFor(this.scope, name, options ?? undefined, context);
    return applyIn(context.withSpan(span), fn as SpanBody, undefined, [span]);
  }
}

/** Tracers that are remembered; a library that invents a name per call gets a new one each time. */
const MAX_TRACERS = 1000;

/** The tracer provider that becomes global in `@opentelemetry/api`. */
export class ObservationTracerProvider implements TracerProvider {
  private readonly factory: SpanFactory;
  private readonly tracers = new Map<string, ObservationTracer>();

  constructor(factory: SpanFactory) {
    this.factory = factory;
  }

  getTracer(name: string, version?: string): ObservationTracer {
    const scope = { name: typeof name === 'string' ? name : '', version: typeof version === 'string' ? version : '' };
    const key = `${scope.name}\n${scope.version}`;
    const known = this.tracers.get(key);
    if (known !== undefined) return known;
    const tracer = new ObservationTracer(this.factory, Object.freeze(scope));
    if (this.tracers.size < MAX_TRACERS) this.tracers.set(key, tracer);
    return tracer;
  }
}

import type { Context, Span, SpanContext, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api';
import { active, toObservationContext } from '../context/context.ts';
import { DuplicateSpan, foreignSpanContext, GuestSpan, registeredProvider } from '../context/guest-span.ts';
import { NonRecordingSpan } from '../context/non-recording-span.ts';
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

/** Which instrumentations do again what ours do. */
export interface DuplicateRule {
  /** By the name of the tracer. */
  isDuplicate(scope: string): boolean;
  /** Called for each span that is left out. */
  onDuplicate(scope: string): void;
}

/**
 * The tracer of an instrumentation whose server and client spans our own instruments make already. It gets a stand-in
 * with the context of the request, once that is known, else of whatever is around; what it does beside HTTP is kept.
 */
class DuplicateTracer implements Tracer {
  readonly startActiveSpan: Tracer['startActiveSpan'];
  private readonly own: Tracer;
  private readonly onDuplicate: () => void;

  constructor(own: Tracer, onDuplicate: () => void) {
    this.own = own;
    this.onDuplicate = onDuplicate;
    this.startActiveSpan = own.startActiveSpan.bind(own) as Tracer['startActiveSpan'];
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    const kind: number | undefined = options?.kind;
    if (kind !== SpanKind.SERVER && kind !== SpanKind.CLIENT) return this.own.startSpan(name, options, context);
    this.onDuplicate();
    const given = context === undefined ? active() : toObservationContext(context);
    const around = active().request?.span ?? given.span;
    return new DuplicateSpan(around?.spanContext() ?? NO_SPAN_CONTEXT, given.correlationId);
  }
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
        return !this.isGuest && rule.isDuplicate(name)
          ? new DuplicateTracer(tracer, () => rule.onDuplicate(name))
          : tracer;
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

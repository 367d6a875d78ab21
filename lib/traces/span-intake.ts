import type { Context, Span } from '@opentelemetry/api';
import { active, toObservationContext } from '../context/context.ts';
import { correlationIdOf } from '../context/correlation.ts';
import { FLAG_SAMPLED } from '../context/span-context.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type SpanData, SpanKind } from '../model/span.ts';
import { type ForeignSpan, toSpanData } from './foreign-span.ts';
import type { DuplicateRule } from './guest.ts';
import type { SpanLimits } from './limits.ts';
import type { SightlineSpanProcessor, SpanIntake } from './span-processor.ts';

/** Spans left out whose children are still to come: beyond it the oldest is forgotten, and its children name a parent that is not there. */
const MAX_LEFT_OUT = 1000;
const CORRELATION_ATTRIBUTE = 'correlation.id';

export interface IntakeOptions {
  /** Takes each sampled span, once. */
  readonly take: (span: SpanData) => void;
  readonly limits: SpanLimits;
  /** HTTP spans that our own instruments make as well, in this moment. */
  readonly duplicates: Pick<DuplicateRule, 'isDuplicate' | 'onDuplicate'>;
  readonly onLeft: (processor: SightlineSpanProcessor) => void;
  readonly flush: () => Promise<void>;
  readonly clock?: Clock;
}

function scopeOf(span: Partial<ForeignSpan>): string {
  return (span.instrumentationScope ?? span.instrumentationLibrary)?.name ?? '';
}

/** What the span processors of ours in other SDKs hand over. */
class Intake implements SpanIntake {
  private readonly options: IntakeOptions;
  private readonly limits: SpanLimits;
  private readonly clock: Clock;
  /** Two processors of ours may see one span. Weak: holds no span alive. */
  private readonly taken = new WeakSet<object>();
  /** By span ID of a span left out: the span of ours that stands for it. */
  private readonly standIns = new Map<string, string>();

  constructor(options: IntakeOptions) {
    this.options = options;
    this.limits = options.limits;
    this.clock = options.clock ?? systemClock;
  }

  started(span: Span & Partial<ForeignSpan>, parentContext: Context): void {
    const context = toObservationContext(parentContext);
    // Where the other SDK has a context manager of its own, only ours knows the request.
    const id = context.correlationId ?? correlationIdOf(active());
    if (id !== undefined && span.attributes?.[CORRELATION_ATTRIBUTE] === undefined)
      span.setAttribute(CORRELATION_ATTRIBUTE, id);
    if (this.isDuplicate(span)) this.leaveOut(span);
  }

  ended(span: ForeignSpan): void {
    if (this.taken.has(span)) return;
    this.taken.add(span);
    if ((span.spanContext().traceFlags & FLAG_SAMPLED) === 0) return;
    if (this.isDuplicate(span)) {
      this.options.duplicates.onDuplicate(scopeOf(span));
      return;
    }
    const parentId = span.parentSpanContext?.spanId ?? span.parentSpanId;
    const parentSpanId = parentId === undefined ? undefined : this.standIns.get(parentId);
    const data = toSpanData(span, { limits: this.limits, clock: this.clock, parentSpanId });
    if (data !== undefined) this.options.take(data);
  }

  left(processor: SightlineSpanProcessor): void {
    this.options.onLeft(processor);
  }

  flush(): Promise<void> {
    return this.options.flush();
  }

  private isDuplicate(span: Partial<ForeignSpan>): boolean {
    const { kind } = span;
    if (kind !== SpanKind.SERVER && kind !== SpanKind.CLIENT) return false;
    return this.options.duplicates.isDuplicate(scopeOf(span), kind);
  }

  private leaveOut(span: Span): void {
    const { traceId, spanId } = span.spanContext();
    const own = (active().request?.span ?? active().span)?.spanContext();
    // A parent in another trace would be none.
    if (own === undefined || own.traceId !== traceId) return;
    this.standIns.set(spanId, own.spanId);
    if (this.standIns.size > MAX_LEFT_OUT) this.standIns.delete(this.standIns.keys().next().value ?? '');
  }
}

/** The intake of an observation; `openIntake` makes it that of the process. */
export function createIntake(options: IntakeOptions): SpanIntake {
  return new Intake(options);
}

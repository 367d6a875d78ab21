import type { Context, Span, SpanContext } from '@opentelemetry/api';
import { samplingDecisionOf, toObservationContext } from '../../context/context.ts';
import { decisionOnly, FLAG_SAMPLED, TraceSpanContext, toTraceSpanContext } from '../../context/span-context.ts';
import { reportBug } from '../../core/fence.ts';
import { type KeepPolicy, SpanFamily, type Waiting } from '../../traces/keep.ts';
import type { SpanLimits } from '../../traces/limits.ts';
import type { SpanRedactor } from '../../traces/redacted-span.ts';
import type { RequestTarget } from '../../traces/route-rules.ts';
import type { Sampler } from '../../traces/sampler.ts';
import { TARGET_KEY } from '../../traces/start-through.ts';
import type { Outcomes } from '../outcomes.ts';
import { asSampled, redactStockSpan, type StockSpan, type WaitingStockSpan, waiting } from './stock-span.ts';

/** The rules of tracing, the same as those of our own engine. */
export interface StockTracingRules {
  readonly sampler: Sampler;
  readonly limits: SpanLimits;
  readonly keep: KeepPolicy | undefined;
  readonly redactor: SpanRedactor;
}

/** `SamplingDecision` of the API, which has it as an enum. */
const NOT_RECORD = 0;
const RECORD = 1;
const RECORD_AND_SAMPLED = 2;

/** Our sampler as the stock SDK asks one. What is not sampled and may still be kept is recorded. */
export function stockSampler({ sampler, keep }: StockTracingRules): object {
  return {
    shouldSample(context: Context, traceId: string): { decision: number } {
      const own = toObservationContext(context);
      const decision = own.span === undefined ? samplingDecisionOf(own) : undefined;
      const given = decision === undefined ? own.span?.spanContext() : decisionOnly(decision.sampled, decision.debug);
      const decider = toTraceSpanContext(given) ?? (given instanceof TraceSpanContext ? given : undefined);
      const target = context.getValue(TARGET_KEY) as RequestTarget | undefined;
      const sampled = decider?.sampling === 'debug' || sampler.shouldSample(decider, traceId, target);
      if (sampled) return { decision: RECORD_AND_SAMPLED };
      return { decision: keep === undefined ? NOT_RECORD : RECORD };
    },
    toString: () => sampler.toString(),
  };
}

/** What is used of the stock `BatchSpanProcessor`. */
export interface StockBatch {
  onEnd(span: StockSpan): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Stands before the stock processor: gives each span the correlation ID of the context that it starts in, as our engine does;
 * hands on what is sampled or kept, without secrets; counts it.
 */
export class StockProcessor {
  private readonly batch: StockBatch | undefined;
  private readonly rules: StockTracingRules;
  private readonly outcomes: Outcomes;
  private readonly waiting: Waiting = { count: 0 };
  /** By the context object of a span, which its children start with. */
  private readonly families = new WeakMap<SpanContext, SpanFamily<WaitingStockSpan>>();

  /** @param batch undefined: spans go nowhere */
  constructor(batch: StockBatch | undefined, rules: StockTracingRules, outcomes: Outcomes) {
    this.batch = batch;
    this.rules = rules;
    this.outcomes = outcomes;
  }

  onStart(span: Span, context: Context): void {
    const own = toObservationContext(context);
    if (own.correlationId !== undefined) span.setAttribute('correlation.id', own.correlationId);
    const { keep } = this.rules;
    const spanContext = span.spanContext();
    if (keep === undefined || (spanContext.traceFlags & FLAG_SAMPLED) !== 0) return;
    const parent = own.span?.spanContext();
    const inherited = parent === undefined ? undefined : this.families.get(parent);
    const family = inherited ?? new SpanFamily<WaitingStockSpan>(keep, this.waiting);
    family.join(spanContext.spanId);
    this.families.set(spanContext, family);
  }

  onEnd(span: StockSpan): void {
    if (this.batch === undefined) return;
    const context = span.spanContext();
    if ((context.traceFlags & FLAG_SAMPLED) !== 0) this.send(span);
    else this.families.get(context)?.ended(waiting(span), (kept) => this.send(asSampled(kept.span)));
  }

  /** A sampled span that was not made here. */
  take(span: StockSpan): void {
    if (this.batch !== undefined) this.send(span);
  }

  private send(span: StockSpan): void {
    this.outcomes.accept();
    try {
      this.batch?.onEnd(redactStockSpan(span, this.rules.redactor));
    } catch (error) {
      reportBug('span end', error);
      this.outcomes.drop('internal', 1);
    }
  }

  async forceFlush(): Promise<void> {
    await this.batch?.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.batch?.shutdown();
  }
}

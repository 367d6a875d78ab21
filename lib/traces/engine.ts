import type { Context, Span, SpanContext, SpanOptions, TracerProvider } from '@opentelemetry/api';
import {
  active,
  isTracingSuppressed,
  type ObservationContext,
  samplingDecisionOf,
  toObservationContext,
} from '../context/context.ts';
import { NonRecordingSpan, SUPPRESSED_SPAN } from '../context/non-recording-span.ts';
import {
  decisionOnly,
  FLAG_RANDOM,
  FLAG_SAMPLED,
  TraceSpanContext,
  toTraceSpanContext,
} from '../context/span-context.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { reportBug } from '../core/fence.ts';
import { newSpanId, newTraceId } from '../core/ids.ts';
import { type SpanData, SpanKind } from '../model/span.ts';
import { nameOf } from './attributes.ts';
import { type KeepPolicy, SpanFamily, type Waiting } from './keep.ts';
import { createLimits, type SpanLimits } from './limits.ts';
import type { RequestTarget } from './route-rules.ts';
import type { Sampler } from './sampler.ts';
import { type InstrumentationScope, LocalSpanContext, RecordingSpan, type SpanHost } from './span.ts';
import { ObservationTracerProvider, type SpanFactory } from './tracer.ts';
import { OWN_SCOPE_NAME, type SpanStart, type Tracing } from './tracing.ts';

export interface EngineOptions {
  readonly sampler: Sampler;
  readonly limits?: Partial<SpanLimits>;
  /** Takes every span that is to be sent, once, when it has ended. What it throws is reported as a bug of ours. */
  readonly onEnd: (span: SpanData) => void;
  /** Unsampled requests are recorded in memory and still sent when they failed or were slow. */
  readonly keep?: KeepPolicy | undefined;
  readonly clock?: Clock;
}

const KINDS: ReadonlySet<unknown> = new Set(Object.values(SpanKind));
const OWN_SCOPE: InstrumentationScope = Object.freeze({ name: OWN_SCOPE_NAME, version: '' });
const NO_DETAILS: SpanStart = Object.freeze({});

class Engine implements Tracing, SpanHost, SpanFactory {
  readonly provider: TracerProvider;
  readonly clock: Clock;
  readonly limits: SpanLimits;
  private readonly sampler: Sampler;
  private readonly onEnd: (span: SpanData) => void;
  private readonly keep: KeepPolicy | undefined;
  private readonly waiting: Waiting = { count: 0 };
  private readonly emit: (span: SpanData) => void;

  constructor(options: EngineOptions) {
    this.sampler = options.sampler;
    this.onEnd = options.onEnd;
    this.keep = options.keep;
    this.clock = options.clock ?? systemClock;
    this.limits = createLimits(options.limits);
    this.provider = new ObservationTracerProvider(this);
    this.emit = (span) => this.send(span);
  }

  start(
    name: string,
    kind: SpanKind,
    parent: SpanContext | undefined,
    { links, target }: SpanStart = NO_DETAILS,
  ): Span {
    const context = active();
    // A server's requests come from outside; the suppression that its socket may have inherited is about somebody else's work.
    if (kind !== SpanKind.SERVER && isTracingSuppressed(context)) return SUPPRESSED_SPAN;
    const span = this.create(OWN_SCOPE, name, kind, parent, context.correlationId, target);
    if (links !== undefined) span.addLinks(links);
    return span;
  }

  startFor(scope: InstrumentationScope, name: string, given: SpanOptions | undefined, context: Context): Span {
    const options = readable(given);
    const own = toObservationContext(context);
    if (isTracingSuppressed(own)) return SUPPRESSED_SPAN;
    const span = this.create(scope, nameOf(name), kindOf(options), parentIn(own, options), own.correlationId);
    if (options === undefined || !(span instanceof RecordingSpan)) return span;
    const { startTime, attributes, links } = options;
    if (startTime !== undefined) span.startedAt(startTime);
    if (attributes !== undefined) span.setAttributes(attributes);
    if (links !== undefined) span.addLinks(links);
    return span;
  }

  private create(
    scope: InstrumentationScope,
    name: string,
    kind: SpanKind,
    given: SpanContext | undefined,
    correlationId: string | undefined,
    target?: RequestTarget,
  ): RecordingSpan | NonRecordingSpan {
    const parent = toTraceSpanContext(given);
    // A decision that came without IDs is no parent, but the sampler must see it.
    const decider = parent ?? (given instanceof TraceSpanContext ? given : undefined);
    const traceId = parent === undefined ? newTraceId() : parent.traceId;
    const debug = decider?.sampling === 'debug';
    const sampled = debug || this.sampler.shouldSample(decider, traceId, target);
    // The random flag belongs to the trace ID: ours are random, an inherited one is what its maker said.
    const random = parent === undefined ? FLAG_RANDOM : parent.traceFlags & FLAG_RANDOM;
    const onTrial = !sampled && this.keep !== undefined;
    const context = new LocalSpanContext(
      {
        traceId,
        spanId: newSpanId(),
        traceFlags: sampled ? random | FLAG_SAMPLED : random,
        isRemote: false,
        traceState: parent?.traceState,
        sampling: debug ? 'debug' : 'decided',
      },
      onTrial ? this.familyOf(parent) : undefined,
    );
    if (!sampled && !onTrial) return new NonRecordingSpan(context, correlationId);
    return new RecordingSpan(this, context, parent?.spanId, name, kind, scope, correlationId);
  }

  /** The family of a parent in this process, or a new one, whose head the span then is. */
  private familyOf(parent: TraceSpanContext | undefined): SpanFamily {
    const inherited = parent instanceof LocalSpanContext ? parent.family : undefined;
    return inherited ?? new SpanFamily(this.keep!, this.waiting);
  }

  ended(span: RecordingSpan): void {
    const { family, traceFlags } = span.localContext();
    if ((traceFlags & FLAG_SAMPLED) !== 0) this.send(span);
    else family?.ended(span, this.emit);
  }

  private send(span: SpanData): void {
    try {
      this.onEnd(span);
    } catch (error) {
      reportBug('span end', error);
    }
  }
}

/** Options as they were given; none when looking at them throws. */
function readable(options: SpanOptions | undefined): SpanOptions | undefined {
  if (options === undefined) return undefined;
  try {
    const { kind, root, startTime, attributes, links } = options;
    return { kind, root, startTime, attributes, links } as SpanOptions;
  } catch {
    return undefined;
  }
}

function kindOf(options: SpanOptions | undefined): SpanKind {
  const kind: unknown = options?.kind;
  return KINDS.has(kind) ? (kind as SpanKind) : SpanKind.INTERNAL;
}

function parentIn(context: ObservationContext, options: SpanOptions | undefined): SpanContext | undefined {
  const parent = options?.root === true ? undefined : context.span?.spanContext();
  if (parent !== undefined) return parent;
  const decision = options?.root === true ? undefined : samplingDecisionOf(context);
  return decision === undefined ? undefined : decisionOnly(decision.sampled, decision.debug);
}

/** Our lean tracing engine behind the `@opentelemetry/api`: what is sampled is handed to `onEnd` once, when it has ended. */
export function createEngine(options: EngineOptions): Tracing {
  return new Engine(options);
}

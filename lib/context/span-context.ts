import type { SpanContext, TraceState } from '@opentelemetry/api';

/** Trace flag: the trace is sampled (W3C Trace Context level 2, "Sampled flag"). */
export const FLAG_SAMPLED = 0x01;
/** Trace flag: at least the right-most 7 bytes of the trace ID are random (level 2, "Random Trace ID Flag"). */
export const FLAG_RANDOM = 0x02;
/** The flags that the specification defines; all others are sent as zero ("Other Flags"). */
export const KNOWN_FLAGS = FLAG_SAMPLED | FLAG_RANDOM;

/** An invalid trace ID, and what stands for "none" where the API wants one. */
export const NO_TRACE_ID = '0'.repeat(32);
/** An invalid span ID, likewise. */
export const NO_SPAN_ID = '0'.repeat(16);

/** `1` at the code of every lower-case hex digit; codes beyond the table read as undefined, which is no digit either. */
const HEX = new Uint8Array(256);
for (const digit of '0123456789abcdef') HEX[digit.charCodeAt(0)] = 1;

/** Whether all characters in `[start, end)` are lower-case hex digits. */
export function isHex(value: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    if (HEX[value.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

/** Whether this is a trace ID as it may go on the wire: 32 lower-case hex digits, not all zero. */
export function isTraceId(value: unknown): value is string {
  return typeof value === 'string' && value.length === 32 && isHex(value, 0, 32) && value !== NO_TRACE_ID;
}

/** Whether this is a span ID as it may go on the wire: 16 lower-case hex digits, not all zero. */
export function isSpanId(value: unknown): value is string {
  return typeof value === 'string' && value.length === 16 && isHex(value, 0, 16) && value !== NO_SPAN_ID;
}

/**
 * How the sampling decision of a context came about.
 * - `decided`: the sampled flag says it.
 * - `deferred`: the sender left the decision to us (B3 without a sampling state): the root sampler decides.
 * - `debug`: B3 debug: kept whatever any sampler says, here and further on.
 */
export type SamplingState = 'decided' | 'deferred' | 'debug';

/** What a `TraceSpanContext` is made of. */
export interface SpanContextParts {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
  readonly traceState?: TraceState | undefined;
  readonly sampling?: SamplingState;
}

/**
 * The `SpanContext` of all spans and inbound headers of ours. The class is the proof that the IDs are well-formed (or, for
 * `decisionOnly`, absent): whoever gets one need not look again.
 */
export class TraceSpanContext implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
  readonly traceState: TraceState | undefined;
  readonly sampling: SamplingState;

  /** The parts must be valid: 32 and 16 lower-case hex digits. `toTraceSpanContext` checks those that come from elsewhere. */
  constructor(parts: SpanContextParts) {
    this.traceId = parts.traceId;
    this.spanId = parts.spanId;
    this.traceFlags = parts.traceFlags;
    this.isRemote = parts.isRemote;
    this.traceState = parts.traceState;
    this.sampling = parts.sampling ?? 'decided';
  }

  /** False for a sampling decision that came without IDs. */
  get hasIds(): boolean {
    return this.traceId !== NO_TRACE_ID;
  }
}

/** No trace at all, as the API writes it. */
export const NO_SPAN_CONTEXT: SpanContext = Object.freeze({ traceId: NO_TRACE_ID, spanId: NO_SPAN_ID, traceFlags: 0 });

/**
 * A sampling decision without IDs (`b3: 0`, `X-B3-Sampled: 1`, …) as the parent of a new trace: it has no valid IDs, so the trace starts
 * here, and the parent-based samplers follow the decision.
 */
export function decisionOnly(sampled: boolean, debug: boolean): TraceSpanContext {
  return new TraceSpanContext({
    traceId: NO_TRACE_ID,
    spanId: NO_SPAN_ID,
    traceFlags: sampled || debug ? FLAG_SAMPLED : 0,
    isRemote: true,
    sampling: debug ? 'debug' : 'decided',
  });
}

/**
 * A span context of whatever origin as one of ours; undefined when its IDs are not valid. Upper-case hex, which the API accepts, is
 * lower-cased: the wire formats want it so.
 */
export function toTraceSpanContext(context: SpanContext | undefined): TraceSpanContext | undefined {
  try {
    if (context instanceof TraceSpanContext) return context.hasIds ? context : undefined;
    return context === undefined || context === null ? undefined : copyOf(context);
  } catch {
    // A getter or proxy of somebody: not a context that can be used.
    return undefined;
  }
}

function copyOf(context: SpanContext): TraceSpanContext | undefined {
  if (typeof context.traceId !== 'string' || typeof context.spanId !== 'string') return undefined;
  const traceId = context.traceId.toLowerCase();
  const spanId = context.spanId.toLowerCase();
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return new TraceSpanContext({
    traceId,
    spanId,
    traceFlags: typeof context.traceFlags === 'number' ? context.traceFlags & KNOWN_FLAGS : 0,
    isRemote: context.isRemote === true,
    traceState: context.traceState,
  });
}

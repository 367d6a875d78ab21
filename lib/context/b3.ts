import type { IncomingHttpHeaders } from 'node:http';
import { trimOws } from './header-text.ts';
import { FLAG_SAMPLED, isHex, NO_SPAN_ID, NO_TRACE_ID, type SamplingState, TraceSpanContext } from './span-context.ts';

/** B3 propagation (openzipkin/b3-propagation), single header and multiple headers. */

/** A sampling state of the specification. `deferred`: the sender has not decided. */
export type B3Sampling = 'accept' | 'deny' | 'debug' | 'deferred';

/** What B3 headers gave: IDs with a sampling state, or a sampling state alone. */
export interface B3Inbound {
  /** Undefined when only a decision came. */
  readonly spanContext: TraceSpanContext | undefined;
  readonly sampling: B3Sampling;
}

/** Longest valid single header: two IDs, a state and a parent. */
const MAX_SINGLE_LENGTH = 32 + 1 + 16 + 1 + 1 + 1 + 16;
const DASH = 0x2d;
/** 64-bit trace IDs are padded on the left: the rest of the package knows 128-bit IDs only. */
const PADDING = '0'.repeat(16);

const DECISIONS: Readonly<Record<B3Sampling, B3Inbound>> = {
  accept: Object.freeze({ spanContext: undefined, sampling: 'accept' }),
  deny: Object.freeze({ spanContext: undefined, sampling: 'deny' }),
  debug: Object.freeze({ spanContext: undefined, sampling: 'debug' }),
  deferred: Object.freeze({ spanContext: undefined, sampling: 'deferred' }),
};

function singleSampling(character: string): B3Sampling | undefined {
  if (character === '1') return 'accept';
  if (character === '0') return 'deny';
  return character === 'd' ? 'debug' : undefined;
}

function withIds(traceId: string, spanId: string, sampling: B3Sampling): B3Inbound | undefined {
  const long = traceId.length === 32 ? traceId : PADDING + traceId;
  if (long === NO_TRACE_ID || spanId === NO_SPAN_ID) return undefined;
  const state: SamplingState = sampling === 'debug' || sampling === 'deferred' ? sampling : 'decided';
  const traceFlags = sampling === 'accept' || sampling === 'debug' ? FLAG_SAMPLED : 0;
  return {
    spanContext: new TraceSpanContext({ traceId: long, spanId, traceFlags, isRemote: true, sampling: state }),
    sampling,
  };
}

/**
 * Reads the single header: `{trace}-{span}[-{state}][-{parent}]` or a state alone. Anchored at both ends, lower-cased first. The
 * parent must be well-formed and is then ignored: a server span of ours is a child of the caller's span, never shared with it.
 *
 * @returns undefined when the header is malformed
 */
export function parseB3Single(header: string): B3Inbound | undefined {
  const trimmed = trimOws(header);
  if (trimmed.length > MAX_SINGLE_LENGTH) return undefined;
  const value = trimmed.toLowerCase();
  const length = value.length;
  if (length === 1) {
    const sampling = singleSampling(value);
    return sampling === undefined ? undefined : DECISIONS[sampling];
  }
  const traceEnd = value.charCodeAt(32) === DASH ? 32 : 16;
  const spanEnd = traceEnd + 17;
  if (length < spanEnd || value.charCodeAt(traceEnd) !== DASH) return undefined;
  if (!isHex(value, 0, traceEnd) || !isHex(value, traceEnd + 1, spanEnd)) return undefined;

  let sampling: B3Sampling | undefined = 'deferred';
  let position = spanEnd;
  if (length === position + 2 || value.charCodeAt(position + 2) === DASH) {
    if (value.charCodeAt(position) !== DASH) return undefined;
    sampling = singleSampling(value.charAt(position + 1));
    position += 2;
  }
  if (sampling === undefined) return undefined;
  if (length !== position) {
    if (length !== position + 17 || value.charCodeAt(position) !== DASH || !isHex(value, position + 1, length))
      return undefined;
  }
  return withIds(value.slice(0, traceEnd), value.slice(traceEnd + 1, spanEnd), sampling);
}

/** The first value of a header that came several times ("the first value wins"), trimmed and lower-cased; undefined when absent. */
function first(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  if (typeof text !== 'string') return undefined;
  const comma = text.indexOf(',');
  return trimOws(comma === -1 ? text : text.slice(0, comma)).toLowerCase();
}

function multiSampling(sampled: string | undefined, flags: string | undefined): B3Sampling | undefined {
  if (flags === '1') return 'debug';
  // `true` and `false` are from before the specification, which lets a reader accept them; `d` is what some proxies send.
  if (sampled === '1' || sampled === 'true') return 'accept';
  if (sampled === '0' || sampled === 'false') return 'deny';
  if (sampled === 'd') return 'debug';
  return sampled === undefined ? 'deferred' : undefined;
}

/**
 * Reads `X-B3-TraceId`, `X-B3-SpanId`, `X-B3-Sampled` and `X-B3-Flags`; `X-B3-ParentSpanId` is ignored.
 *
 * @returns undefined when they are absent or malformed
 */
export function parseB3Multi(headers: IncomingHttpHeaders): B3Inbound | undefined {
  const trace = headers['x-b3-traceid'];
  const sampled = headers['x-b3-sampled'];
  const flags = headers['x-b3-flags'];
  if (trace === undefined && sampled === undefined && flags === undefined) return undefined;
  const sampling = multiSampling(first(sampled), first(flags));
  if (sampling === undefined) return undefined;
  const span = headers['x-b3-spanid'];
  if (trace === undefined && span === undefined) return sampling === 'deferred' ? undefined : DECISIONS[sampling];
  const traceId = first(trace) ?? '';
  const spanId = first(span) ?? '';
  if ((traceId.length !== 32 && traceId.length !== 16) || spanId.length !== 16) return undefined;
  if (!isHex(traceId, 0, traceId.length) || !isHex(spanId, 0, 16)) return undefined;
  return withIds(traceId, spanId, sampling);
}

/** The state as the single header writes it. We have always decided by the time we send. */
function stateOf(context: TraceSpanContext): 'd' | '1' | '0' {
  if (context.sampling === 'debug') return 'd';
  return (context.traceFlags & FLAG_SAMPLED) === 0 ? '0' : '1';
}

/** The single header of a span; never with a parent. The IDs must be valid. */
export function formatB3Single(context: TraceSpanContext): string {
  if (context.sampling === 'deferred') return `${context.traceId}-${context.spanId}`;
  return `${context.traceId}-${context.spanId}-${stateOf(context)}`;
}

/** Hands the multiple headers of a span to `set`; debug goes as flags alone, as the specification wants. */
export function formatB3Multi(context: TraceSpanContext, set: (name: string, value: string) => void): void {
  set('x-b3-traceid', context.traceId);
  set('x-b3-spanid', context.spanId);
  if (context.sampling === 'debug') set('x-b3-flags', '1');
  else if (context.sampling !== 'deferred') set('x-b3-sampled', stateOf(context));
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Baggage, SpanContext } from '@opentelemetry/api';
import { type B3Inbound, formatB3Multi, formatB3Single, parseB3Multi, parseB3Single } from './b3.ts';
import { formatBaggage, parseBaggage } from './baggage.ts';
import { decisionOnly, FLAG_SAMPLED, type TraceSpanContext, toTraceSpanContext } from './span-context.ts';
import { formatTraceparent, formatTracestate, parseTraceparent } from './w3c.ts';

/** What `OTEL_PROPAGATORS` may name. With either B3 format both B3 encodings are read; the format says which one is sent. */
export type PropagationFormat = 'tracecontext' | 'baggage' | 'b3' | 'b3multi' | 'none';

/** What the headers of a request gave. */
export interface Inbound {
  /** The remote parent; undefined when only baggage or only a B3 sampling decision came. */
  readonly spanContext: SpanContext | undefined;
  /** The caller's sampling decision; undefined = deferred to us, or nothing was said. */
  readonly sampled: boolean | undefined;
  /** B3 debug: keep this trace whatever the sampler says. */
  readonly debug: boolean;
  readonly baggage: Baggage | undefined;
}

const TRACECONTEXT = 1;
const BAGGAGE = 2;
const B3_SINGLE = 4;
const B3_MULTI = 8;
const B3 = B3_SINGLE | B3_MULTI;
const BITS: Readonly<Record<PropagationFormat, number>> = {
  tracecontext: TRACECONTEXT,
  baggage: BAGGAGE,
  b3: B3_SINGLE,
  b3multi: B3_MULTI,
  none: 0,
};

// A process has one list of formats and asks with it on every request: the last one seen is remembered by identity.
let lastFormats: readonly PropagationFormat[] | undefined;
let lastBits = 0;

function bitsOf(formats: readonly PropagationFormat[]): number {
  if (formats === lastFormats) return lastBits;
  let bits = 0;
  for (const format of formats) bits |= BITS[format] ?? 0;
  lastFormats = formats;
  lastBits = bits;
  return bits;
}

/** The names under which the formats arrive, for carriers that are asked by name. */
export function inboundFields(formats: readonly PropagationFormat[]): readonly string[] {
  const bits = bitsOf(formats);
  const names: string[] = [];
  if ((bits & TRACECONTEXT) !== 0) names.push('traceparent', 'tracestate');
  if ((bits & BAGGAGE) !== 0) names.push('baggage');
  if ((bits & B3) !== 0) names.push('b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags');
  return names;
}

/** A header that may be an array (as HTTP/2 and other carriers have it) as one field value (RFC 9110, section 5.3). */
function combined(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

function extractB3(headers: IncomingHttpHeaders): B3Inbound | undefined {
  const single = combined(headers['b3']);
  // "The single-header variant takes precedence over the multiple header one when extracting fields."
  return (single === undefined ? undefined : parseB3Single(single)) ?? parseB3Multi(headers);
}

/**
 * Reads what the caller sent. `traceparent` wins over B3 when both are valid. Headers are untrusted: whatever is malformed is as good
 * as absent, nothing throws.
 *
 * @param headers lower-case names, as `IncomingMessage.headers` has them
 * @param formats the same array on every call: it is compiled once
 * @returns undefined when nothing usable came
 */
export function extract(headers: IncomingHttpHeaders, formats: readonly PropagationFormat[]): Inbound | undefined {
  const bits = bitsOf(formats);
  let spanContext: TraceSpanContext | undefined;
  let b3: B3Inbound | undefined;
  let baggage: Baggage | undefined;
  if ((bits & TRACECONTEXT) !== 0) {
    const traceparent = combined(headers['traceparent'] as string | string[] | undefined);
    if (traceparent !== undefined)
      spanContext = parseTraceparent(traceparent, combined(headers['tracestate'] as string | string[] | undefined));
  }
  if ((bits & B3) !== 0 && spanContext === undefined) {
    b3 = extractB3(headers);
    spanContext = b3?.spanContext;
  }
  if ((bits & BAGGAGE) !== 0) {
    const header = combined(headers['baggage'] as string | string[] | undefined);
    if (header !== undefined) baggage = parseBaggage(header);
  }
  if (b3 !== undefined) {
    const sampled = b3.sampling === 'deferred' ? undefined : b3.sampling !== 'deny';
    return { spanContext, sampled, debug: b3.sampling === 'debug', baggage };
  }
  if (spanContext !== undefined)
    return { spanContext, sampled: (spanContext.traceFlags & FLAG_SAMPLED) !== 0, debug: false, baggage };
  return baggage === undefined ? undefined : { spanContext, sampled: undefined, debug: false, baggage };
}

/**
 * What to start a span under: the remote parent, or, when only a sampling decision came, a context without IDs that carries it. A new
 * trace starts under the latter, and the parent-based samplers follow the decision (`b3: 0`).
 */
export function parentOf(inbound: Inbound | undefined): SpanContext | undefined {
  if (inbound === undefined || inbound.spanContext !== undefined) return inbound?.spanContext;
  return inbound.sampled === undefined ? undefined : decisionOnly(inbound.sampled, inbound.debug);
}

/**
 * Hands the outbound headers to `set`: `traceparent`, `tracestate`, `b3` and `baggage` by default, `X-B3-*` only if configured, a parent
 * span ID never. A span context that is not valid is not sent.
 *
 * @param set called once per header, name in lower case
 */
export function inject(
  formats: readonly PropagationFormat[],
  spanContext: SpanContext | undefined,
  baggage: Baggage | undefined,
  set: (name: string, value: string) => void,
): void {
  const bits = bitsOf(formats);
  const context = toTraceSpanContext(spanContext);
  if (context !== undefined) {
    if ((bits & TRACECONTEXT) !== 0) {
      set('traceparent', formatTraceparent(context));
      const state = context.traceState === undefined ? '' : formatTracestate(context.traceState);
      if (state !== '') set('tracestate', state);
    }
    if ((bits & B3_SINGLE) !== 0) set('b3', formatB3Single(context));
    if ((bits & B3_MULTI) !== 0) formatB3Multi(context, set);
  }
  if ((bits & BAGGAGE) !== 0 && baggage !== undefined) {
    const header = formatBaggage(baggage);
    if (header !== '') set('baggage', header);
  }
}

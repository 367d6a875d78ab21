import type { TraceState } from '@opentelemetry/api';
import { trimOws } from './header-text.ts';
import { isHex, KNOWN_FLAGS, NO_SPAN_ID, NO_TRACE_ID, TraceSpanContext } from './span-context.ts';
import { ObservationTraceState } from './trace-state.ts';

/** Length of a version 00 `traceparent`, and the least of any later version. */
const TRACEPARENT_LENGTH = 55;
const DASH = 0x2d;
/** The version that is forbidden. */
const FORBIDDEN_VERSION = 'ff';

function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : code - 0x57;
}

/**
 * The remote parent that a `traceparent` (and `tracestate`) header names, by W3C Trace Context level 2. Versions above 00 are read
 * as far as 00 goes; flags beyond sampled and random are dropped.
 *
 * @param tracestate the combined header; only looked at when `traceparent` is valid
 * @returns undefined when the header must be ignored and the trace restarted
 */
export function parseTraceparent(header: string, tracestate?: string | undefined): TraceSpanContext | undefined {
  const value = header.length === TRACEPARENT_LENGTH ? header : trimOws(header);
  if (value.length < TRACEPARENT_LENGTH) return undefined;
  if (value.charCodeAt(2) !== DASH || value.charCodeAt(35) !== DASH || value.charCodeAt(52) !== DASH) return undefined;
  if (!isHex(value, 0, 2) || !isHex(value, 3, 35) || !isHex(value, 36, 52) || !isHex(value, 53, 55)) return undefined;
  if (value.length > TRACEPARENT_LENGTH) {
    // Version 00 is complete at 55 characters; a later one may go on, after a dash.
    if (value.startsWith('00') || value.charCodeAt(TRACEPARENT_LENGTH) !== DASH) return undefined;
  }
  if (value.startsWith(FORBIDDEN_VERSION)) return undefined;
  const traceId = value.slice(3, 35);
  const spanId = value.slice(36, 52);
  if (traceId === NO_TRACE_ID || spanId === NO_SPAN_ID) return undefined;
  // The known flags are the two lowest bits: the second digit alone decides.
  const traceFlags = hexDigit(value.charCodeAt(54)) & KNOWN_FLAGS;
  const traceState = tracestate === undefined || tracestate === '' ? undefined : parseTracestate(tracestate);
  return new TraceSpanContext({ traceId, spanId, traceFlags, isRemote: true, traceState });
}

/** The `traceparent` of a span: version 00. The IDs must be valid (`TraceSpanContext` has them so). */
export function formatTraceparent(context: TraceSpanContext): string {
  return `00-${context.traceId}-${context.spanId}-0${context.traceFlags & KNOWN_FLAGS}`;
}

/** The list of a combined `tracestate` header; read when it is first looked at. */
export function parseTracestate(header: string): ObservationTraceState {
  return new ObservationTraceState(header);
}

/** The `tracestate` header of any `TraceState`; empty when there is nothing valid to send. A foreign implementation is not believed. */
export function formatTracestate(state: TraceState): string {
  if (state instanceof ObservationTraceState) return state.serialize();
  try {
    return new ObservationTraceState(String(state.serialize())).serialize();
  } catch {
    return '';
  }
}

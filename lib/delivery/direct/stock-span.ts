import type { Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import { FLAG_SAMPLED } from '../../context/span-context.ts';
import type { Attributes } from '../../model/attributes.ts';
import type { SpanData, StatusCode } from '../../model/span.ts';
import type { JudgedSpan } from '../../traces/keep.ts';
import { redactTexts, type SpanRedactor } from '../../traces/redacted-span.ts';

/** Seconds and nanoseconds. */
type HrTime = readonly [number, number];

const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_MICRO = 1000;

/** `ReadableSpan` of `@opentelemetry/sdk-trace`: what its exporters read. */
export interface StockSpan {
  readonly name: string;
  readonly kind: number;
  spanContext(): SpanContext;
  readonly parentSpanContext?: SpanContext | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: readonly (Link & { readonly attributes?: Attributes })[];
  readonly events: readonly { readonly name: string; readonly time: HrTime; readonly attributes?: Attributes }[];
  readonly duration: HrTime;
  readonly ended: boolean;
  readonly resource: unknown;
  readonly instrumentationScope: { readonly name?: string; readonly version?: string | undefined };
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/** A copy that is not bound to the span: its getters and private fields stay behind. */
function copyOf(span: StockSpan, changed: Partial<StockSpan>): StockSpan {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    parentSpanContext: span.parentSpanContext,
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes: span.attributes,
    links: span.links,
    events: span.events,
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
    ...changed,
  };
}

function scopeNameOf({ instrumentationScope }: StockSpan): string {
  // An SDK of another version may have none.
  const name: unknown = (instrumentationScope as StockSpan['instrumentationScope'] | undefined)?.name;
  return typeof name === 'string' ? name : '';
}

function hrTime(micros: number): HrTime {
  return [Math.floor(micros / MICROS_PER_SECOND), (micros % MICROS_PER_SECOND) * NANOS_PER_MICRO];
}

/** A sampled span that was made elsewhere, as the stock exporters read one. @param resource of the stock SDK */
export function toStockSpan(span: SpanData, resource: unknown): StockSpan {
  const { traceId, parentSpanId } = span;
  const context = { traceId, spanId: span.spanId, traceFlags: FLAG_SAMPLED };
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => context,
    parentSpanContext:
      parentSpanId === undefined ? undefined : { traceId, spanId: parentSpanId, traceFlags: FLAG_SAMPLED },
    startTime: hrTime(span.startMicros),
    endTime: hrTime(span.startMicros + span.durationMicros),
    status: {
      code: span.statusCode as number,
      ...(span.statusMessage !== undefined && { message: span.statusMessage }),
    },
    attributes: span.attributes,
    links: span.links.map((link) => ({
      context: { traceId: link.traceId, spanId: link.spanId, traceFlags: FLAG_SAMPLED },
      attributes: link.attributes,
    })),
    events: span.events.map(({ name, timeMicros, attributes }) => ({ name, time: hrTime(timeMicros), attributes })),
    duration: hrTime(span.durationMicros),
    ended: true,
    resource,
    instrumentationScope: { name: span.scopeName, version: span.scopeVersion },
    droppedAttributesCount: span.droppedAttributes,
    droppedEventsCount: span.droppedEvents,
    droppedLinksCount: span.droppedLinks,
  };
}

/** As `redactSpan` for spans of our engine. @returns the span itself when there was nothing to hide */
export function redactStockSpan(span: StockSpan, redactor: SpanRedactor): StockSpan {
  const { attributes, events, links, status } = span;
  const given = { attributes, events, links, statusMessage: status.message };
  const texts = redactTexts(given, redactor, scopeNameOf(span));
  if (texts === given) return span;
  const { statusMessage } = texts;
  return copyOf(span, {
    attributes: texts.attributes,
    events: texts.events,
    links: texts.links,
    status: statusMessage === undefined ? status : { code: status.code, message: statusMessage },
  });
}

/** A span that was kept although the sampler did not choose it: the stock processors drop what does not say that it is sampled. */
export function asSampled(span: StockSpan): StockSpan {
  const context = span.spanContext();
  const sampled = { ...context, traceFlags: context.traceFlags | FLAG_SAMPLED };
  return copyOf(span, { spanContext: () => sampled });
}

/** A span that waits for the verdict on its request. */
export interface WaitingStockSpan extends JudgedSpan {
  readonly span: StockSpan;
}

export function waiting(span: StockSpan): WaitingStockSpan {
  const [seconds, nanos] = span.duration;
  return {
    span,
    spanId: span.spanContext().spanId,
    statusCode: span.status.code as number as StatusCode,
    durationMicros: seconds * 1e6 + Math.round(nanos / 1000),
  };
}

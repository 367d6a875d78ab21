import type { Attributes, Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import { toTraceSpanContext } from '../context/span-context.ts';
import type { Clock } from '../core/clock.ts';
import { type SpanData, type SpanEvent, SpanKind, type SpanLink, StatusCode } from '../model/span.ts';
import { cleanAttributes, nameOf } from './attributes.ts';
import type { SpanLimits } from './limits.ts';
import { toMicros } from './time.ts';

/** Seconds and nanoseconds. */
type HrTime = readonly [number, number];

interface Scope {
  readonly name?: string;
  readonly version?: string | undefined;
}

/** `ReadableSpan` of the OpenTelemetry SDK 1, 2 and 3, as far as it is read: a type of ours, so that none of the three is needed. */
export interface ForeignSpan {
  readonly name: string;
  readonly kind: number;
  spanContext(): SpanContext;
  /** From 2 on. */
  readonly parentSpanContext?: SpanContext | undefined;
  /** Of 1. */
  readonly parentSpanId?: string | undefined;
  readonly startTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly events: readonly {
    readonly name: string;
    readonly time: HrTime;
    readonly attributes?: Attributes | undefined;
  }[];
  /** From 2 on. */
  readonly instrumentationScope?: Scope;
  /** Of 1. */
  readonly instrumentationLibrary?: Scope;
  readonly droppedAttributesCount?: number;
  readonly droppedEventsCount?: number;
  readonly droppedLinksCount?: number;
}

/** What a span is made ours with. */
export interface Adoption {
  readonly limits: SpanLimits;
  readonly clock: Clock;
  /** The span that stands for the parent, where the parent itself is not sent. */
  readonly parentSpanId?: string | undefined;
}

const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_MICRO = 1000;

/** The last `limit` of a list, and how many that leaves out: as our own spans keep the end, where the error is. */
function newest<Item>(items: readonly Item[], limit: number): { kept: readonly Item[]; dropped: number } {
  const dropped = Math.max(0, items.length - limit);
  return { kept: dropped === 0 ? items : items.slice(dropped), dropped };
}

function eventsOf(span: ForeignSpan, { limits, clock }: Adoption): { events: SpanEvent[]; dropped: number } {
  const { kept, dropped } = newest(span.events, limits.eventCountLimit);
  const events = kept.map((event) => ({
    name: nameOf(event.name),
    timeMicros: toMicros(event.time, clock),
    attributes: cleanAttributes(event.attributes, limits.attributePerEventCountLimit, limits.attributeValueLengthLimit)
      .attributes,
  }));
  return { events, dropped };
}

function linksOf(span: ForeignSpan, { limits }: Adoption): { links: SpanLink[]; dropped: number } {
  const { kept, dropped } = newest(span.links, limits.linkCountLimit);
  const links: SpanLink[] = [];
  for (const link of kept) {
    const context = toTraceSpanContext(link.context);
    if (context === undefined) continue;
    const { attributes } = cleanAttributes(
      link.attributes,
      limits.attributePerLinkCountLimit,
      limits.attributeValueLengthLimit,
    );
    links.push({ traceId: context.traceId, spanId: context.spanId, attributes });
  }
  return { links, dropped };
}

function durationMicros(duration: HrTime): number {
  return Math.max(1, Math.floor(duration[0] * MICROS_PER_SECOND + duration[1] / NANOS_PER_MICRO));
}

function statusOf(status: SpanStatus | undefined): Pick<SpanData, 'statusCode' | 'statusMessage'> {
  const code: number = status?.code ?? StatusCode.UNSET;
  const statusCode = code === StatusCode.OK || code === StatusCode.ERROR ? code : StatusCode.UNSET;
  const message = statusCode === StatusCode.ERROR ? status?.message : undefined;
  return { statusCode, statusMessage: typeof message === 'string' ? message : undefined };
}

/**
 * A span that another SDK has recorded, as ours are kept: copied, cleaned and cut to our limits. The resource of the other
 * SDK is left behind: one process speaks under one name.
 *
 * @returns undefined when its IDs are not valid
 */
export function toSpanData(span: ForeignSpan, adoption: Adoption): SpanData | undefined {
  const context = toTraceSpanContext(span.spanContext());
  if (context === undefined) return undefined;
  const scope = span.instrumentationScope ?? span.instrumentationLibrary;
  const { limits } = adoption;
  const { attributes, dropped: droppedAttributes } = cleanAttributes(
    span.attributes,
    limits.attributeCountLimit,
    limits.attributeValueLengthLimit,
  );
  const { events, dropped: droppedEvents } = eventsOf(span, adoption);
  const { links, dropped: droppedLinks } = linksOf(span, adoption);
  const parent = adoption.parentSpanId ?? span.parentSpanContext?.spanId ?? span.parentSpanId;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: parent === '' ? undefined : parent,
    name: nameOf(span.name),
    kind:
      span.kind >= SpanKind.INTERNAL && span.kind <= SpanKind.CONSUMER ? (span.kind as SpanKind) : SpanKind.INTERNAL,
    startMicros: toMicros(span.startTime, adoption.clock),
    durationMicros: durationMicros(span.duration),
    attributes,
    events,
    links,
    ...statusOf(span.status),
    scopeName: scope?.name ?? '',
    scopeVersion: scope?.version ?? '',
    droppedAttributes: droppedAttributes + (span.droppedAttributesCount ?? 0),
    droppedEvents: droppedEvents + (span.droppedEventsCount ?? 0),
    droppedLinks: droppedLinks + (span.droppedLinksCount ?? 0),
  };
}

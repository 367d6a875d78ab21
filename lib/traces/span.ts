import type { Link, Span, SpanContext, SpanStatus, TimeInput } from '@opentelemetry/api';
import { type SpanContextParts, TraceSpanContext, toTraceSpanContext } from '../context/span-context.ts';
import type { Clock } from '../core/clock.ts';
import type { Attributes } from '../model/attributes.ts';
import { type SpanData, type SpanEvent, type SpanKind, type SpanLink, StatusCode } from '../model/span.ts';
import { cleanAttributes, cleanValue, isAttributeKey, keysOf, nameOf, read } from './attributes.ts';
import { describeException } from './exception.ts';
import type { SpanFamily } from './keep.ts';
import type { SpanLimits } from './limits.ts';
import { isTimeInput, toMicros } from './time.ts';

/** What all spans of an engine share: a reference instead of closures. */
export interface SpanHost {
  readonly clock: Clock;
  readonly limits: SpanLimits;
  /** Called once per span, when it has ended. Never throws. */
  ended(span: RecordingSpan): void;
}

/** Who made a span. */
export interface InstrumentationScope {
  readonly name: string;
  readonly version: string;
}

/** The context of a span of this process; leads from a child to the request that it waits with. */
export class LocalSpanContext extends TraceSpanContext {
  /** Undefined unless the span is unsampled and on trial (`SIGHTLINE_TRACES_KEEP`). Private to the language: contexts get logged and compared. */
  readonly #family: SpanFamily | undefined;

  constructor(parts: SpanContextParts, family: SpanFamily | undefined) {
    super(parts);
    this.#family = family;
    family?.join(parts.spanId);
  }

  get family(): SpanFamily | undefined {
    return this.#family;
  }
}

const NO_EVENTS: readonly SpanEvent[] = Object.freeze([]);
const NO_LINKS: readonly SpanLink[] = Object.freeze([]);

/** The attribute that joins a span with the log lines and calls of its request. */
const CORRELATION_ATTRIBUTE = 'correlation.id';

/**
 * A span that is being recorded. Once it has ended nothing changes it any more, and it serves as the `SpanData` that codecs read:
 * copying it would cost as much as making it.
 */
export class RecordingSpan implements Span, SpanData {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  name: string;
  readonly kind: SpanKind;
  startMicros: number;
  durationMicros = 0;
  readonly attributes: Attributes = {};
  events: readonly SpanEvent[] = NO_EVENTS;
  links: readonly SpanLink[] = NO_LINKS;
  statusCode: StatusCode = StatusCode.UNSET;
  statusMessage: string | undefined = undefined;
  readonly scopeName: string;
  readonly scopeVersion: string;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  readonly debug: boolean;

  private readonly host: SpanHost;
  private readonly context: LocalSpanContext;
  private attributeCount = 0;
  private open = true;

  constructor(
    host: SpanHost,
    context: LocalSpanContext,
    parentSpanId: string | undefined,
    name: string,
    kind: SpanKind,
    scope: InstrumentationScope,
    correlationId: string | undefined,
  ) {
    this.host = host;
    this.context = context;
    this.traceId = context.traceId;
    this.spanId = context.spanId;
    this.parentSpanId = parentSpanId;
    this.name = name;
    this.kind = kind;
    this.scopeName = scope.name;
    this.scopeVersion = scope.version;
    this.debug = context.sampling === 'debug';
    this.startMicros = host.clock.nowMicros();
    if (correlationId !== undefined) this.setAttribute(CORRELATION_ATTRIBUTE, correlationId);
  }

  spanContext(): SpanContext {
    return this.context;
  }

  /** The context with what only this layer knows. */
  localContext(): LocalSpanContext {
    return this.context;
  }

  /** The correlation ID that the span carries: found again when the span alone is handed on. */
  get correlationId(): string | undefined {
    const id = this.attributes[CORRELATION_ATTRIBUTE];
    return typeof id === 'string' ? id : undefined;
  }

  /** Replaces the start by an explicit one, before the span is handed out. */
  startedAt(time: TimeInput): void {
    this.startMicros = toMicros(time, this.host.clock);
  }

  setAttribute(key: string, value: unknown): this {
    if (!this.open) return this;
    const clean = cleanValue(value, this.host.limits.attributeValueLengthLimit);
    if (clean === undefined || !isAttributeKey(key)) return this;
    const attributes = this.attributes;
    // Names such as `constructor` are found on the prototype: only an own one is an overwrite.
    if (attributes[key] === undefined || !Object.hasOwn(attributes, key)) {
      if (this.attributeCount >= this.host.limits.attributeCountLimit) {
        this.droppedAttributes += 1;
        return this;
      }
      this.attributeCount += 1;
    }
    attributes[key] = clean;
    return this;
  }

  setAttributes(attributes: Record<string, unknown>): this {
    if (!this.open || typeof attributes !== 'object' || attributes === null) return this;
    for (const key of keysOf(attributes)) this.setAttribute(key, read(attributes, key));
    return this;
  }

  addEvent(name: string, attributesOrTime?: unknown, time?: TimeInput): this {
    if (!this.open) return this;
    const onlyTime = isTimeInput(attributesOrTime);
    const { limits, clock } = this.host;
    const { attributes } = cleanAttributes(
      onlyTime ? undefined : attributesOrTime,
      limits.attributePerEventCountLimit,
      limits.attributeValueLengthLimit,
    );
    const given = time ?? (onlyTime ? attributesOrTime : undefined);
    const timeMicros = given === undefined ? clock.nowMicros() : toMicros(given, clock);
    this.droppedEvents += this.append('events', { name: nameOf(name), timeMicros, attributes }, limits.eventCountLimit);
    return this;
  }

  addLink(link: Link): this {
    if (!this.open) return this;
    if (typeof link !== 'object' || link === null) return this;
    const context = toTraceSpanContext(read(link, 'context') as SpanContext | undefined);
    if (context === undefined) return this;
    const { limits } = this.host;
    const { attributes } = cleanAttributes(
      read(link, 'attributes'),
      limits.attributePerLinkCountLimit,
      limits.attributeValueLengthLimit,
    );
    this.droppedLinks += this.append(
      'links',
      { traceId: context.traceId, spanId: context.spanId, attributes },
      limits.linkCountLimit,
    );
    return this;
  }

  addLinks(links: Link[]): this {
    if (!this.open) return this;
    try {
      if (Array.isArray(links)) for (const link of links) this.addLink(link);
    } catch {
      // A proxy that refuses: what it gave before stays.
    }
    return this;
  }

  /** Appends to a list that is shared and empty until its first member; over the limit the oldest goes. @returns how many went */
  private append(list: 'events' | 'links', member: SpanEvent | SpanLink, limit: number): number {
    if (limit === 0) return 1;
    if (this[list].length === 0) this[list] = [];
    const members = this[list] as (SpanEvent | SpanLink)[];
    members.push(member);
    if (members.length <= limit) return 0;
    members.shift();
    return 1;
  }

  /** OK is final, UNSET changes nothing, only ERROR has a message (OpenTelemetry, "Set Status"). */
  setStatus(status: SpanStatus): this {
    if (!this.open || this.statusCode === StatusCode.OK || typeof status !== 'object' || status === null) return this;
    const code = read(status, 'code');
    if (code === StatusCode.OK) {
      this.statusCode = StatusCode.OK;
      this.statusMessage = undefined;
    } else if (code === StatusCode.ERROR) {
      this.statusCode = StatusCode.ERROR;
      const message = read(status, 'message');
      this.statusMessage = typeof message === 'string' ? message : undefined;
    }
    return this;
  }

  updateName(name: string): this {
    if (this.open && typeof name === 'string') this.name = name;
    return this;
  }

  /** Ends the span, once; what comes after is ignored. The duration is at least 1 µs, also when the given end is before the start. */
  end(time?: TimeInput): void {
    if (!this.open) return;
    const { clock } = this.host;
    const endMicros = time === undefined ? clock.nowMicros() : toMicros(time, clock);
    this.durationMicros = Math.max(1, endMicros - this.startMicros);
    this.open = false;
    this.host.ended(this);
  }

  isRecording(): boolean {
    return this.open;
  }

  recordException(exception: unknown, time?: TimeInput): void {
    if (!this.open) return;
    const { type, message, stack } = describeException(exception);
    const attributes: Attributes = {};
    if (type !== undefined) attributes['exception.type'] = type;
    if (message !== undefined) attributes['exception.message'] = message;
    if (stack !== undefined) attributes['exception.stacktrace'] = stack;
    this.addEvent('exception', attributes, time);
  }

  /** A span ends up in log lines by accident; its data then, not the engine behind it. */
  toJSON(): SpanData {
    const { host: _host, context: _context, attributeCount: _count, open: _open, ...data } = this;
    return data as unknown as SpanData;
  }
}

import type { Attributes, AttributeValue } from '../model/attributes.ts';
import type { SpanData } from '../model/span.ts';
import { OWN_SCOPE_NAME } from './tracing.ts';

/** What the redactor of log lines does for spans. */
export interface SpanRedactor {
  /** The value under a key: hidden when the key says so, else without the secrets in its text. */
  member(key: string, value: unknown): unknown;
  /** Free text without tokens, credentials in URLs and pairs with a secret name. */
  text(text: string): string;
  /** Whether the user has named this field of ours as one to hide. */
  hides(field: string): boolean;
}

/** Set by our own instruments from values that were cleaned there or hold nothing of a caller: not looked at again there. */
const CLEAN_KEYS: ReadonlySet<string> = new Set([
  'http.request.method',
  'http.request.method_original',
  'http.response.status_code',
  'http.route',
  'url.scheme',
  'url.path',
  'url.query',
  'url.full',
  'server.address',
  'server.port',
  'client.address',
  'network.protocol.version',
  'user_agent.original',
  'error.type',
  'correlation.id',
  'correlation.id.inbound',
]);

/** Without texts a list is hidden or left: the redactor would make its numbers fit for an index, of a kind that codecs do not know. */
function cleanList(key: string, list: readonly unknown[], redactor: SpanRedactor): unknown {
  // The redactor changes lists in place, and a span that has ended is never changed.
  if (list.some((item) => typeof item === 'string')) return redactor.member(key, [...list]);
  const verdict = redactor.member(key, '');
  return verdict === '' ? list : verdict;
}

/** By redactor, since its list does not change: those of ours that the user has not named. */
const cleanKeys = new WeakMap<SpanRedactor, ReadonlySet<string>>();

function cleanKeysOf(redactor: SpanRedactor): ReadonlySet<string> {
  let keys = cleanKeys.get(redactor);
  if (keys === undefined) {
    keys = new Set([...CLEAN_KEYS].filter((key) => !redactor.hides(key)));
    cleanKeys.set(redactor, keys);
  }
  return keys;
}

/** The same object when nothing was hidden. */
function redactAttributes(attributes: Attributes, redactor: SpanRedactor, own: boolean): Attributes {
  let copy: Attributes | undefined;
  const clean = cleanKeysOf(redactor);
  for (const key of Object.keys(attributes)) {
    if (own && clean.has(key)) continue;
    const value = attributes[key];
    const redacted = (
      Array.isArray(value) ? cleanList(key, value, redactor) : redactor.member(key, value)
    ) as AttributeValue;
    if (redacted === value) continue;
    copy ??= { ...attributes };
    copy[key] = redacted;
  }
  return copy ?? attributes;
}

/** The parts of a span that an app fills with texts of its own. */
export interface SpanTexts<Event extends AttributeHolder, Link extends AttributeHolder> {
  readonly attributes: Attributes;
  readonly events: readonly Event[];
  readonly links: readonly Link[];
  readonly statusMessage: string | undefined;
}

interface AttributeHolder {
  readonly attributes?: Attributes | undefined;
}

/**
 * @param scopeName of the tracer that made the span
 * @returns the same object when nothing was hidden
 */
export function redactTexts<Event extends AttributeHolder, Link extends AttributeHolder>(
  texts: SpanTexts<Event, Link>,
  redactor: SpanRedactor,
  scopeName: string,
): SpanTexts<Event, Link> {
  const attributes = redactAttributes(texts.attributes, redactor, scopeName === OWN_SCOPE_NAME);
  const events = redactEach(texts.events, redactor);
  const links = redactEach(texts.links, redactor);
  const statusMessage = texts.statusMessage === undefined ? undefined : redactor.text(texts.statusMessage);
  const isClean =
    attributes === texts.attributes &&
    events === texts.events &&
    links === texts.links &&
    statusMessage === texts.statusMessage;
  return isClean ? texts : { attributes, events, links, statusMessage };
}

/**
 * A span that has ended without secrets in what the app has put on it by the OpenTelemetry API: attributes of the
 * span, its events and links, and the message of its status. Names stay: they are of low cardinality by specification.
 *
 * @returns the span itself when there was nothing to hide, else a copy
 */
export function redactSpan(span: SpanData, redactor: SpanRedactor): SpanData {
  const texts = redactTexts(span, redactor, span.scopeName);
  if (texts === span) return span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    startMicros: span.startMicros,
    durationMicros: span.durationMicros,
    attributes: texts.attributes,
    events: texts.events,
    links: texts.links,
    statusCode: span.statusCode,
    statusMessage: texts.statusMessage,
    scopeName: span.scopeName,
    scopeVersion: span.scopeVersion,
    droppedAttributes: span.droppedAttributes,
    droppedEvents: span.droppedEvents,
    droppedLinks: span.droppedLinks,
    ...(span.debug !== undefined && { debug: span.debug }),
  };
}

/** The same list when nothing was hidden in any. */
function redactEach<Item extends AttributeHolder>(items: readonly Item[], redactor: SpanRedactor): readonly Item[] {
  let copy: Item[] | undefined;
  for (const [index, item] of items.entries()) {
    const attributes = item.attributes && redactAttributes(item.attributes, redactor, false);
    if (attributes === item.attributes) continue;
    copy ??= [...items];
    copy[index] = { ...item, attributes };
  }
  return copy ?? items;
}

import { isIP } from 'node:net';
import type { Attributes, AttributeValue } from '../model/attributes.ts';
import type { Resource } from '../model/resource.ts';
import { type SpanData, type SpanEvent, SpanKind, type SpanLink, StatusCode } from '../model/span.ts';
import { jsonKey } from './json-string.ts';
import { zipkinString } from './zipkin-string.ts';

/** Attributes of `OTEL_RESOURCE_ATTRIBUTES` that an entry span carries at most, characters of JSON. */
const MAX_RESOURCE_CHARACTERS = 1024;
/** Links written at most: what readers of the `otlp.link.N` convention look for. */
const MAX_LINKS = 128;
/** Names remembered as already encoded; span names are of low cardinality, bounded all the same. */
const MAX_NAMES = 2000;

const KINDS: Readonly<Record<SpanKind, string>> = {
  [SpanKind.INTERNAL]: '',
  [SpanKind.SERVER]: ',"kind":"SERVER"',
  [SpanKind.CLIENT]: ',"kind":"CLIENT"',
  [SpanKind.PRODUCER]: ',"kind":"PRODUCER"',
  [SpanKind.CONSUMER]: ',"kind":"CONSUMER"',
};

const EXCEPTION_TAGS = ['exception.type', 'exception.message', 'exception.stacktrace'] as const;
/** Tags that we make; an attribute of the same name takes the slow path, where the order of precedence is kept. */
const MADE = [
  'error',
  'otel.status_code',
  'otel.dropped_attributes_count',
  'otel.dropped_events_count',
  'otel.dropped_links_count',
  ...EXCEPTION_TAGS,
];

type Tags = Record<string, string>;

/**
 * Makes the encoder of one process: a finished span as one Zipkin v2 JSON object (Zipkin API v2, `ListOfSpans` item).
 *
 * Equal to `toZipkinSpan` of `@opentelemetry/exporter-zipkin` 3.1.0 (OpenTelemetry specification, "Zipkin transformation")
 * but for these improvements, which test/codec/zipkin-v2.test.ts lists as well:
 * 1. An `exception` event keeps what it knows: tags `exception.type`, `exception.message`, `exception.stacktrace` (of the last one).
 * 2. A failed span always has an `error` tag: status message, else exception message, exception type, `error.type`, else `true`.
 * 3. Links are kept as tags `otlp.link.N` = `traceId|spanId|state|attributes|dropped`, as the OpenTelemetry Collector writes and reads them.
 * 4. The resource is not copied onto each span. `service.name` is `localEndpoint`; the entry span of a process (no parent, SERVER or
 *    CONSUMER) carries `service.version`, `service.instance.id`, `deployment.environment.name` and `OTEL_RESOURCE_ATTRIBUTES`: 129
 *    bytes on one span instead of 750 on each.
 * 5. `remoteEndpoint` on CLIENT and PRODUCER spans, from `peer.service`, `server.address`, `network.peer.*`: without it Zipkin draws no dependency.
 * 6. `duration` is at least 1: Zipkin takes 0 as unknown.
 * 7. An attribute that is undefined is left out.
 * 8. Unicode line and paragraph separators become line feeds: see `zipkinString`.
 *
 * @returns a function that gives JSON text without line ends; it throws only for attribute values that cannot be made strings
 */
export function createZipkinEncoder(resource: Resource): (span: SpanData) => string {
  const localEndpoint = `,"localEndpoint":{"serviceName":${zipkinString(resource.serviceName)}},"tags":{`;
  const entryTags = resourceTags(resource);
  const entryText = textOf(entryTags);
  const entryKeys = new Set([...MADE, ...Object.keys(entryTags)]);
  const otherKeys = new Set(MADE);
  const names = new Map<string, string>();

  function nameOf(name: string): string {
    let encoded = names.get(name);
    if (encoded === undefined) {
      encoded = `"name":${zipkinString(name)},"id":"`;
      if (names.size < MAX_NAMES) names.set(name, encoded);
    }
    return encoded;
  }

  function tagsOf(span: SpanData, entry: boolean): string {
    const { attributes } = span;
    const taken = entry ? entryKeys : otherKeys;
    let text = '';
    for (const key in attributes) {
      if (taken.has(key) || key.startsWith('otlp.link.')) return textOf(slowTags(span, entry ? entryTags : {}));
      const value = attributes[key];
      if (value === undefined) continue;
      text += `${text === '' ? '' : ','}${jsonKey(key)}${typeof value === 'string' ? zipkinString(value) : plain(value)}`;
    }
    if (isNotable(span)) {
      const made: Tags = {};
      addMadeTags(made, span);
      text = joined(text, textOf(made));
    }
    return entry ? joined(text, entryText) : text;
  }

  return (span) => {
    const { kind, parentSpanId } = span;
    const entry = parentSpanId === undefined || kind === SpanKind.SERVER || kind === SpanKind.CONSUMER;
    let text = `{"traceId":"${span.traceId}",`;
    if (parentSpanId !== undefined) text += `"parentId":"${parentSpanId}",`;
    text += `${nameOf(span.name)}${span.spanId}"${KINDS[kind]},"timestamp":${Math.round(span.startMicros)},"duration":${Math.max(1, Math.round(span.durationMicros))}`;
    text += `${localEndpoint}${tagsOf(span, entry)}}`;
    if (kind === SpanKind.CLIENT || kind === SpanKind.PRODUCER) text += remoteEndpoint(span.attributes);
    if (span.events.length > 0) text += annotations(span.events);
    return `${text}}`;
  };
}

/** Numbers and booleans need no escaping; arrays are joined as `String()` does it, like the stock exporter. */
function plain(value: AttributeValue): string {
  return typeof value === 'object' ? zipkinString(String(value)) : `"${value}"`;
}

function joined(first: string, second: string): string {
  if (first === '' || second === '') return first + second;
  return `${first},${second}`;
}

function isNotable(span: SpanData): boolean {
  return (
    span.statusCode !== StatusCode.UNSET ||
    span.events.length > 0 ||
    span.links.length > 0 ||
    span.droppedAttributes + span.droppedEvents + span.droppedLinks > 0
  );
}

/** Tags that are made from anything but attributes and resource; later ones win, as in the stock exporter. */
function addMadeTags(tags: Tags, span: SpanData): void {
  const exception = span.events.findLast((event) => event.name === 'exception')?.attributes;
  if (span.statusCode !== StatusCode.UNSET)
    tags['otel.status_code'] = span.statusCode === StatusCode.OK ? 'OK' : 'ERROR';
  if (span.statusCode === StatusCode.ERROR) {
    tags['error'] = zipkinErrorText(span.statusMessage, exception, tags['error'] ?? span.attributes['error.type']);
  }
  if (span.droppedAttributes > 0) tags['otel.dropped_attributes_count'] = String(span.droppedAttributes);
  if (span.droppedEvents > 0) tags['otel.dropped_events_count'] = String(span.droppedEvents);
  if (span.droppedLinks > 0) tags['otel.dropped_links_count'] = String(span.droppedLinks);
  if (exception !== undefined) {
    for (const key of EXCEPTION_TAGS) {
      const value = exception[key];
      if (value !== undefined) tags[key] = String(value);
    }
  }
  for (let at = 0; at < span.links.length && at < MAX_LINKS; at += 1)
    tags[`otlp.link.${at}`] = linkText(span.links[at]!);
}

/** What the `error` tag of a failed span says: the first of these that says anything, else `true`. */
export function zipkinErrorText(
  message: string | undefined,
  exception: Attributes | undefined,
  other: AttributeValue | undefined,
): string {
  for (const candidate of [message, exception?.['exception.message'], exception?.['exception.type'], other]) {
    if (candidate !== undefined && candidate !== '') return String(candidate);
  }
  return 'true';
}

function linkText(link: SpanLink): string {
  return `${link.traceId}|${link.spanId}||${JSON.stringify(link.attributes)}|0`;
}

/** The stock exporter's way: one object, later assignments win and keep the place of the first. */
function slowTags(span: SpanData, entryTags: Tags): Tags {
  const tags: Tags = {};
  for (const [key, value] of Object.entries(span.attributes)) {
    if (value !== undefined) setOwn(tags, key, String(value));
  }
  addMadeTags(tags, span);
  for (const [key, value] of Object.entries(entryTags)) setOwn(tags, key, value);
  return tags;
}

/** `tags['__proto__'] = …` would set the prototype instead. */
function setOwn(tags: Tags, key: string, value: string): void {
  if (key === '__proto__')
    Object.defineProperty(tags, key, { value, enumerable: true, configurable: true, writable: true });
  else tags[key] = value;
}

function textOf(tags: Tags): string {
  let text = '';
  for (const [key, value] of Object.entries(tags))
    text += `${text === '' ? '' : ','}${jsonKey(key)}${zipkinString(value)}`;
  return text;
}

function resourceTags(resource: Resource): Tags {
  const tags: Tags = {};
  if (resource.serviceVersion !== '') tags['service.version'] = resource.serviceVersion;
  tags['service.instance.id'] = resource.instanceId;
  tags['deployment.environment.name'] = resource.environment;
  let characters = 0;
  for (const [key, value] of Object.entries(resource.attributes)) {
    if (key === 'service.name' || Object.hasOwn(tags, key)) continue;
    characters += key.length + value.length + 6;
    if (characters > MAX_RESOURCE_CHARACTERS) break;
    setOwn(tags, key, value);
  }
  return tags;
}

function annotations(events: readonly SpanEvent[]): string {
  let text = '';
  for (const event of events) {
    text += `${text === '' ? ',"annotations":[' : ','}{"timestamp":${Math.round(event.timeMicros)},"value":${zipkinString(event.name)}}`;
  }
  return `${text}]`;
}

/** OpenTelemetry specification, "Zipkin transformation", remote endpoint: the first of these that is there. */
function remoteEndpoint(attributes: Attributes): string {
  const address = attributes['server.address'];
  const addressVersion = typeof address === 'string' ? isIP(address) : 0;
  const name = attributes['peer.service'] ?? (addressVersion === 0 ? address : undefined);
  const peer = attributes['network.peer.address'];
  const peerVersion = typeof peer === 'string' ? isIP(peer) : 0;
  const version = peerVersion === 0 ? addressVersion : peerVersion;
  const port = attributes[peerVersion === 0 ? 'server.port' : 'network.peer.port'];
  let text = '';
  if (typeof name === 'string' && name !== '') text += `"serviceName":${zipkinString(name)}`;
  if (version !== 0) text += `${text === '' ? '' : ','}"ipv${version}":"${peerVersion === 0 ? address : peer}"`;
  if (text === '') return '';
  if (typeof port === 'number' && port > 0 && port < 65_536) text += `,"port":${Math.trunc(port)}`;
  return `,"remoteEndpoint":{${text}}`;
}

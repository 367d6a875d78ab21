import { isIP } from 'node:net';
import type { Received } from '../../codec/message-shape.ts';
import type { OtlpEvent, OtlpLink, OtlpSpan, ResourceSpans } from '../../codec/otlp.ts';
import { zipkinErrorText } from '../../codec/zipkin-v2.ts';
import type { SpanRecord } from '../store/store.ts';
import type { ZipkinEndpoint, ZipkinSpan } from '../zipkin-span.ts';
import { attributesJson, attributesText, isId, microsOf, type Refusals } from './otlp-values.ts';
import { recordOf } from './zipkin-spans.ts';

/** `service.name` of the SDK's default resource. */
const UNKNOWN_SERVICE = 'unknown_service';
/** SpanKind of OTLP; internal has no kind in Zipkin. */
const KINDS: readonly (ZipkinSpan['kind'] | undefined)[] = [
  undefined,
  undefined,
  'SERVER',
  'CLIENT',
  'PRODUCER',
  'CONSUMER',
];
const STATUS_OK = 1;
const STATUS_ERROR = 2;
const EXCEPTION_TAGS = ['exception.type', 'exception.message', 'exception.stacktrace'] as const;

/** Attributes that name the remote side, best first. Source: OpenTelemetry, "Zipkin transformation", Remote endpoint. */
const REMOTE_ATTRIBUTES: readonly (readonly [address: string, port?: string])[] = [
  ['peer.service'],
  ['server.address', 'server.port'],
  ['net.peer.name', 'net.peer.port'],
  ['network.peer.address', 'network.peer.port'],
  ['server.socket.domain'],
  ['server.socket.address', 'server.socket.port'],
  ['net.sock.peer.name'],
  ['net.sock.peer.addr', 'net.sock.peer.port'],
  ['peer.hostname'],
  ['peer.address'],
  ['db.name'],
];

/**
 * Spans of OTLP as Zipkin keeps them. Source: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation"; what
 * it leaves open is as the OpenTelemetry Collector has it: attributes of the resource and name of the scope are tags of
 * each span, links are tags `otlp.link.N`, the trace state is `w3c.tracestate`.
 *
 * As in our own encoder, what an exception event says is in tags (and not once more in its annotation), and the error
 * of a span that failed without a description is that of its exception.
 *
 * @param refusals told of spans without valid IDs, which no backend can keep
 */
export function spansOfOtlp(all: readonly Received<ResourceSpans>[], refusals: Refusals): SpanRecord[] {
  const records: SpanRecord[] = [];
  for (const { resource, scopeSpans } of all) {
    const resourceTags = attributesText(resource?.attributes);
    const serviceName = resourceTags.get('service.name') || UNKNOWN_SERVICE;
    resourceTags.delete('service.name');
    for (const { scope, spans } of scopeSpans ?? []) {
      const tags = new Map(resourceTags);
      if (scope?.name) tags.set('otel.scope.name', scope.name);
      if (scope?.version) tags.set('otel.scope.version', scope.version);
      for (const span of spans ?? []) {
        if (!isId(span.traceId, 16))
          refusals.add(1, 'got a span without a valid trace ID, wanted 16 bytes, not all zero');
        else if (!isId(span.spanId, 8))
          refusals.add(1, 'got a span without a valid span ID, wanted 8 bytes, not all zero');
        else records.push(recordOf(zipkinSpan(span, { traceId: span.traceId, id: span.spanId }, serviceName, tags)));
      }
    }
  }
  return records;
}

function zipkinSpan(
  span: Received<OtlpSpan>,
  ids: { readonly traceId: string; readonly id: string },
  serviceName: string,
  outerTags: ReadonlyMap<string, string>,
): ZipkinSpan {
  const attributes = attributesText(span.attributes);
  const kind = KINDS[span.kind ?? 0];
  const timestamp = microsOf(span.startTimeUnixNano);
  const end = microsOf(span.endTimeUnixNano);
  const remote = kind === 'CLIENT' || kind === 'PRODUCER' ? remoteEndpoint(attributes) : undefined;
  const tags = new Map([...outerTags, ...attributes]);
  addMadeTags(tags, span);
  return {
    ...ids,
    ...(isId(span.parentSpanId, 8) && { parentId: span.parentSpanId }),
    ...(kind !== undefined && { kind }),
    ...(span.name && { name: span.name }),
    ...(timestamp > 0 && { timestamp }),
    // Zipkin takes a duration of 0 as unknown.
    ...(timestamp > 0 && end >= timestamp && { duration: Math.max(1, end - timestamp) }),
    localEndpoint: { serviceName },
    ...(remote !== undefined && { remoteEndpoint: remote }),
    ...((span.events?.length ?? 0) > 0 && { annotations: span.events!.map(annotation) }),
    ...(tags.size > 0 && { tags: Object.fromEntries(tags) }),
  };
}

function addMadeTags(tags: Map<string, string>, span: Received<OtlpSpan>): void {
  const exceptionEvent = span.events?.findLast((event) => event.name === 'exception');
  const exception = Object.fromEntries(attributesText(exceptionEvent?.attributes));
  for (const key of EXCEPTION_TAGS) if (exception[key] !== undefined) tags.set(key, exception[key]);
  const code = span.status?.code;
  // Zipkin takes any span with this tag as failed, `false` or not.
  const given = tags.get('error');
  tags.delete('error');
  if (code === STATUS_OK) tags.set('otel.status_code', 'OK');
  if (code === STATUS_ERROR) {
    tags.set('otel.status_code', 'ERROR');
    tags.set('error', zipkinErrorText(span.status?.message, exception, given ?? tags.get('error.type')));
  }
  if (span.traceState) tags.set('w3c.tracestate', span.traceState);
  if (span.droppedAttributesCount) tags.set('otel.dropped_attributes_count', String(span.droppedAttributesCount));
  if (span.droppedEventsCount) tags.set('otel.dropped_events_count', String(span.droppedEventsCount));
  if (span.droppedLinksCount) tags.set('otel.dropped_links_count', String(span.droppedLinksCount));
  for (const [index, link] of span.links?.entries() ?? []) tags.set(`otlp.link.${index}`, linkText(link));
}

function linkText(link: Received<OtlpLink>): string {
  const attributes = JSON.stringify(attributesJson(link.attributes));
  return `${link.traceId ?? ''}|${link.spanId ?? ''}|${link.traceState ?? ''}|${attributes}|${link.droppedAttributesCount ?? 0}`;
}

/** `"name": {attributes}`, or the name alone when there is nothing to add. */
function annotation(event: Received<OtlpEvent>): { timestamp: number; value: string } {
  const { name = '' } = event;
  const attributes = attributesJson(event.attributes);
  if (name === 'exception') for (const key of EXCEPTION_TAGS) delete attributes[key];
  return {
    timestamp: microsOf(event.timeUnixNano),
    value: Object.keys(attributes).length === 0 ? name : `${JSON.stringify(name)}: ${JSON.stringify(attributes)}`,
  };
}

function remoteEndpoint(attributes: ReadonlyMap<string, string>): ZipkinEndpoint | undefined {
  for (const [addressKey, portKey] of REMOTE_ATTRIBUTES) {
    const address = attributes.get(addressKey) ?? '';
    if (address === '') continue;
    const endpoint = isIP(address) === 0 ? { serviceName: address } : ipOf(address);
    // The address of the peer says more about where a named service was than its name alone.
    const peer = attributes.get('network.peer.address') ?? '';
    const known = isIP(peer) !== 0;
    const port = portOf(attributes.get(known ? 'network.peer.port' : (portKey ?? '')));
    return { ...endpoint, ...(known && ipOf(peer)), ...(port !== undefined && { port }) };
  }
  return undefined;
}

function ipOf(address: string): ZipkinEndpoint {
  return isIP(address) === 6 ? { ipv6: address } : { ipv4: address };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

import { MessageMalformed, type Received } from '../../codec/message-shape.ts';
import { decodeZipkinProtobuf, type ProtobufEndpoint, type ProtobufSpan } from '../../codec/zipkin-protobuf.ts';
import type { SpanRecord } from '../store/store.ts';
import { normaliseSpan, recordOf, SpansMalformed } from './zipkin-spans.ts';

const KINDS = [undefined, 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'] as const;

/**
 * Reads Zipkin's `ListOfSpans`, with the checks of the JSON form.
 *
 * @throws SpansMalformed
 */
export function readZipkinProtobuf(body: Buffer): SpanRecord[] {
  let spans: readonly Received<ProtobufSpan>[];
  try {
    spans = decodeZipkinProtobuf(body);
  } catch (error) {
    if (!(error instanceof MessageMalformed)) throw error;
    throw new SpansMalformed(`${error.message} reading List<Span> from proto3`);
  }
  return spans.map((span, index) => {
    const kind = KINDS[span.kind ?? 0];
    const given = {
      ...span,
      ...(kind === undefined ? { kind: undefined } : { kind }),
      localEndpoint: endpointOf(span.localEndpoint),
      remoteEndpoint: endpointOf(span.remoteEndpoint),
      // Zipkin passes over an annotation that lacks either half, and over a tag without a key.
      annotations: span.annotations?.filter(({ timestamp, value }) => timestamp !== undefined && value !== undefined),
      tags: Object.fromEntries((span.tags ?? []).flatMap(({ key, value = '' }) => (key ? [[key, value]] : []))),
    };
    return recordOf(normaliseSpan(given, `$[${index}]`, 'reading List<Span> from proto3'));
  });
}

function endpointOf(endpoint: Received<ProtobufEndpoint> | undefined): object | undefined {
  if (endpoint === undefined) return undefined;
  const { serviceName, ipv4, ipv6, port } = endpoint;
  return {
    serviceName,
    ...(ipv4?.length === 8 && { ipv4: [...Buffer.from(ipv4, 'hex')].join('.') }),
    ...(ipv6?.length === 32 && { ipv6: ipv6.match(/.{4}/g)!.join(':') }),
    port,
  };
}

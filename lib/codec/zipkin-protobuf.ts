import { many, message, one, type Received } from './message-shape.ts';
import { decodeProtobuf } from './protobuf-decoder.ts';

/** An endpoint of Zipkin's Protocol Buffers; addresses are hexadecimal here. */
export interface ProtobufEndpoint {
  readonly serviceName: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly port: number;
}

/** A span of Zipkin's Protocol Buffers (zipkin-api, `zipkin.proto`). */
export interface ProtobufSpan {
  readonly traceId: string;
  readonly parentId: string;
  readonly id: string;
  /** 1 client, 2 server, 3 producer, 4 consumer. */
  readonly kind: number;
  readonly name: string;
  /** Microseconds. */
  readonly timestamp: string;
  /** Microseconds. */
  readonly duration: string;
  readonly localEndpoint: ProtobufEndpoint;
  readonly remoteEndpoint: ProtobufEndpoint;
  readonly annotations: readonly { readonly timestamp: string; readonly value: string }[];
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly debug: boolean;
  readonly shared: boolean;
}

const endpoint = message({
  1: one('serviceName', 'string'),
  2: one('ipv4', 'hex'),
  3: one('ipv6', 'hex'),
  4: one('port', 'uint32'),
});
const annotation = message({ 1: one('timestamp', 'fixed64'), 2: one('value', 'string') });
const tag = message({ 1: one('key', 'string'), 2: one('value', 'string') });
const span = message({
  1: one('traceId', 'hex'),
  2: one('parentId', 'hex'),
  3: one('id', 'hex'),
  4: one('kind', 'uint32'),
  5: one('name', 'string'),
  6: one('timestamp', 'fixed64'),
  7: one('duration', 'uint64'),
  8: one('localEndpoint', () => endpoint),
  9: one('remoteEndpoint', () => endpoint),
  10: many('annotations', () => annotation),
  11: many('tags', () => tag),
  12: one('debug', 'boolean'),
  13: one('shared', 'boolean'),
});
const listOfSpans = message({ 1: many('spans', () => span) });

/** `ListOfSpans`. @throws MessageMalformed */
export function decodeZipkinProtobuf(body: Buffer): readonly Received<ProtobufSpan>[] {
  return (decodeProtobuf(body, listOfSpans) as { spans?: readonly Received<ProtobufSpan>[] }).spans ?? [];
}

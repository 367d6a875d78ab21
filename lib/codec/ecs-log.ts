import type { Resource } from '../model/resource.ts';
import { jsonString } from './json-string.ts';

/** The version of the Elastic Common Schema whose names are used. */
export const ECS_VERSION = '8.17.0';

/**
 * First segments of the names that a document of ours may carry. A field of the app under one of them could forge a fact, or
 * break the mapping of the data stream (a text where an object is), and is kept as `app.<name>`.
 */
const RESERVED_ROOTS: ReadonlySet<string> = new Set([
  '@timestamp',
  'message',
  'log',
  'ecs',
  'service',
  'host',
  'process',
  'trace',
  'span',
  'transaction',
  'correlation',
  'event',
  'data_stream',
  'error',
  'http',
  'url',
  'client',
  'user_agent',
  'handler',
  'app',
]);

/** Fields of the index itself: Elasticsearch refuses a document that brings one. `_` and other such names are free. */
const METADATA =
  /^_(?:id|index|source|type|routing|field_names|ignored|ignored_source|seq_no|primary_term|version|doc_count|tier|nested_path|size|feature|tsid|ts_routing_hash|inference_fields|data_stream_timestamp)$/;

/** Whether an app may not use this field name, dotted or not. */
export function isReservedField(name: string): boolean {
  const dot = name.indexOf('.');
  return RESERVED_ROOTS.has(dot < 0 ? name : name.slice(0, dot)) || METADATA.test(name);
}

/** Segments of a dotted name: each is a level of the mapping. */
const MAX_SEGMENTS = 8;
/** Characters of a field name. */
const MAX_FIELD_NAME = 256;
/** Names with an empty segment, blank or at an end, which an index refuses together with their document. */
const EMPTY_SEGMENT = /^\s*(?:\.|$)|\.\s*(?:\.|$)/;

/** The name under which an index takes a field: itself for every ordinary name. What is made never has a level of its own. */
export function fieldNameOf(key: string): string {
  const name = key.length > MAX_FIELD_NAME ? key.slice(0, MAX_FIELD_NAME) : key;
  if (EMPTY_SEGMENT.test(name)) return name.replaceAll('.', '_').trim() === '' ? '_' : name.replaceAll('.', '_');
  return name.split('.', MAX_SEGMENTS + 1).length <= MAX_SEGMENTS ? name : name.replaceAll('.', '_');
}

/** What stays the same in all documents of a process. */
export interface StaticFields {
  readonly resource: Resource;
  readonly dataset: string;
  readonly namespace: string;
}

/** The fields that every document of the process ends its head with, as JSON text that starts with a comma. */
export function encodeStaticFields({ resource, dataset, namespace }: StaticFields): string {
  const fields: Record<string, string | number> = {
    'ecs.version': ECS_VERSION,
    'service.name': resource.serviceName,
    ...(resource.serviceVersion !== '' && { 'service.version': resource.serviceVersion }),
    'service.environment': resource.environment,
    'service.node.name': resource.instanceId,
    'host.hostname': resource.hostName,
    'process.pid': resource.pid,
    'event.dataset': dataset,
    'data_stream.type': 'logs',
    'data_stream.dataset': dataset,
    'data_stream.namespace': namespace,
  };
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** IDs of the request or trace that a line belongs to. */
export interface LineIds {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly correlationId: string | undefined;
}

/** 9999-12-31T23:59:59.999Z: what is later is no date of ISO 8601 with four digits, which an index refuses. */
const LAST_MILLIS = 253_402_300_799_999;
let lastMillis = Number.NaN;
let lastText = '';

/** ISO 8601 in UTC with milliseconds; lines of one millisecond share the text. A clock outside of 1970 to 9999 is not believed. */
export function isoTime(epochMillis: number): string {
  if (epochMillis !== lastMillis) {
    const believed = epochMillis >= 0 && epochMillis <= LAST_MILLIS;
    lastText = new Date(believed ? epochMillis : Date.now()).toISOString();
    lastMillis = believed ? epochMillis : Number.NaN;
  }
  return lastText;
}

/**
 * The head of a document, in the order that the ECS logging specification asks for (`@timestamp`, `log.level`, `message`), then what is
 * static, then the IDs. Open JSON object: append `,"name":value` pairs and `}`.
 *
 * Source: elastic/ecs-logging, `spec/spec.json`.
 */
export function encodeHead(
  epochMillis: number,
  level: string,
  message: string,
  staticFields: string,
  ids: LineIds,
): string {
  let head = `{"@timestamp":"${isoTime(epochMillis)}","log.level":${jsonString(level)},"message":${jsonString(message)}${staticFields}`;
  // Of any span, also one that a library made up: its IDs are texts like others.
  if (ids.traceId !== undefined) head += `,"trace.id":${jsonString(ids.traceId)}`;
  if (ids.spanId !== undefined) head += `,"span.id":${jsonString(ids.spanId)}`;
  if (ids.correlationId !== undefined) head += `,"correlation.id":${jsonString(ids.correlationId)}`;
  return head;
}

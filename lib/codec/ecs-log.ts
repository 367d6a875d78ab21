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
  'app',
]);

/** Whether an app may not use this field name, dotted or not. */
export function isReservedField(name: string): boolean {
  const dot = name.indexOf('.');
  return (
    RESERVED_ROOTS.has(dot < 0 ? name : name.slice(0, dot)) ||
    name === '_id' ||
    name === '_index' ||
    name === '_source' ||
    name === ''
  );
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

let lastMillis = Number.NaN;
let lastText = '';

/** ISO 8601 in UTC with milliseconds; lines of one millisecond share the text. */
export function isoTime(epochMillis: number): string {
  if (epochMillis !== lastMillis) {
    // Outside of the range of Date there is no text: such a clock is not believed.
    lastText = new Date(Math.abs(epochMillis) <= 8.64e15 ? epochMillis : Date.now()).toISOString();
    lastMillis = epochMillis;
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
  if (ids.traceId !== undefined) head += `,"trace.id":"${ids.traceId}"`;
  if (ids.spanId !== undefined) head += `,"span.id":"${ids.spanId}"`;
  if (ids.correlationId !== undefined) head += `,"correlation.id":${jsonString(ids.correlationId)}`;
  return head;
}

import { jsonNumber, jsonText } from '../json-value.ts';
import type { SpanRecord } from '../store/store.ts';
import { CORRELATION_TAG, spanFailed, type ZipkinSpan } from '../zipkin-span.ts';

/** The list is not what Zipkin takes; the message is the body of its 400. */
export class SpansMalformed extends Error {
  override readonly name = 'SpansMalformed';
}

const KINDS = new Set(['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']);
const READING = 'reading List<Span> from json';

/**
 * Reads a list of Zipkin v2 spans with the checks and the words of Zipkin 3.6 (recorded from the server): which IDs are
 * refused, what a missing field is called. Unknown members are skipped; numbers given as strings are numbers.
 *
 * @throws SpansMalformed
 */
export function readZipkinSpans(text: string): SpanRecord[] {
  if (text.trim() === '') return [];
  if (!/^\s*\[/.test(text)) throw new SpansMalformed('Expected a JSON_V2 encoded list\n');
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new SpansMalformed(`${(error as Error).message} ${READING}`);
  }
  return (list as unknown[]).map((entry, index) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new SpansMalformed(`Malformed ${READING}`);
    if ('binaryAnnotations' in entry)
      throw new SpansMalformed('Expected a JSON_V2 encoded list, but received: JSON_V1\n');
    return recordOf(normalise(entry as Record<string, unknown>, `$[${index}]`));
  });
}

/** The columns under which a span is found, beside its wire form. */
export function recordOf(span: ZipkinSpan): SpanRecord {
  return {
    traceId: span.traceId,
    spanId: span.id,
    service: span.localEndpoint?.serviceName?.toLowerCase() ?? '',
    remoteService: span.remoteEndpoint?.serviceName?.toLowerCase() ?? '',
    name: span.name?.toLowerCase() ?? '',
    timestamp: span.timestamp ?? 0,
    duration: span.duration ?? 0,
    error: spanFailed(span),
    correlationId: span.tags?.[CORRELATION_TAG],
    body: JSON.stringify(span),
  };
}

function normalise(entry: Record<string, unknown>, path: string): ZipkinSpan {
  const traceId = hexId(entry['traceId'], 'traceId', `${path}.traceId`);
  if (/^0+$/.test(traceId)) throw new SpansMalformed(`traceId is all zeros ${READING}`);
  const id = hexId(entry['id'], 'id', `${path}.id`);
  const parentId =
    entry['parentId'] === undefined || entry['parentId'] === null
      ? undefined
      : hexId(entry['parentId'], 'parentId', `${path}.parentId`);
  const kind = entry['kind'];
  if (kind !== undefined && kind !== null && !KINDS.has(jsonText(kind)))
    throw new SpansMalformed(`No enum constant zipkin2.Span.Kind.${jsonText(kind).slice(0, 50)} ${READING}`);
  const timestamp = whole(entry['timestamp'], `${path}.timestamp`);
  const duration = whole(entry['duration'], `${path}.duration`);
  return {
    traceId: traceId.padStart(traceId.length > 16 ? 32 : 16, '0'),
    id: id.padStart(16, '0'),
    ...(parentId !== undefined && !/^0+$/.test(parentId) && { parentId: parentId.padStart(16, '0') }),
    ...(kind !== undefined && kind !== null && { kind: kind as 'SERVER' }),
    ...present('name', text(entry['name'])),
    ...(timestamp > 0 && { timestamp }),
    ...(duration > 0 && { duration }),
    ...present('localEndpoint', endpoint(entry['localEndpoint'])),
    ...present('remoteEndpoint', endpoint(entry['remoteEndpoint'])),
    ...present('annotations', annotations(entry['annotations'], path)),
    ...present('tags', tags(entry['tags'], path)),
    ...(entry['debug'] === true && { debug: true }),
    ...(entry['shared'] === true && { shared: true }),
  };
}

function present<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

function hexId(value: unknown, name: string, path: string): string {
  if (value === undefined) throw new SpansMalformed(`Missing : ${name} ${READING}`);
  if (value === null || typeof value === 'object' || typeof value === 'boolean')
    throw new SpansMalformed(`Expected a string but was ${value === null ? 'NULL' : 'BEGIN'} path ${path} ${READING}`);
  const id = String(value);
  const longest = name === 'traceId' ? 32 : 16;
  if (id === '') throw new SpansMalformed(`${name} is empty ${READING}`);
  if (id.length > longest) throw new SpansMalformed(`${name}.length > ${longest} ${READING}`);
  if (!/^[0-9a-f]+$/.test(id)) throw new SpansMalformed(`${id} should be lower-hex encoded with no prefix ${READING}`);
  return id;
}

function whole(value: unknown, path: string): number {
  if (value === undefined || value === null) return 0;
  const number = jsonNumber(value);
  if (!Number.isSafeInteger(number) || value === '')
    throw new SpansMalformed(`Expected a long but was ${jsonText(value).slice(0, 50)} path ${path} ${READING}`);
  return number;
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : jsonText(value);
}

function endpoint(value: unknown): ZipkinSpan['localEndpoint'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = value as Record<string, unknown>;
  const port = jsonNumber(given['port'] ?? 0);
  const result = {
    ...present('serviceName', text(given['serviceName'])),
    ...present('ipv4', text(given['ipv4'])),
    ...present('ipv6', text(given['ipv6'])),
    ...(Number.isInteger(port) && port > 0 && port <= 65_535 && { port }),
  };
  return Object.keys(result).length === 0 ? undefined : result;
}

function annotations(value: unknown, path: string): ZipkinSpan['annotations'] {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value
    .map((entry: unknown, index) => {
      const given = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
      const timestamp = whole(given['timestamp'], `${path}.annotations[${index}].timestamp`);
      if (timestamp === 0 || given['value'] === undefined)
        throw new SpansMalformed(`Incomplete annotation at ${path}.annotations[${index}].timestamp ${READING}`);
      return { timestamp, value: jsonText(given['value']) };
    })
    .sort((one, other) => one.timestamp - other.timestamp);
}

function tags(value: unknown, path: string): ZipkinSpan['tags'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const result: Record<string, string> = {};
  for (const [key, tag] of Object.entries(value)) {
    if (tag === null) throw new SpansMalformed(`No value at ${path}.tags.${key} ${READING}`);
    Object.defineProperty(result, key, {
      value: jsonText(tag),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

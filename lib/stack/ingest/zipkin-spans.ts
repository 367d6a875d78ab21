import { isIP } from 'node:net';
import { jsonNumber, jsonText } from '../json-value.ts';
import type { SpanRecord } from '../store/store.ts';
import { CORRELATION_TAG, spanFailed, type ZipkinSpan } from '../zipkin-span.ts';

/** The list is not what Zipkin takes; the message is the body of its 400. */
export class SpansMalformed extends Error {
  override readonly name = 'SpansMalformed';
}

/** What Zipkin says to spans of its version 1 where it wants version 2. */
export const V1_REFUSED = 'Expected a JSON_V2 encoded list, but received: JSON_V1\n';

const KINDS = new Set(['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']);
const READING = 'reading List<Span> from json';
/** How Zipkin knows a list of its version 1: by the end of this member's name, wherever it stands. */
const V1_MARK = /yAnnotations"/;

/**
 * Reads a list of Zipkin v2 spans with the checks and the words of Zipkin 3.6 (recorded from the server): which IDs are
 * refused, what a missing field is called. Unknown members are skipped; numbers given as strings are numbers.
 *
 * @throws SpansMalformed
 */
export function readZipkinSpans(text: string): SpanRecord[] {
  if (text.trim() === '') return [];
  if (!/^\s*\[/.test(text)) throw new SpansMalformed('Expected a JSON_V2 encoded list\n');
  if (V1_MARK.test(text)) throw new SpansMalformed(V1_REFUSED);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new SpansMalformed(`${(error as Error).message} ${READING}`);
  }
  return (list as unknown[]).map((entry, index) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new SpansMalformed(`Malformed ${READING}`);
    return recordOf(normaliseSpan(entry as Record<string, unknown>, `$[${index}]`, READING));
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

/**
 * A span of any form with the checks and defaults of Zipkin's own builder.
 *
 * @param path of the span, for what is wrong
 * @param reading the end of what is said then
 * @throws SpansMalformed
 */
export function normaliseSpan(entry: Readonly<Record<string, unknown>>, path: string, reading: string): ZipkinSpan {
  const at = { path, reading };
  const traceId = hexId(entry['traceId'], 'traceId', at);
  if (/^0+$/.test(traceId)) throw new SpansMalformed(`traceId is all zeros ${reading}`);
  const id = hexId(entry['id'], 'id', at);
  const parentId =
    entry['parentId'] === undefined || entry['parentId'] === null
      ? undefined
      : hexId(entry['parentId'], 'parentId', at);
  const kind = entry['kind'];
  if (kind !== undefined && kind !== null && !KINDS.has(jsonText(kind)))
    throw new SpansMalformed(`No enum constant zipkin2.Span.Kind.${jsonText(kind).slice(0, 50)} ${reading}`);
  const timestamp = whole(entry['timestamp'], 'timestamp', at);
  const duration = whole(entry['duration'], 'duration', at);
  return {
    traceId: traceId.padStart(traceId.length > 16 ? 32 : 16, '0'),
    id: id.padStart(16, '0'),
    ...present('parentId', parentOf(parentId, id)),
    ...(kind !== undefined && kind !== null && { kind: kind as 'SERVER' }),
    ...present('name', text(entry['name'])),
    ...(timestamp > 0 && { timestamp }),
    ...(duration > 0 && { duration }),
    ...present('localEndpoint', endpoint(entry['localEndpoint'])),
    ...present('remoteEndpoint', endpoint(entry['remoteEndpoint'])),
    ...present('annotations', annotations(entry['annotations'], at)),
    ...present('tags', tags(entry['tags'], at)),
    ...(entry['debug'] === true && { debug: true }),
    // Shared is what a server may be; said of a client it is a slip.
    ...(entry['shared'] === true && kind !== 'CLIENT' && { shared: true }),
  };
}

/** Zipkin leaves out a parent of zeros, and one that is the span itself. */
function parentOf(parentId: string | undefined, id: string): string | undefined {
  const parent = parentId?.padStart(16, '0');
  return parent === undefined || /^0+$/.test(parent) || parent === id.padStart(16, '0') ? undefined : parent;
}

function present<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

interface Place {
  readonly path: string;
  readonly reading: string;
}

function hexId(value: unknown, name: string, { path, reading }: Place): string {
  if (value === undefined) throw new SpansMalformed(`Missing : ${name} ${reading}`);
  if (value === null || typeof value === 'object' || typeof value === 'boolean')
    throw new SpansMalformed(
      `Expected a string but was ${value === null ? 'NULL' : 'BEGIN'} path ${path}.${name} ${reading}`,
    );
  const id = String(value);
  const longest = name === 'traceId' ? 32 : 16;
  if (id === '') throw new SpansMalformed(`${name} is empty ${reading}`);
  if (id.length > longest) throw new SpansMalformed(`${name}.length > ${longest} ${reading}`);
  if (!/^[0-9a-f]+$/.test(id)) throw new SpansMalformed(`${id} should be lower-hex encoded with no prefix ${reading}`);
  return id;
}

function whole(value: unknown, name: string, { path, reading }: Place): number {
  if (value === undefined || value === null) return 0;
  const number = jsonNumber(value);
  if (!Number.isSafeInteger(number) || value === '')
    throw new SpansMalformed(`Expected a long but was ${jsonText(value).slice(0, 50)} path ${path}.${name} ${reading}`);
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
    ...addressOf(text(given['ipv4'])),
    ...addressOf(text(given['ipv6'])),
    ...(Number.isInteger(port) && port > 0 && port <= 65_535 && { port }),
  };
  return Object.keys(result).length === 0 ? undefined : result;
}

/** An address in the field of its kind and in its short form; what is none is left out. */
function addressOf(given: string | undefined): { ipv4?: string; ipv6?: string } {
  const version = given === undefined ? 0 : isIP(given);
  if (version === 4) return { ipv4: given! };
  if (version !== 6 || given!.includes('%')) return {};
  const short = new URL(`http://[${given}]`).hostname.slice(1, -1);
  // IPv4 within IPv6, as sockets of both kinds tell it.
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return { ipv6: short };
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return { ipv4: [high >> 8, high & 255, low >> 8, low & 255].join('.') };
}

function annotations(value: unknown, at: Place): ZipkinSpan['annotations'] {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const read = value
    .map((entry: unknown, index) => {
      const given = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
      const timestamp = whole(given['timestamp'], `annotations[${index}].timestamp`, at);
      if (timestamp === 0 || given['value'] === undefined)
        throw new SpansMalformed(`Incomplete annotation at ${at.path}.annotations[${index}].timestamp ${at.reading}`);
      return { timestamp, value: jsonText(given['value']) };
    })
    .sort((one, other) => one.timestamp - other.timestamp || (one.value < other.value ? -1 : 1));
  return read.filter(
    ({ timestamp, value: said }, index) => read[index - 1]?.timestamp !== timestamp || read[index - 1]?.value !== said,
  );
}

function tags(value: unknown, { path, reading }: Place): ZipkinSpan['tags'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const result: Record<string, string> = {};
  for (const [key, tag] of Object.entries(value)) {
    if (tag === null) throw new SpansMalformed(`No value at ${path}.tags.${key} ${reading}`);
    Object.defineProperty(result, key, {
      value: jsonText(tag),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

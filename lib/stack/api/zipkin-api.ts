import { BodyMalformed } from '../http/body.ts';
import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply, textReply } from '../http/exchange.ts';
import { readZipkinSpans, SpansMalformed } from '../ingest/zipkin-spans.ts';
import type { TraceQuery } from '../query/trace-query.ts';
import type { Store } from '../store/store.ts';
import type { ZipkinEndpoint, ZipkinSpan } from '../zipkin-span.ts';

/** Bytes of one POST, decompressed. Zipkin's own limit is 10 MiB. */
const MAX_BODY_BYTES = 10 * 1024 ** 2;
/** Zipkin's `QUERY_LOOKBACK`. */
const DEFAULT_LOOKBACK_MILLIS = 86_400_000;
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 1000;
/** IDs of one traceMany. */
const MAX_MANY = 200;

class BadRequest extends Error {}

/**
 * Zipkin's v2 API: taking spans and reading them. Statuses and words are those of Zipkin 3.6, recorded from the server.
 * Source: zipkin-api `zipkin2-api.yaml`.
 */
export function createZipkinApi(options: {
  store: Store;
  now?: () => number;
  onSpans?: (count: number) => void;
}): BackendApi {
  const { store, now = Date.now, onSpans } = options;

  async function post(exchange: Exchange): Promise<Reply> {
    const type = exchange.headers['content-type'] ?? '';
    if (/protobuf|thrift/i.test(type))
      return textReply(
        415,
        `got content-type ${type.slice(0, 80)}, wanted application/json: the local stack reads Zipkin v2 JSON\n`,
      );
    let text: string;
    try {
      text = (await exchange.body(MAX_BODY_BYTES)).toString('utf8');
    } catch (error) {
      if (error instanceof BodyMalformed) return textReply(400, 'Cannot gunzip spans');
      throw error;
    }
    let spans: ReturnType<typeof readZipkinSpans>;
    try {
      spans = readZipkinSpans(text);
    } catch (error) {
      if (error instanceof SpansMalformed) return textReply(400, error.message);
      throw error;
    }
    if (spans.length > 0) await store.appendSpans(spans);
    onSpans?.(spans.length);
    return { status: 202 };
  }

  async function read(exchange: Exchange, what: string, rest: string[]): Promise<Reply> {
    const { query } = exchange;
    switch (what) {
      case 'services':
        return jsonReply(200, await store.services());
      case 'spans':
        return jsonReply(200, await store.spanNames(mandatory(query, 'serviceName')));
      case 'remoteServices':
        return jsonReply(200, await store.remoteServices(mandatory(query, 'serviceName')));
      case 'traces':
        return list(await store.traces(readTraceQuery(query, now())));
      case 'trace': {
        if (rest.length !== 1) break;
        const traceId = normalId(rest[0]!);
        const spans = await store.trace(traceId);
        return spans.length === 0
          ? textReply(404, `${traceId} not found`)
          : { ...jsonReply(200, null), body: traceText(spans) };
      }
      case 'traceMany':
        return list(
          (await Promise.all(manyIds(query).map((id) => store.trace(id)))).filter((spans) => spans.length > 0),
        );
      case 'autocompleteKeys':
      case 'autocompleteValues':
        // What Zipkin says when no keys are configured.
        return jsonReply(200, []);
      case 'dependencies':
        mandatory(query, 'endTs');
        return textReply(501, 'dependencies are not supported by the local stack; ask /api/v2/traces');
    }
    return textReply(404, '404 Not Found');
  }

  return {
    async handle(exchange) {
      // Zipkin serves its API under /zipkin as well.
      const segments = exchange.segments[0] === 'zipkin' ? exchange.segments.slice(1) : exchange.segments;
      const [api, version, what = '', ...rest] = segments;
      const reading = exchange.method === 'GET' || exchange.method === 'HEAD';
      if (reading && api === 'health' && segments.length === 1) {
        return jsonReply(200, {
          status: 'UP',
          zipkin: { status: 'UP', details: { SightlineStorage: { status: 'UP' } } },
        });
      }
      if (api !== 'api' || version !== 'v2')
        return textReply(
          404,
          api === 'api' && version === 'v1'
            ? 'api v1 is not supported by the local stack; send Zipkin v2 JSON'
            : '404 Not Found',
        );
      if (exchange.method === 'POST' && what === 'spans' && rest.length === 0) return post(exchange);
      if (!reading) return textReply(404, '404 Not Found');
      try {
        return await read(exchange, what, rest);
      } catch (error) {
        if (error instanceof BadRequest) return textReply(400, error.message);
        throw error;
      }
    },
    refuse(refusal: Refusal): Reply {
      return textReply(refusal.status, refusal.reason, refusal.headers);
    },
  };
}

function list(traces: readonly (readonly string[])[]): Reply {
  return { ...jsonReply(200, null), body: `[${traces.map(traceText).join(',')}]` };
}

function traceText(spans: readonly string[]): string {
  return `[${spans.map((body) => JSON.stringify(lowerNames(JSON.parse(body) as ZipkinSpan))).join(',')}]`;
}

/** Zipkin keeps names in lower case and answers so; the correlation page keeps them as they were sent. */
function lowerNames(span: ZipkinSpan): ZipkinSpan {
  const lowered: Record<string, unknown> = { ...span };
  if (span.name !== undefined) lowered['name'] = span.name.toLowerCase();
  for (const side of ['localEndpoint', 'remoteEndpoint'] as const) {
    const endpoint: ZipkinEndpoint | undefined = span[side];
    if (endpoint?.serviceName !== undefined)
      lowered[side] = { ...endpoint, serviceName: endpoint.serviceName.toLowerCase() };
  }
  return lowered as unknown as ZipkinSpan;
}

function mandatory(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw new BadRequest(`Mandatory parameter/header/attribute is missing: ${name}`);
  return value;
}

function normalId(id: string): string {
  if (id.length > 32) throw new BadRequest('traceId.length > 32');
  if (!/^[0-9a-f]+$/.test(id)) throw new BadRequest(`${id} should be lower-hex encoded with no prefix`);
  return id.padStart(id.length > 16 ? 32 : 16, '0');
}

function manyIds(query: URLSearchParams): string[] {
  const given = mandatory(query, 'traceIds')
    .split(',')
    .filter((id) => id !== '');
  if (given.length === 1) throw new BadRequest('Use /api/v2/trace/{traceId} endpoint to retrieve a single trace');
  if (given.length > MAX_MANY)
    throw new BadRequest(`too many trace IDs: got ${given.length}, wanted at most ${MAX_MANY}`);
  const ids = new Set<string>();
  for (const id of given) {
    if (ids.has(normalId(id))) throw new BadRequest(`redundant traceId: ${id}`);
    ids.add(normalId(id));
  }
  return [...ids];
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^[+-]?\d{1,18}$/.test(value)) throw new BadRequest(`For input string: "${value}"`);
  return Number(value);
}

/** @throws BadRequest with Zipkin's words */
export function readTraceQuery(query: URLSearchParams, nowMillis: number): TraceQuery {
  const endTs = integer(query, 'endTs') ?? nowMillis;
  const lookback = integer(query, 'lookback') ?? DEFAULT_LOOKBACK_MILLIS;
  const limit = integer(query, 'limit') ?? DEFAULT_LIMIT;
  const minDuration = integer(query, 'minDuration');
  const maxDuration = integer(query, 'maxDuration');
  if (endTs <= 0) throw new BadRequest('endTs <= 0');
  if (lookback <= 0) throw new BadRequest('lookback <= 0');
  if (limit <= 0) throw new BadRequest('limit <= 0');
  if (minDuration !== undefined && minDuration <= 0) throw new BadRequest('minDuration <= 0');
  if (maxDuration !== undefined && minDuration === undefined)
    throw new BadRequest('maxDuration is only valid with minDuration');
  if (maxDuration !== undefined && maxDuration < minDuration!) throw new BadRequest('maxDuration < minDuration');
  return {
    serviceName: named(query, 'serviceName'),
    remoteServiceName: named(query, 'remoteServiceName'),
    spanName: named(query, 'spanName'),
    annotationQuery: readAnnotationQuery(query.get('annotationQuery') ?? ''),
    minDuration,
    maxDuration,
    endTs,
    lookback: Math.min(endTs, lookback),
    limit: Math.min(limit, MAX_LIMIT),
  };
}

/** Zipkin's own UI sends `all` for "any". */
function named(query: URLSearchParams, name: string): string | undefined {
  const value = query.get(name);
  return value === null || value === '' || value === 'all' ? undefined : value;
}

function readAnnotationQuery(text: string): Record<string, string> {
  const wanted: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const part of text.split(' and ')) {
    const trimmed = part.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    if (equals < 0) wanted[trimmed] = '';
    else wanted[trimmed.slice(0, equals)] = trimmed.slice(equals + 1);
  }
  return wanted;
}

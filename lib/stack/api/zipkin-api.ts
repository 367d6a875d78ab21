import { BodyMalformed } from '../http/body.ts';
import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply, textReply } from '../http/exchange.ts';
import { readZipkinProtobuf } from '../ingest/zipkin-protobuf-spans.ts';
import { readZipkinSpans, SpansMalformed, V1_REFUSED } from '../ingest/zipkin-spans.ts';
import type { TraceQuery } from '../query/trace-query.ts';
import type { Store, TimeRange } from '../store/store.ts';
import { withLowerNames, type ZipkinSpan } from '../zipkin-span.ts';

/** Bytes of one POST, decompressed. Zipkin's own limit is 10 MiB. */
const MAX_BODY_BYTES = 10 * 1024 ** 2;
/** Zipkin's `QUERY_LOOKBACK`. */
const DEFAULT_LOOKBACK_MILLIS = 86_400_000;
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 1000;
/** Java's `int`. */
const MAX_INTEGER = 2 ** 31 - 1;
/** IDs of one traceMany. */
const MAX_MANY = 200;

/** More names than this may be cached by browsers: somebody with fewer has only begun, and looks for what is new. */
const CACHED_FROM = 3;
const NAMES_CACHE = { 'cache-control': 'max-age=300, must-revalidate' } as const;
/** Zipkin's `AUTOCOMPLETE_KEYS`: tags of few values that a search begins with. */
const AUTOCOMPLETE_KEYS = [
  'deployment.environment.name',
  'error.type',
  'http.request.method',
  'http.response.status_code',
  'http.route',
  'service.version',
];
/** What Zipkin's own screens ask first; its defaults. */
const UI_CONFIG = {
  environment: '',
  queryLimit: DEFAULT_LIMIT,
  defaultLookback: 900_000,
  searchEnabled: true,
  logsUrl: null,
  supportUrl: null,
  archivePostUrl: null,
  archiveUrl: null,
  dependency: { enabled: true, lowErrorRate: 0.5, highErrorRate: 0.75 },
};

const EMPTY_LIST = Buffer.from('[]');

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

  /** Of the last list of services: whoever has many has been here for a while, and browsers may cache names. */
  let serviceCount = 0;

  function names(values: readonly string[], areServices = false): Reply {
    if (areServices) serviceCount = values.length;
    return jsonReply(200, values, serviceCount > CACHED_FROM ? NAMES_CACHE : {});
  }

  async function post(exchange: Exchange): Promise<Reply> {
    const type = exchange.headers['content-type'] ?? '';
    if (/thrift/i.test(type))
      return textReply(
        415,
        `got content-type ${type.slice(0, 80)}, wanted application/json or application/x-protobuf: the local stack reads Zipkin v2\n`,
      );
    let body: Buffer;
    try {
      body = await exchange.body(MAX_BODY_BYTES);
    } catch (error) {
      if (error instanceof BodyMalformed) return textReply(400, 'Cannot gunzip spans');
      throw error;
    }
    // An empty list is nothing in any form.
    if (body.equals(EMPTY_LIST)) return { status: 202 };
    let spans: ReturnType<typeof readZipkinSpans>;
    try {
      spans = /^application\/x-protobuf/i.test(type)
        ? readZipkinProtobuf(body)
        : readZipkinSpans(body.toString('utf8'));
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
        return names(await store.services(), true);
      case 'spans':
        return names(await ofService(query, (service) => store.spanNames(service)));
      case 'remoteServices':
        return names(await ofService(query, (service) => store.remoteServices(service)));
      case 'traces':
        return list(await store.traces(readTraceQuery(query, now())));
      case 'trace': {
        if (rest.length !== 1) break;
        const traceId = normalId(rest[0]!.trim());
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
        return jsonReply(200, AUTOCOMPLETE_KEYS, NAMES_CACHE);
      case 'autocompleteValues': {
        const key = mandatory(query, 'key');
        if (key === '') throw new BadRequest('key was empty');
        const values = await store.tagValues(key);
        return jsonReply(200, values, values.length > CACHED_FROM ? NAMES_CACHE : {});
      }
      case 'dependencies':
        return jsonReply(200, await store.dependencies(readDependencyRange(query)));
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
      if (reading && api === 'config.json' && segments.length === 1)
        return jsonReply(200, UI_CONFIG, { 'cache-control': 'max-age=600' });
      if (exchange.method === 'POST' && api === 'api' && version === 'v1' && what === 'spans')
        return textReply(400, V1_REFUSED);
      if (api !== 'api' || version !== 'v2') return textReply(404, '404 Not Found');
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

/** Nothing belongs to a service without a name. @throws BadRequest */
async function ofService(query: URLSearchParams, read: (service: string) => Promise<string[]>): Promise<string[]> {
  const service = mandatory(query, 'serviceName');
  return service === '' ? [] : read(service);
}

/** @throws BadRequest with Zipkin's words */
function readDependencyRange(query: URLSearchParams): TimeRange {
  mandatory(query, 'endTs');
  const end = integer(query, 'endTs') ?? 0;
  const lookback = integer(query, 'lookback') ?? DEFAULT_LOOKBACK_MILLIS;
  if (end <= 0) throw new BadRequest('endTs <= 0');
  if (lookback <= 0) throw new BadRequest('lookback <= 0');
  return { start: end - lookback, end };
}

function list(traces: readonly (readonly string[])[]): Reply {
  return { ...jsonReply(200, null), body: `[${traces.map(traceText).join(',')}]` };
}

/** Zipkin answers names in lower case; the correlation page keeps them as they were sent. */
function traceText(spans: readonly string[]): string {
  return `[${spans.map((body) => JSON.stringify(withLowerNames(JSON.parse(body) as ZipkinSpan))).join(',')}]`;
}

function mandatory(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw new BadRequest(`Mandatory parameter/header/attribute is missing: ${name}`);
  return value;
}

function normalId(id: string): string {
  if (id === '') throw new BadRequest('traceId is empty');
  if (id.length > 32) throw new BadRequest('traceId.length > 32');
  if (/^0+$/.test(id)) throw new BadRequest('traceId is all zeros');
  if (!/^[0-9a-f]+$/.test(id)) throw new BadRequest(`${id} should be lower-hex encoded with no prefix`);
  return id.padStart(id.length > 16 ? 32 : 16, '0');
}

function manyIds(query: URLSearchParams): string[] {
  const text = mandatory(query, 'traceIds');
  if (text === '') throw new BadRequest('traceIds parameter is empty');
  const given = text.split(',');
  if (given.length > MAX_MANY)
    throw new BadRequest(`too many trace IDs: got ${given.length}, wanted at most ${MAX_MANY}`);
  const ids = new Set<string>();
  for (const id of given) {
    if (ids.has(normalId(id))) throw new BadRequest(`redundant traceId: ${id}`);
    ids.add(normalId(id));
  }
  if (ids.size === 1) throw new BadRequest('Use /api/v2/trace/{traceId} endpoint to retrieve a single trace');
  return [...ids];
}

function integer(query: URLSearchParams, name: string, most = Number.POSITIVE_INFINITY): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^[+-]?\d{1,18}$/.test(value) || Number(value) > most) throw new BadRequest(`For input string: "${value}"`);
  return Number(value);
}

/** @throws BadRequest with Zipkin's words */
export function readTraceQuery(query: URLSearchParams, nowMillis: number): TraceQuery {
  const endTs = integer(query, 'endTs') ?? nowMillis;
  const lookback = integer(query, 'lookback') ?? DEFAULT_LOOKBACK_MILLIS;
  const limit = integer(query, 'limit', MAX_INTEGER) ?? DEFAULT_LIMIT;
  const minDuration = integer(query, 'minDuration');
  const maxDuration = integer(query, 'maxDuration');
  const spanName = named(query, 'spanName');
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
    spanName: spanName?.toLowerCase() === 'all' ? undefined : spanName,
    annotationQuery: readAnnotationQuery(query.get('annotationQuery') ?? ''),
    minDuration,
    maxDuration,
    endTs,
    lookback: Math.min(endTs, lookback),
    limit: Math.min(limit, MAX_LIMIT),
  };
}

function named(query: URLSearchParams, name: string): string | undefined {
  const value = query.get(name);
  return value === '' ? undefined : (value ?? undefined);
}

/** `error and http.method=GET`: of a tag that is given twice the last value counts, and its value rather than its presence. */
function readAnnotationQuery(text: string): Record<string, string> {
  const wanted: Record<string, string> = Object.create(null) as Record<string, string>;
  if (text === '') return wanted;
  for (const part of text.split(' and ')) {
    const equals = part.indexOf('=');
    if (equals < 0) wanted[part.trim()] ??= '';
    else wanted[part.slice(0, equals).trim()] = part.slice(equals + 1).trim();
  }
  return wanted;
}

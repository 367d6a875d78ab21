import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply } from '../http/exchange.ts';
import { BulkMalformed, takeBulk } from '../ingest/elasticsearch-bulk.ts';
import { isDataStream } from '../ingest/log-document.ts';
import { readSearchRequest } from '../query/esdsl/search-request.ts';
import { UnsupportedQuery } from '../query/unsupported.ts';
import type { LogHit, LogSearch, Store, StreamFacts } from '../store/store.ts';

/** Bytes of one `_bulk`, decompressed. Elasticsearch's own `http.max_content_length` is 100 MiB; 5 to 15 MiB is its advice. */
const MAX_BULK_BYTES = 32 * 1024 ** 2;
const MAX_SEARCH_BYTES = 1024 ** 2;
/** The release whose answers were recorded. Clients read only major and minor. */
const VERSION = '8.19.0';

class ElasticsearchError extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, reason: string) {
    super(reason);
    this.status = status;
    this.type = type;
  }
}

/**
 * The part of Elasticsearch 8 that log shippers and log readers speak: `_bulk`, `_search`, `_count`, existence checks
 * and health. Everything else answers in Elasticsearch's error shape what is not supported.
 * Source: Elasticsearch Guide 8.19, "REST APIs".
 */
export function createElasticsearchApi(options: {
  store: Store;
  now?: () => number;
  onLogs?: (count: number) => void;
}): BackendApi {
  const { store, now = Date.now, onLogs } = options;

  async function bulk(exchange: Exchange, defaultIndex: string | undefined): Promise<Reply> {
    requireJson(exchange);
    const started = now();
    const text = (await exchange.body(MAX_BULK_BYTES)).toString('utf8');
    const items = await takeBulk(text, { store, defaultIndex, nowMillis: started });
    const errors = items.some((item) => 'error' in item.body);
    onLogs?.(items.filter((item) => !('error' in item.body)).length);
    return jsonReply(200, {
      took: Math.max(0, now() - started),
      errors,
      items: items.map((item) => ({ [item.operation]: item.body })),
    });
  }

  async function searchOf(exchange: Exchange, target: string): Promise<{ search: LogSearch; source: boolean }> {
    const text =
      exchange.method === 'POST' || exchange.method === 'GET'
        ? (await exchange.body(MAX_SEARCH_BYTES)).toString('utf8')
        : '';
    if (text.trim() !== '') requireJson(exchange);
    const { source, ...request } = readSearchRequest(parseObject(text), exchange.query, now());
    const streams = target.split(',').filter((name) => name !== '');
    await refuseMissing(exchange, streams);
    return { search: { streams, ...request }, source };
  }

  async function refuseMissing(exchange: Exchange, patterns: readonly string[]): Promise<void> {
    if (exchange.query.get('ignore_unavailable') === 'true') return;
    const plain = patterns.filter((pattern) => !pattern.includes('*') && pattern !== '_all');
    if (plain.length === 0) return;
    const known = new Set((await store.streams()).map((facts) => facts.stream));
    for (const name of plain)
      if (!known.has(name)) throw new ElasticsearchError(404, 'index_not_found_exception', `no such index [${name}]`);
  }

  async function search(exchange: Exchange, target: string): Promise<Reply> {
    const started = now();
    const { search: wanted, source } = await searchOf(exchange, target);
    const result = await store.searchLogs(wanted);
    const total = { value: result.total, relation: result.exact ? 'eq' : 'gte' };
    const hits = result.hits.map((hit) => hitText(hit, source)).join(',');
    const head = JSON.stringify({
      took: Math.max(0, now() - started),
      timed_out: false,
      ...(!result.exact && { terminated_early: true }),
      _shards: { total: 1, successful: 1, skipped: 0, failed: 0 },
    });
    // Documents are given out as they came, byte for byte.
    return {
      ...jsonReply(200, null),
      body: `${head.slice(0, -1)},"hits":{"total":${JSON.stringify(total)},"max_score":null,"hits":[${hits}]}}`,
    };
  }

  async function count(exchange: Exchange, target: string): Promise<Reply> {
    const { search: wanted } = await searchOf(exchange, target);
    const result = await store.searchLogs({ ...wanted, size: 0, from: 0 });
    if (!result.exact)
      throw new ElasticsearchError(
        400,
        'illegal_argument_exception',
        'the count would read too many documents; narrow it by @timestamp, trace.id or correlation.id',
      );
    return jsonReply(200, { count: result.total, _shards: { total: 1, successful: 1, skipped: 0, failed: 0 } });
  }

  async function exists(target: string): Promise<Reply> {
    const known = await matching(target);
    return { status: known.length > 0 ? 200 : 404, headers: { 'content-type': 'application/json' } };
  }

  async function matching(target: string): Promise<StreamFacts[]> {
    const patterns = target
      .split(',')
      .map(
        (pattern) =>
          new RegExp(
            `^${pattern === '_all' ? '.*' : pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`,
          ),
      );
    return (await store.streams()).filter((facts) => patterns.some((pattern) => pattern.test(facts.stream)));
  }

  async function handleIndex(exchange: Exchange, index: string, action: string | undefined): Promise<Reply> {
    const reading = exchange.method === 'GET' || exchange.method === 'POST';
    if (action === undefined && exchange.method === 'HEAD') return exists(index);
    if (action === '_bulk' && exchange.method !== 'GET') return bulk(exchange, index);
    if (action === '_search' && reading) return search(exchange, index);
    if (action === '_count' && reading) return count(exchange, index);
    // Every document is searchable once it is acknowledged: there is nothing to refresh.
    if (action === '_refresh' && reading) return jsonReply(200, { _shards: { total: 1, successful: 1, failed: 0 } });
    if (action === '_create' || action === '_doc') {
      throw new ElasticsearchError(
        400,
        'illegal_argument_exception',
        `[${action}] is not supported by the local stack; send documents to _bulk`,
      );
    }
    throw unsupported(exchange);
  }

  async function handle(exchange: Exchange): Promise<Reply> {
    const [first, second, third] = exchange.segments;
    const reading = exchange.method === 'GET' || exchange.method === 'HEAD';
    if (first === undefined && reading) return jsonReply(200, INFO);
    if (first === '_bulk' && (exchange.method === 'POST' || exchange.method === 'PUT'))
      return bulk(exchange, undefined);
    if (first === '_cluster' && second === 'health' && reading) return jsonReply(200, HEALTH);
    if ((first === '_search' || first === '_count' || first === '_refresh') && exchange.method !== 'HEAD')
      return handleIndex(exchange, '*', first);
    if (first === '_data_stream' && reading) return dataStreams(exchange, second ?? '*');
    if (first === '_cat' && second === 'indices' && reading && exchange.query.get('format') === 'json') {
      return jsonReply(
        200,
        (await matching(third ?? '*')).map((facts) => ({
          health: 'green',
          status: 'open',
          index: facts.stream,
          'docs.count': String(facts.documents),
        })),
      );
    }
    if (first?.startsWith('_') === false && third === undefined) return handleIndex(exchange, first, second);
    throw unsupported(exchange);
  }

  async function dataStreams(exchange: Exchange, target: string): Promise<Reply> {
    const known = (await matching(target)).filter((facts) => isDataStream(facts.stream));
    if (known.length === 0 && !target.includes('*'))
      throw new ElasticsearchError(404, 'index_not_found_exception', `no such index [${target}]`);
    if (exchange.method === 'HEAD') return { status: known.length > 0 ? 200 : 404 };
    return jsonReply(200, {
      data_streams: known.map((facts) => ({
        name: facts.stream,
        timestamp_field: { name: '@timestamp' },
        indices: [],
        generation: 1,
        status: 'GREEN',
        template: 'logs',
        hidden: false,
        system: false,
      })),
    });
  }

  return {
    async handle(exchange) {
      try {
        return asProduct(exchange, await handle(exchange));
      } catch (error) {
        if (error instanceof ElasticsearchError) return asProduct(exchange, errorReply(error));
        if (error instanceof BulkMalformed)
          return asProduct(
            exchange,
            errorReply(new ElasticsearchError(400, 'illegal_argument_exception', error.message)),
          );
        if (error instanceof UnsupportedQuery)
          return asProduct(exchange, errorReply(new ElasticsearchError(400, 'parsing_exception', error.message)));
        throw error;
      }
    },
    refuse(refusal: Refusal): Reply {
      // What waits for the store is back-pressure: Elasticsearch says 429.
      const busy = refusal.status === 503;
      const types: Readonly<Record<number, string>> = {
        413: 'content_too_long_exception',
        400: 'illegal_argument_exception',
        403: 'security_exception',
        504: 'timeout_exception',
      };
      const error = new ElasticsearchError(
        busy ? 429 : refusal.status,
        busy ? 'es_rejected_execution_exception' : (types[refusal.status] ?? 'exception'),
        refusal.reason,
      );
      const reply = errorReply(error);
      return { ...reply, headers: { ...reply.headers, ...PRODUCT, ...refusal.headers } };
    },
  };
}

/** Elastic's clients refuse to speak to a server that does not send this with every answer. */
const PRODUCT = { 'x-elastic-product': 'Elasticsearch' } as const;

const INFO = {
  name: 'sightline',
  cluster_name: 'sightline',
  cluster_uuid: 'sightline',
  version: {
    number: VERSION,
    build_flavor: 'default',
    build_type: 'sightline',
    build_hash: 'sightline',
    build_snapshot: false,
    lucene_version: '9.12.0',
    minimum_wire_compatibility_version: '7.17.0',
    minimum_index_compatibility_version: '7.0.0',
  },
  tagline: 'The local stack of Sightline speaking the log part of the Elasticsearch API',
} as const;

const HEALTH = {
  cluster_name: 'sightline',
  status: 'green',
  timed_out: false,
  number_of_nodes: 1,
  number_of_data_nodes: 1,
  active_primary_shards: 1,
  active_shards: 1,
  relocating_shards: 0,
  initializing_shards: 0,
  unassigned_shards: 0,
  delayed_unassigned_shards: 0,
  number_of_pending_tasks: 0,
  number_of_in_flight_fetch: 0,
  task_max_waiting_in_queue_millis: 0,
  active_shards_percent_as_number: 100,
} as const;

/** Answers in the media type that the client's version asked for. */
function asProduct(exchange: Exchange, reply: Reply): Reply {
  const wanted = /application\/vnd\.elasticsearch\+json;\s*compatible-with=\d+/.exec(
    exchange.headers.accept ?? '',
  )?.[0];
  const type = wanted ?? reply.headers?.['content-type'] ?? 'application/json';
  return { ...reply, headers: { ...reply.headers, ...PRODUCT, 'content-type': type } };
}

function errorReply(error: ElasticsearchError): Reply {
  const cause = { type: error.type, reason: error.message };
  return jsonReply(error.status, { error: { root_cause: [cause], ...cause }, status: error.status });
}

/** As Elasticsearch does; it also keeps a form on some page from writing here. */
function requireJson(exchange: Exchange): void {
  const type = exchange.headers['content-type'] ?? '';
  if (!/^application\/(?:json|x-ndjson|vnd\.elasticsearch\+(?:json|x-ndjson))\s*(?:;|$)/i.test(type)) {
    throw new ElasticsearchError(
      406,
      'media_type_header_exception',
      type === '' ? 'Content-Type header is missing' : `Content-Type header [${type.slice(0, 100)}] is not supported`,
    );
  }
}

function parseObject(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ElasticsearchError(400, 'x_content_parse_exception', (error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ElasticsearchError(400, 'parsing_exception', 'Expected [START_OBJECT]');
  return value as Record<string, unknown>;
}

function unsupported(exchange: Exchange): ElasticsearchError {
  return new ElasticsearchError(
    400,
    'illegal_argument_exception',
    `${exchange.method} ${exchange.path.slice(0, 200)} is not supported by the local stack; it takes _bulk, _search and _count`,
  );
}

function hitText(hit: LogHit, source: boolean): string {
  const head = JSON.stringify({
    _index: hit.stream,
    _id: hit.documentId,
    _version: hit.version,
    _seq_no: hit.sequence,
    _primary_term: 1,
    _score: null,
  });
  return `${head.slice(0, -1)}${source ? `,"_source":${hit.body}` : ''},"sort":[${Math.floor(hit.timestamp / 1000)}]}`;
}

import { joinCorrelation } from '../correlate.ts';
import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply } from '../http/exchange.ts';
import type { Scraper } from '../ingest/scraper.ts';
import type { RecentRequest, Store } from '../store/store.ts';
import type { ZipkinSpan } from '../zipkin-span.ts';

/** Longest ID that is looked up; 128 are accepted from outside. */
const MAX_ID_LENGTH = 256;
const DEFAULT_RECENT = 50;
const MAX_RECENT = 200;

/** What a stack says about itself; also how another process knows that it is one. */
export interface StackInfo {
  readonly product: 'sightline';
  readonly version: string;
  readonly pid: number;
  /** Undefined: in memory. */
  readonly dataDirectory: string | undefined;
  /** Where services announce their metrics. */
  readonly targetsDirectory: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The stack's own API, under `/api/sightline`. */
export function createSightlineApi(options: { store: Store; scraper: Scraper; info: StackInfo }): BackendApi {
  const { store, scraper, info } = options;

  async function correlation(id: string): Promise<Reply> {
    if (id.length > MAX_ID_LENGTH)
      return failure(
        400,
        'SIGHTLINE_E_CORRELATION_ID',
        `got an ID of ${id.length} characters, wanted at most ${MAX_ID_LENGTH}; look for a shorter one`,
      );
    const rows = await store.correlate(id);
    if (rows === undefined) {
      return failure(
        404,
        'SIGHTLINE_E_NOT_FOUND',
        `got ID ${JSON.stringify(id)}, wanted a correlation ID or trace ID of a span or log line kept here; send a request through a service started with --import sightline/register and look again`,
      );
    }
    return jsonReply(200, joinCorrelation(id, rows), NO_STORE);
  }

  async function recent(exchange: Exchange): Promise<Reply> {
    const limit = Number(exchange.query.get('limit') ?? DEFAULT_RECENT);
    if (!Number.isInteger(limit) || limit < 1)
      return failure(
        400,
        'SIGHTLINE_E_USAGE',
        `got limit ${JSON.stringify(exchange.query.get('limit'))}, wanted a whole number from 1 to ${MAX_RECENT}`,
      );
    return jsonReply(200, { requests: (await store.recent(Math.min(limit, MAX_RECENT))).map(requestOf) }, NO_STORE);
  }

  async function services(): Promise<Reply> {
    const byJob = new Map<string, { instance: string; health: string; lastError: string }[]>();
    for (const state of scraper.states()) {
      const job = state.target.labels['job'] ?? '';
      byJob.set(job, [
        ...(byJob.get(job) ?? []),
        { instance: state.target.labels['instance'] ?? '', health: state.health, lastError: state.lastError },
      ]);
    }
    const names = [...new Set([...(await store.services()), ...byJob.keys()])].filter((name) => name !== '').sort();
    return jsonReply(200, { services: names.map((name) => ({ name, targets: byJob.get(name) ?? [] })) }, NO_STORE);
  }

  return {
    async handle(exchange) {
      const [what, id, ...rest] = exchange.segments;
      if (exchange.method !== 'GET' && exchange.method !== 'HEAD')
        return failure(405, 'SIGHTLINE_E_USAGE', `got ${exchange.method}, wanted GET; everything here is only read`);
      if (what === 'correlation' && id !== undefined && rest.length === 0) return correlation(id);
      if (id === undefined && what === 'recent') return recent(exchange);
      if (id === undefined && what === 'services') return services();
      if (id === undefined && what === 'statistics') return jsonReply(200, await store.statistics(), NO_STORE);
      if (id === undefined && what === 'info') return jsonReply(200, info, NO_STORE);
      return failure(
        404,
        'SIGHTLINE_E_NOT_FOUND',
        `got ${exchange.path.slice(0, 200)}, wanted /correlation/{id}, /recent, /services, /statistics or /info`,
      );
    },
    refuse(refusal: Refusal): Reply {
      const code = refusal.status === 500 ? 'SIGHTLINE_E_INTERNAL' : 'SIGHTLINE_E_REFUSED';
      return failure(refusal.status, code, refusal.reason, refusal.headers);
    },
  };
}

const NO_STORE = { 'cache-control': 'no-store' } as const;

function failure(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonReply(status, { error: { code, message } }, headers);
}

function requestOf(request: RecentRequest): unknown {
  const root = JSON.parse(request.rootSpan) as ZipkinSpan;
  const { rootSpan: _, ...facts } = request;
  return {
    id: request.correlationId ?? request.traceId,
    name: root.name ?? '',
    service: root.localEndpoint?.serviceName ?? '',
    status: root.tags?.['http.response.status_code'] ?? root.tags?.['http.status_code'],
    ...facts,
  };
}

import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply, textReply } from '../http/exchange.ts';
import type { Scraper } from '../ingest/scraper.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import { readSelector } from '../query/series-selector.ts';
import { UnsupportedQuery } from '../query/unsupported.ts';
import type { Labels, SeriesValue, Store, StoredExemplar, TimeRange } from '../store/store.ts';

/** Bytes of a form. */
const MAX_FORM_BYTES = 1024 ** 2;
/** Exemplars older than this are not asked for unless a start is given. */
const DEFAULT_RANGE_MILLIS = 86_400_000;
/** A version whose API these answers follow. Grafana reads it. */
const VERSION = '2.53.0';

class BadData extends Error {}

/**
 * The part of Prometheus's HTTP API that needs no expression language: instant values of a plain selector, exemplars,
 * series, labels, metadata and targets. An expression beyond that answers 422 and says so.
 * Source: Prometheus documentation, "HTTP API".
 */
export function createPrometheusApi(options: { store: Store; scraper: Scraper; now?: () => number }): BackendApi {
  const { store, scraper, now = Date.now } = options;

  const rangeOf = (parameters: URLSearchParams): TimeRange => {
    const end = readTime(parameters, 'end') ?? now();
    const start = readTime(parameters, 'start') ?? end - DEFAULT_RANGE_MILLIS;
    if (end < start) throw new BadData('invalid parameter "end": end timestamp must not be before start time');
    return { start, end };
  };

  async function query(parameters: URLSearchParams): Promise<unknown> {
    const values = await store.instant(
      readSelector(needed(parameters, 'query')),
      readTime(parameters, 'time') ?? now(),
    );
    const at = (readTime(parameters, 'time') ?? now()) / 1000;
    return {
      resultType: 'vector',
      result: values.map((value: SeriesValue) => ({ metric: value.labels, value: [at, numberText(value.value)] })),
    };
  }

  async function exemplars(parameters: URLSearchParams): Promise<unknown> {
    const found = await store.exemplars(readSelector(needed(parameters, 'query')), rangeOf(parameters));
    return groupExemplars(found);
  }

  async function series(parameters: URLSearchParams, mandatory: boolean): Promise<Labels[]> {
    const selectors = parameters.getAll('match[]');
    if (mandatory && selectors.length === 0) throw new BadData('no match[] parameter provided');
    return store.series(
      selectors.map((selector): LabelMatcher[] => readSelector(selector)),
      rangeOf(parameters),
    );
  }

  async function labels(parameters: URLSearchParams): Promise<string[]> {
    const names = new Set((await series(parameters, false)).flatMap((set) => Object.keys(set)));
    return limited([...names].sort(), parameters);
  }

  async function labelValues(name: string, parameters: URLSearchParams): Promise<string[]> {
    const values = new Set(
      (await series(parameters, false))
        .map((set) => (Object.hasOwn(set, name) ? set[name]! : ''))
        .filter((value) => value !== ''),
    );
    return limited([...values].sort(), parameters);
  }

  async function metadata(parameters: URLSearchParams): Promise<unknown> {
    const wanted = parameters.get('metric');
    const families = (await store.families()).filter(
      (family) => wanted === null || wanted === '' || family.name === wanted,
    );
    return Object.fromEntries(limited(families, parameters).map(({ name, ...family }) => [name, [family]]));
  }

  function targets(): unknown {
    return {
      activeTargets: scraper.states().map((state) => ({
        discoveredLabels: { __address__: new URL(state.target.url).host, ...state.target.labels },
        labels: state.target.labels,
        scrapePool: state.target.pool,
        scrapeUrl: state.target.url,
        globalUrl: state.target.url,
        lastError: state.lastError,
        lastScrape: new Date(state.lastScrape).toISOString(),
        lastScrapeDuration: state.lastDurationSeconds,
        health: state.health,
        scrapeInterval: `${scraper.intervalMillis / 1000}s`,
        scrapeTimeout: '4s',
      })),
      droppedTargets: [],
      droppedTargetCounts: {},
    };
  }

  async function answer(exchange: Exchange, segments: readonly string[]): Promise<unknown> {
    const parameters = await parametersOf(exchange);
    const [what, name, values] = segments;
    if (what === 'label' && values === 'values') return labelValues(name!, parameters);
    switch (segments.join('/')) {
      case 'query':
        return query(parameters);
      case 'query_exemplars':
        return exemplars(parameters);
      case 'series':
        return limited(await series(parameters, true), parameters);
      case 'labels':
        return labels(parameters);
      case 'metadata':
        return metadata(parameters);
      case 'targets':
        return targets();
      case 'rules':
        return { groups: [] };
      case 'alerts':
        return { alerts: [] };
      case 'status/buildinfo':
        return {
          version: VERSION,
          revision: 'sightline',
          branch: 'sightline',
          buildUser: '',
          buildDate: '',
          goVersion: '',
        };
      default:
        throw new UnsupportedQuery(
          `/api/v1/${segments.join('/').slice(0, 100)} is not supported yet by the local stack`,
        );
    }
  }

  return {
    async handle(exchange) {
      const [api, version, ...rest] = exchange.segments;
      if (api === '-' && (version === 'ready' || version === 'healthy')) return textReply(200, 'Sightline is Ready.\n');
      if (api !== 'api' || version !== 'v1') return textReply(404, '404 page not found\n');
      if (!['GET', 'POST', 'HEAD'].includes(exchange.method))
        return failure(405, 'bad_data', `method ${exchange.method} not allowed`);
      try {
        return jsonReply(200, { status: 'success', data: await answer(exchange, rest) });
      } catch (error) {
        if (error instanceof UnsupportedQuery) return failure(422, 'bad_data', error.message);
        if (error instanceof BadData) return failure(400, 'bad_data', error.message);
        throw error;
      }
    },
    refuse(refusal: Refusal): Reply {
      const types: Readonly<Record<number, string>> = { 503: 'unavailable', 504: 'timeout', 500: 'internal' };
      return failure(
        refusal.status === 504 ? 503 : refusal.status,
        types[refusal.status] ?? 'bad_data',
        refusal.reason,
        refusal.headers,
      );
    },
  };
}

function failure(
  status: number,
  errorType: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { status: 'error', errorType, error }, headers);
}

async function parametersOf(exchange: Exchange): Promise<URLSearchParams> {
  if (exchange.method !== 'POST') return exchange.query;
  const form = new URLSearchParams((await exchange.body(MAX_FORM_BYTES)).toString('utf8'));
  return new URLSearchParams([...exchange.query, ...form]);
}

function needed(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name);
  if (value === null || value.trim() === '')
    throw new BadData(`invalid parameter "${name}": unknown position: parse error: no expression found in input`);
  return value;
}

/** Seconds since the epoch with fraction, or RFC 3339. */
function readTime(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null || text === '') return undefined;
  const millis = /^-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/.test(text)
    ? Number(text) * 1000
    : /^\d{4}-\d\d-\d\dT/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(millis))
    throw new BadData(
      `invalid parameter "${name}": cannot parse ${JSON.stringify(text.slice(0, 50))} to a valid timestamp`,
    );
  return Math.round(millis);
}

function limited<Item>(items: Item[], parameters: URLSearchParams): Item[] {
  const limit = Number(parameters.get('limit') ?? 0);
  return Number.isInteger(limit) && limit > 0 ? items.slice(0, limit) : items;
}

/** As Go prints a float. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function groupExemplars(found: readonly StoredExemplar[]): unknown {
  const groups = new Map<string, { seriesLabels: Labels; exemplars: unknown[] }>();
  for (const { seriesLabels, labels, value, timestamp } of found) {
    const key = JSON.stringify(seriesLabels);
    const group = groups.get(key) ?? { seriesLabels, exemplars: [] };
    group.exemplars.push({ labels, value: numberText(value), timestamp: timestamp / 1000 });
    groups.set(key, group);
  }
  return [...groups.values()];
}

import { type BackendApi, type Exchange, jsonReply, type Refusal, type Reply, textReply } from '../http/exchange.ts';
import type { Scraper } from '../ingest/scraper.ts';
import { numberText } from '../query/promql/answer-json.ts';
import type { PromqlRequest } from '../query/promql/query.ts';
import { UnsupportedQuery } from '../query/unsupported.ts';
import type { RuleManager } from '../rules/rule-manager.ts';
import type { Labels, Store, StoredExemplar, TimeRange } from '../store/store.ts';
import { BadData, parametersOf, readLimit, readSelectors, readTime } from './prometheus-parameters.ts';
import {
  formatQuery,
  parseQuery,
  readExpression,
  readInstantQuery,
  readRangeQuery,
  selectorsOf,
} from './prometheus-query-api.ts';
import { alertsAnswer, rulesAnswer, targetsAnswer } from './prometheus-rules-api.ts';
import { type StatusFacts, statusAnswer } from './prometheus-status-api.ts';

/** Exemplars and series older than this are not asked for unless a start is given. */
const DEFAULT_RANGE_MILLIS = 86_400_000;
export interface PrometheusApiOptions {
  readonly store: Store;
  readonly scraper: Scraper;
  /** Default: there are no rules. */
  readonly rules?: RuleManager;
  readonly facts?: StatusFacts;
  readonly now?: () => number;
}

/**
 * Prometheus's HTTP API: queries in PromQL, exemplars, series, labels, metadata, targets, rules, alerts and status.
 * Source: Prometheus documentation, "HTTP API".
 */
export function createPrometheusApi(options: PrometheusApiOptions): BackendApi {
  const { store, scraper, rules, now = Date.now } = options;
  const facts = options.facts ?? { configText: '', retentionMillis: DEFAULT_RANGE_MILLIS };
  const startedAt = now();

  const rangeOf = (parameters: URLSearchParams): TimeRange => {
    const end = readTime(parameters, 'end') ?? now();
    const start = readTime(parameters, 'start') ?? end - DEFAULT_RANGE_MILLIS;
    if (end < start) throw new BadData('invalid parameter "end": end timestamp must not be before start time');
    return { start, end };
  };

  async function query(request: PromqlRequest): Promise<Reply> {
    const answer = await store.promqlBody(request);
    if (!answer.ok) return failure(STATUS_OF[answer.type], answer.type, answer.error);
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    return { status: 200, headers, body: answer.body };
  }

  async function exemplars(parameters: URLSearchParams): Promise<unknown> {
    const range = rangeOf(parameters);
    const selectors = selectorsOf(readExpression(parameters));
    const found = await Promise.all(selectors.map((matchers) => store.exemplars(matchers, range)));
    return groupExemplars(found.flat());
  }

  async function series(parameters: URLSearchParams, mandatory: boolean): Promise<Labels[]> {
    const selectors = readSelectors(parameters);
    if (mandatory && selectors.length === 0) throw new BadData('no match[] parameter provided');
    return store.series(selectors, rangeOf(parameters));
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

  async function replyTo(exchange: Exchange, segments: readonly string[]): Promise<Reply> {
    const parameters = await parametersOf(exchange);
    const path = segments.join('/');
    if (path === 'query') return query(readInstantQuery(parameters, now()));
    if (path === 'query_range') return query(readRangeQuery(parameters));
    return jsonReply(200, { status: 'success', data: await answer(parameters, segments) });
  }

  async function answer(parameters: URLSearchParams, segments: readonly string[]): Promise<unknown> {
    const [what, name, values] = segments;
    if (what === 'label' && values === 'values') return labelValues(labelNameOf(name!), parameters);
    if (what === 'status' && name !== undefined && values === undefined) {
      const context = { store, facts, startedAt, now: now(), limit: readLimit(parameters) };
      const status = await statusAnswer(name, context);
      if (status !== undefined) return status;
    }
    switch (segments.join('/')) {
      case 'query_exemplars':
        return exemplars(parameters);
      case 'format_query':
        return formatQuery(parameters);
      case 'parse_query':
        return parseQuery(parameters);
      case 'series':
        return limited(await series(parameters, true), parameters);
      case 'labels':
        return labels(parameters);
      case 'metadata':
        return metadata(parameters);
      case 'targets':
        return targetsAnswer(scraper, parameters);
      case 'scrape_pools':
        return { scrapePools: [...new Set(scraper.states().map(({ target }) => target.pool))].sort() };
      case 'rules':
        return rulesAnswer(rules, parameters);
      case 'alerts':
        return alertsAnswer(rules);
      case 'alertmanagers':
        return { activeAlertmanagers: [], droppedAlertmanagers: [] };
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
        return await replyTo(exchange, rest);
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

const STATUS_OF = { bad_data: 400, execution: 422, timeout: 503 } as const;

function failure(
  status: number,
  errorType: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { status: 'error', errorType, error }, headers);
}

function limited<Item>(items: Item[], parameters: URLSearchParams): Item[] {
  const limit = readLimit(parameters);
  return limit > 0 ? items.slice(0, limit) : items;
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

/** `U__http_2e_status` → `http.status`: how names beyond letters, digits and `_` travel in a path. @throws BadData */
function labelNameOf(text: string): string {
  if (!text.startsWith('U__')) {
    if (text === '') throw new BadData('invalid label name: ""');
    return text;
  }
  return text
    .slice(3)
    .replace(/__|_([\da-fA-F]{1,6})_/g, (whole, code: string | undefined) =>
      code === undefined
        ? '_'
        : Number.parseInt(code, 16) > 0x10_ff_ff
          ? whole
          : String.fromCodePoint(Number.parseInt(code, 16)),
    );
}

import { jsonNumber, jsonText } from '../../json-value.ts';
import type { LogPredicate } from '../log-predicate.ts';
import { UnsupportedQuery } from '../unsupported.ts';
import { compileQuery } from './query-dsl.ts';

/** Elasticsearch's `index.max_result_window`. */
const MAX_RESULT_WINDOW = 10_000;
const DEFAULT_SIZE = 10;

export interface SearchRequest {
  readonly predicate: LogPredicate;
  readonly size: number;
  readonly from: number;
  readonly order: 'asc' | 'desc';
  /** Whether `_source` is given out. */
  readonly source: boolean;
}

/** Parts of a request that change nothing here: hints, or what this stack does anyway. */
const IGNORED = new Set(['track_total_hits', 'timeout', 'version', 'seq_no_primary_term', 'track_scores', 'explain']);

/**
 * Reads a search request: query, size, from, sort by `@timestamp`, `_source` on or off.
 *
 * @throws UnsupportedQuery naming the part that this stack does not answer
 */
export function readSearchRequest(
  body: Readonly<Record<string, unknown>>,
  parameters: URLSearchParams,
  nowMillis: number,
): SearchRequest {
  for (const key of Object.keys(body)) {
    if (!['query', 'size', 'from', 'sort', '_source'].includes(key) && !IGNORED.has(key))
      throw new UnsupportedQuery(`[${key}] is not supported yet by the local stack`);
  }
  for (const key of ['sort', '_source_includes', '_source_excludes', 'scroll', 'search_after'].filter((name) =>
    parameters.has(name),
  )) {
    if (key !== 'sort') throw new UnsupportedQuery(`parameter [${key}] is not supported yet by the local stack`);
  }
  const size = count(body['size'] ?? parameters.get('size') ?? DEFAULT_SIZE, 'size');
  const from = count(body['from'] ?? parameters.get('from') ?? 0, 'from');
  if (size + from > MAX_RESULT_WINDOW) {
    throw new UnsupportedQuery(
      `Result window is too large, from + size must be less than or equal to: [${MAX_RESULT_WINDOW}] but was [${size + from}]`,
    );
  }
  const text = parameters.get('q');
  const query =
    body['query'] ??
    (text === null
      ? { match_all: {} }
      : { query_string: { query: text, default_operator: parameters.get('default_operator') ?? 'OR' } });
  return {
    predicate: compileQuery(query, nowMillis),
    size,
    from,
    order: readSort(body['sort'] ?? parameters.get('sort') ?? undefined),
    source: readSource(body['_source']),
  };
}

function count(value: unknown, name: string): number {
  const number = jsonNumber(value);
  if (!Number.isInteger(number) || number < 0)
    throw new UnsupportedQuery(
      `[${name}] parameter cannot be negative or fractional, found [${jsonText(value).slice(0, 100)}]`,
    );
  return number;
}

function readSource(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? true;
  throw new UnsupportedQuery('[_source] filters are not supported yet by the local stack; give true or false');
}

/** Without a sort Elasticsearch orders by score; here newest first, which is what a log reader wants. */
function readSort(value: unknown): 'asc' | 'desc' {
  if (value === undefined) return 'desc';
  let order: 'asc' | 'desc' | undefined;
  for (const entry of Array.isArray(value) ? value : [value]) {
    for (const [field, direction] of sortFields(entry)) {
      if (['_doc', '_score', '_shard_doc'].includes(field)) continue;
      if (field !== '@timestamp' || order !== undefined)
        throw new UnsupportedQuery(`sorting by [${field}] is not supported yet by the local stack; sort by @timestamp`);
      if (direction !== 'asc' && direction !== 'desc')
        throw new UnsupportedQuery(`got sort order [${direction}], wanted asc or desc`);
      order = direction;
    }
  }
  return order ?? 'desc';
}

function sortFields(entry: unknown): [string, string][] {
  if (typeof entry === 'string') {
    const [field = '', direction = 'asc'] = entry.split(':');
    return [[field, direction]];
  }
  if (typeof entry !== 'object' || entry === null)
    throw new UnsupportedQuery('got a sort that is neither a field nor an object');
  return Object.entries(entry).map(([field, direction]) => [
    field,
    jsonText(
      typeof direction === 'object' && direction !== null
        ? ((direction as { order?: unknown }).order ?? 'asc')
        : direction,
    ),
  ]);
}

import { jsonNumber, jsonText } from '../../json-value.ts';
import { isTextField, type LogPredicate, wordsOf } from '../log-predicate.ts';
import { compileQueryString, plainField } from '../lucene/query-string.ts';
import { readTimeBound } from '../timestamp.ts';
import { UnsupportedQuery } from '../unsupported.ts';

/** Queries in queries. */
const MAX_DEPTH = 30;
/** Values of one `terms`. Elasticsearch's own limit is 65 536. */
const MAX_TERMS = 1024;

/** What may stand beside a query without changing which documents match. */
const HARMLESS = new Set([
  'boost',
  '_name',
  'analyze_wildcard',
  'lenient',
  'allow_leading_wildcard',
  'case_insensitive',
  'auto_generate_synonyms_phrase_query',
  'format',
  'time_zone',
  'slop',
  'zero_terms_query',
]);

/**
 * Compiles Elasticsearch's query DSL: match_all, match_none, term, terms, match, match_phrase, range, exists,
 * query_string and bool. Source: Elasticsearch Guide 8.19, "Query DSL".
 *
 * @throws UnsupportedQuery naming what is not supported
 */
export function compileQuery(query: unknown, nowMillis: number, depth = 0): LogPredicate {
  if (depth > MAX_DEPTH) throw new UnsupportedQuery(`got queries more than ${MAX_DEPTH} deep`);
  const [kind, body] = onlyEntry(query, 'query');
  switch (kind) {
    case 'match_all':
      return { kind: 'all' };
    case 'match_none':
      return { kind: 'none' };
    case 'term':
      return compileTerm(body);
    case 'terms':
      return compileTerms(body);
    case 'match':
    case 'match_phrase':
      return compileMatch(kind, body);
    case 'range':
      return compileRange(body, nowMillis);
    case 'exists':
      return { kind: 'exists', field: plainField(textOf(objectOf(body, 'exists')['field'], '[exists] field')) };
    case 'query_string':
      return compileText(objectOf(body, 'query_string'));
    case 'bool':
      return compileBool(objectOf(body, 'bool'), nowMillis, depth);
    default:
      throw new UnsupportedQuery(`query [${kind}] is not supported yet by the local stack`);
  }
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UnsupportedQuery(`[${name}] query malformed, wanted an object`);
  return value as Record<string, unknown>;
}

function onlyEntry(value: unknown, name: string): [string, unknown] {
  const entries = Object.entries(objectOf(value, name)).filter(([key]) => !HARMLESS.has(key));
  if (entries.length !== 1)
    throw new UnsupportedQuery(`[${name}] malformed, wanted exactly one member, got ${entries.length}`);
  return entries[0]!;
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    throw new UnsupportedQuery(`${name} wants a value`);
  return String(value);
}

/** Options of a query that change what it matches and are not read here must not be overlooked. */
function refuseOthers(body: Record<string, unknown>, name: string, known: readonly string[]): void {
  for (const key of Object.keys(body))
    if (!known.includes(key) && !HARMLESS.has(key))
      throw new UnsupportedQuery(`[${name}] option [${key}] is not supported yet by the local stack`);
}

/** `or` unless said otherwise, in any case of letters. */
function operatorOf(value: unknown, name: string): 'and' | 'or' {
  const operator = textOf(value ?? 'or', `[${name}] operator`).toLowerCase();
  return operator === 'and' ? 'and' : 'or';
}

function compileTerm(body: unknown): LogPredicate {
  const [field, given] = onlyEntry(body, 'term');
  if (typeof given !== 'object' || given === null) return termOf(field, textOf(given, '[term]'));
  const options = given as Record<string, unknown>;
  refuseOthers(options, 'term', ['value']);
  if (options['case_insensitive'] === true)
    throw new UnsupportedQuery('[term] option [case_insensitive] is not supported yet by the local stack');
  return termOf(field, textOf(options['value'], '[term]'));
}

function termOf(field: string, value: string): LogPredicate {
  if (field === '@timestamp' || field === '_id')
    throw new UnsupportedQuery(`[term] on [${field}] is not supported yet by the local stack`);
  // A term is not analysed: on a text field it meets single lower-case words.
  return isTextField(field)
    ? { kind: 'words', field, words: [value], how: 'any' }
    : { kind: 'equals', field: plainField(field), value };
}

function compileTerms(body: unknown): LogPredicate {
  const [field, values] = onlyEntry(body, 'terms');
  if (!Array.isArray(values) || values.length > MAX_TERMS)
    throw new UnsupportedQuery(`[terms] query wants a list of at most ${MAX_TERMS} values`);
  return { kind: 'or', of: values.map((value) => termOf(field, textOf(value, '[terms]'))) };
}

function compileMatch(kind: 'match' | 'match_phrase', body: unknown): LogPredicate {
  const [field, given] = onlyEntry(body, kind);
  const options = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : { query: given };
  refuseOthers(options, kind, ['query', 'operator']);
  if (jsonNumber(options['slop'] ?? 0) !== 0)
    throw new UnsupportedQuery(`[${kind}] option [slop] is not supported yet by the local stack`);
  const text = textOf(options['query'], `[${kind}]`);
  if (!isTextField(field)) return termOf(field, text);
  const how = kind === 'match_phrase' ? 'phrase' : operatorOf(options['operator'], kind) === 'and' ? 'all' : 'any';
  return { kind: 'words', field, words: wordsOf(text), how };
}

function compileRange(body: unknown, nowMillis: number): LogPredicate {
  const [field, given] = onlyEntry(body, 'range');
  const options = objectOf(given, 'range');
  refuseOthers(options, 'range', ['gt', 'gte', 'lt', 'lte']);
  if (options['time_zone'] !== undefined)
    throw new UnsupportedQuery(
      '[range] option [time_zone] is not supported yet by the local stack; give times with their zone',
    );
  const bounds: Record<string, number> = {};
  for (const bound of ['gt', 'gte', 'lt', 'lte'] as const) {
    const value = options[bound];
    if (value === undefined || value === null) continue;
    const read = field === '@timestamp' ? readTimeBound(value, nowMillis) : jsonNumber(value);
    if (read === undefined || Number.isNaN(read))
      throw new UnsupportedQuery(
        `failed to parse [${jsonText(value).slice(0, 100)}] as a bound of [${field}]; give ISO 8601, milliseconds or now-15m`,
      );
    bounds[bound] = read;
  }
  // A bound of milliseconds takes in its whole millisecond, as Elasticsearch's date field does.
  if (field === '@timestamp') {
    if (bounds['lte'] !== undefined && bounds['lte'] % 1000 === 0) bounds['lte'] += 999;
    if (bounds['gt'] !== undefined && bounds['gt'] % 1000 === 0) bounds['gt'] += 999;
  }
  return { kind: 'range', field: plainField(field), ...bounds };
}

function compileText(body: Record<string, unknown>): LogPredicate {
  refuseOthers(body, 'query_string', ['query', 'default_field', 'default_operator']);
  const field = body['default_field'];
  return compileQueryString(textOf(body['query'], '[query_string]'), {
    defaultField: typeof field === 'string' && field !== '*' ? field : undefined,
    defaultOperator: operatorOf(body['default_operator'], 'query_string'),
  });
}

function compileBool(body: Record<string, unknown>, nowMillis: number, depth: number): LogPredicate {
  refuseOthers(body, 'bool', ['must', 'filter', 'should', 'must_not', 'minimum_should_match']);
  const clauses = (name: string): LogPredicate[] => {
    const given = body[name];
    if (given === undefined || given === null) return [];
    return (Array.isArray(given) ? given : [given]).map((clause) => compileQuery(clause, nowMillis, depth + 1));
  };
  const required = [...clauses('must'), ...clauses('filter')];
  const should = clauses('should');
  const minimum = body['minimum_should_match'] ?? (required.length === 0 && should.length > 0 ? 1 : 0);
  const least = jsonNumber(minimum);
  if (least !== 0 && least !== 1)
    throw new UnsupportedQuery('[bool] option [minimum_should_match] is supported as 0 or 1 by the local stack');
  if (least === 1 && should.length > 0) required.push({ kind: 'or', of: should });
  for (const clause of clauses('must_not')) required.push({ kind: 'not', of: clause });
  return required.length === 0 ? { kind: 'all' } : required.length === 1 ? required[0]! : { kind: 'and', of: required };
}

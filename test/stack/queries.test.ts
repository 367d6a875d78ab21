import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BulkMalformed, takeBulk } from '../../lib/stack/ingest/elasticsearch-bulk.ts';
import { readTargetGroups } from '../../lib/stack/ingest/scrape-discovery.ts';
import { readZipkinSpans, SpansMalformed } from '../../lib/stack/ingest/zipkin-spans.ts';
import { fieldValues, type JsonValue } from '../../lib/stack/query/document-fields.ts';
import { readSearchRequest } from '../../lib/stack/query/esdsl/search-request.ts';
import { matchesPredicate } from '../../lib/stack/query/log-predicate.ts';
import { compileQueryString } from '../../lib/stack/query/lucene/query-string.ts';
import { readTimeBound, readTimestamp } from '../../lib/stack/query/timestamp.ts';
import { UnsupportedQuery } from '../../lib/stack/query/unsupported.ts';

test('timestamps as strict_date_optional_time||epoch_millis reads them, in microseconds', () => {
  const base = Date.UTC(2026, 10, 22, 10, 0, 0) * 1000;
  const table: [unknown, number | undefined][] = [
    ['2026-11-22T10:00:00.000Z', base],
    ['2026-11-22T10:00:00,123456789Z', base + 123_456],
    ['2026-11-22T10:00:00.5', base + 500_000],
    ['2026-11-22T12:00:00+02:00', base],
    ['2026-11-22T04:30:00-0530', base],
    ['2026-11-22T10:00', base],
    ['2026-11-22', base - 36_000_000_000],
    [base / 1000, base],
    [String(base / 1000), base],
    [1.5, 1500],
    ['2026-02-30T00:00:00Z', undefined],
    ['2026-11-22T25:00:00Z', undefined],
    ['2026-11-22 10:00:00', undefined],
    ['yesterday', undefined],
    ['', undefined],
    [1e20, undefined],
    [Number.NaN, undefined],
    [null, undefined],
    [{}, undefined],
  ];
  for (const [value, micros] of table) assert.equal(readTimestamp(value), micros, String(value));
  const now = base / 1000;
  assert.equal(readTimeBound('now', now), base);
  assert.equal(readTimeBound('now-15m', now), base - 900_000_000);
  assert.equal(readTimeBound('now-1d+2h', now), base - 79_200_000_000);
  for (const value of ['now-1M', 'now/d', 'nowhere', 'now-']) assert.equal(readTimeBound(value, now), undefined, value);
});

test('a field is found flat, nested and half of each', () => {
  const documents: JsonValue[] = [
    { 'a.b.c': 1 },
    { a: { b: { c: 1 } } },
    { 'a.b': { c: 1 } },
    { a: { 'b.c': [1, null] } },
    [{ a: [{ b: { c: 1 } }] }],
  ];
  for (const document of documents) assert.deepEqual(fieldValues(document, 'a.b.c'), [1], JSON.stringify(document));
  assert.deepEqual(fieldValues({ a: { b: 1 } }, 'a'), [], 'an object is no value');
  assert.deepEqual(fieldValues({ a: null }, 'a'), []);
  assert.deepEqual(fieldValues(JSON.parse('{"__proto__":{"x":1}}') as JsonValue, 'toString'), []);
});

/** Lucene's classic operators mark their neighbours: there is no precedence. */
const OPERATORS: readonly [string, string, 'and' | 'or'][] = [
  ['a b', 'a b ab abc ac bc', 'or'],
  ['a b', 'ab abc', 'and'],
  ['a AND b', 'ab abc', 'or'],
  ['a OR b', 'a b ab abc ac bc', 'and'],
  ['a AND b OR c', 'ab abc', 'or'],
  ['a OR b AND c', 'abc bc', 'or'],
  ['(a OR b) AND c', 'abc ac bc', 'or'],
  ['a -b', 'a ac', 'or'],
  ['a NOT b', 'a ac', 'or'],
  ['!a', 'b bc c', 'or'],
  ['+a b', 'a ab abc ac', 'or'],
  ['a && !b', 'a ac', 'or'],
  ['*', 'a ab abc ac b bc c', 'or'],
  ['"a"', 'a ab abc ac', 'or'],
];

test('AND, OR, NOT, + and - as the classic query parser means them', () => {
  const documents = ['a', 'b', 'c', 'ab', 'ac', 'bc', 'abc'];
  for (const [query, expected, defaultOperator] of OPERATORS) {
    const predicate = compileQueryString(query, { defaultOperator, defaultField: undefined });
    const found = documents.filter((letters) =>
      matchesPredicate(predicate, Object.fromEntries([...letters].map((letter) => [letter, letter])), { timestamp: 0 }),
    );
    assert.equal(
      found.sort().join(' '),
      expected
        .split(' ')
        .filter((name) => documents.includes(name))
        .sort()
        .join(' '),
      `${query} (${defaultOperator})`,
    );
  }
});

test('a broken query string is refused, a hostile one too', () => {
  const refused = [
    'a AND',
    '(a',
    'a)',
    'field:',
    '"open',
    'a:b:c*',
    'x~2',
    'x^3',
    'a:/re/',
    'a:>5',
    'a:[1 TO 2]',
    '(',
    `${'('.repeat(60)}a${')'.repeat(60)}`,
    'a'.repeat(9000),
  ];
  for (const query of refused)
    assert.throws(
      () => compileQueryString(query, { defaultOperator: 'or', defaultField: undefined }),
      { name: 'UnsupportedQuery' },
      query.slice(0, 40),
    );
  assert.deepEqual(compileQueryString('trace.id:a\\:b', { defaultOperator: 'or', defaultField: undefined }), {
    kind: 'equals',
    field: 'trace.id',
    value: 'a:b',
  });
});

test('objects in place of texts and numbers are refused, not converted', () => {
  const trap = { toString: 1, valueOf: 1 };
  for (const body of [
    { size: trap },
    { from: [trap] },
    { sort: [{ '@timestamp': { order: trap } }] },
    { query: { match: { message: { query: 'a', slop: trap } } } },
    { query: { match: { message: { query: 'a', operator: trap } } } },
    { query: { range: { size: { gte: trap } } } },
    { query: { query_string: { query: 'a', default_operator: trap } } },
    { query: { bool: { minimum_should_match: trap } } },
  ])
    assert.throws(() => readSearchRequest(body, new URLSearchParams(), 0), UnsupportedQuery, JSON.stringify(body));
});

test('ingested objects in place of texts and numbers are refused by name', async () => {
  const trap = { toString: 1, valueOf: 1 };
  const span = { traceId: 'a', id: 'b' };
  for (const part of [
    { kind: trap },
    { timestamp: trap },
    { duration: [trap] },
    { annotations: [{ timestamp: trap }] },
  ])
    assert.throws(() => readZipkinSpans(JSON.stringify([{ ...span, ...part }])), SpansMalformed, JSON.stringify(part));
  const odd = { name: trap, localEndpoint: { serviceName: trap, port: trap }, tags: { a: trap } };
  assert.equal(readZipkinSpans(JSON.stringify([{ ...span, ...odd }])).length, 1, 'a text may be anything');
  const text = `${JSON.stringify({ create: { _index: 'logs-a-b', _id: trap } })}\n{}\n`;
  await assert.rejects(takeBulk(text, { store: {} as never, defaultIndex: undefined, nowMillis: 0 }), BulkMalformed);
  assert.throws(() => readTargetGroups(JSON.stringify([{ targets: [trap] }])), /wanted/);
  assert.throws(() => readTargetGroups(JSON.stringify([{ targets: ['a:1'], labels: { job: trap } }])), /wanted/);
});

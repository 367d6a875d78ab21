/** The same requests to a real Elasticsearch 8.19 and to the stack: same statuses, same outcomes, same hits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { runningStack } from './running-stack.ts';

const NDJSON = 'application/x-ndjson';
const action = (operation: string, meta: object, document?: object | string) =>
  `${JSON.stringify({ [operation]: meta })}\n${document === undefined ? '' : `${typeof document === 'string' ? document : JSON.stringify(document)}\n`}`;
const at = (second: number) => `2026-11-22T10:00:${String(second).padStart(2, '0')}.000Z`;
const STREAM = 'logs-shop-dev';

const BULK = [
  action(
    'create',
    { _index: STREAM, _id: 'a' },
    {
      '@timestamp': at(0),
      message: 'Order received, thanks',
      'trace.id': 't1',
      'correlation.id': 'cart/7:a',
      amount: 5.25,
      tags: ['x', 'y'],
    },
  ),
  action('create', { _index: STREAM, _id: 'a' }, { '@timestamp': at(0), message: 'again' }),
  action(
    'create',
    { _index: STREAM, _id: 'b' },
    {
      '@timestamp': at(1),
      message: 'payment declined: card-limit 500',
      trace: { id: 't1' },
      log: { level: 'error' },
      amount: 700.5,
    },
  ),
  action('index', { _index: STREAM, _id: 'c' }, { '@timestamp': at(2), message: 'refused in a data stream' }),
  action(
    'index',
    { _index: STREAM, _id: 'd', op_type: 'create' },
    { '@timestamp': at(2), message: 'order received late', trace: { id: 't2' }, flag: true },
  ),
  action('create', { _index: STREAM, _id: 'e' }, { message: 'no time' }),
  action('create', { _index: STREAM, _id: 'f' }, { '@timestamp': 'yesterday', message: 'bad time' }),
  action('create', { _index: STREAM, _id: 'g' }, { '@timestamp': 1_795_341_603_000, message: "it's a number" }),
  action('create', { _index: STREAM, _id: 'h' }, '{"broken'),
  action('index', { _index: 'plain', _id: 'p' }, { n: 1 }),
  action('index', { _index: 'plain', _id: 'p' }, { n: 2 }),
  action('create', { _index: 'UPPER', _id: 'q' }, { n: 1 }),
].join('');

const WHOLE: readonly [string, string][] = [
  ['', NDJSON],
  [action('create', { _index: 'x' }, {}).trimEnd(), NDJSON],
  ['{"frobnicate":{}}\n{}\n', NDJSON],
  ['nonsense\n{}\n', NDJSON],
  [action('create', {}, {}), NDJSON],
  [action('create', { _index: 'x' }, {}), 'text/plain'],
];

const QUERIES: readonly object[] = [
  { match_all: {} },
  { term: { 'trace.id': 't1' } },
  { term: { flag: true } },
  { term: { amount: 700.5 } },
  { terms: { tags: ['y', 'z'] } },
  { match: { message: 'DECLINED late' } },
  { match: { message: { query: 'order late', operator: 'and' } } },
  { match_phrase: { message: 'card limit' } },
  { match_phrase: { message: 'received late' } },
  { term: { message: 'Order' } },
  { exists: { field: 'log.level' } },
  { exists: { field: 'trace' } },
  { range: { '@timestamp': { gte: at(1), lt: at(2) } } },
  { range: { '@timestamp': { gt: 1_795_341_600_000, lte: 1_795_341_602_000 } } },
  { range: { amount: { gt: 5.25, lte: 701 } } },
  { bool: { filter: [{ term: { 'trace.id': 't1' } }], must_not: { exists: { field: 'log.level' } } } },
  { bool: { should: [{ term: { amount: 5.25 } }, { term: { 'trace.id': 't2' } }] } },
  { bool: { must: { term: { 'trace.id': 't1' } }, should: [{ term: { amount: 5.25 } }], minimum_should_match: 1 } },
  ...[
    'trace.id:"t1"',
    'correlation.id:"cart/7:a"',
    'message:received AND NOT late',
    'declined late',
    '-trace.id:t1',
    '+message:order message:late',
    'message:(order OR declined)',
    '_exists_:amount OR (trace.id:t2 AND message:order)',
    'message:order AND message:received OR message:declined',
    'message:"order received"',
    "message:it\\'s",
    'amount:5.25',
    'flag:true',
    '*',
    'message:card-limit',
  ].map((query) => ({ query_string: { query } })),
  { query_string: { query: 'message:order message:late', default_operator: 'AND' } },
  { query_string: { query: 'order late', default_field: 'message', default_operator: 'AND' } },
];

test('bulks and searches answer alike', { skip: available('elasticsearch') }, async () => {
  await using stack = await runningStack();
  const elasticsearch = await startElasticsearch();
  try {
    // The mappings of Elastic's own `logs` template, as far as these fields go.
    const keyword = { type: 'keyword' };
    await elasticsearch.request('PUT', '/_index_template/logs', {
      index_patterns: ['logs-*-*'],
      data_stream: {},
      priority: 100,
      template: {
        mappings: {
          dynamic_templates: [{ strings: { match_mapping_type: 'string', mapping: keyword } }],
          properties: { '@timestamp': { type: 'date' }, message: { type: 'text' } },
        },
      },
    });
    const both = [elasticsearch.url, `${stack.url}/elasticsearch`];
    const ask = (path: string, body: string, type = 'application/json') =>
      Promise.all(
        both.map(async (base) => {
          const response = await fetch(base + path, { method: 'POST', headers: { 'content-type': type }, body });
          return { status: response.status, body: (await response.json()) as any };
        }),
      );
    const [real, ours] = await ask('/_bulk?refresh=true', BULK, NDJSON);
    const outcomes = (answer: any) =>
      answer.items.map((item: Record<string, any>) =>
        Object.entries(item).map(([operation, { status, result, error }]) => [
          operation,
          status,
          result ?? error?.type,
        ]),
      );
    assert.deepEqual(outcomes(ours!.body), outcomes(real!.body));
    for (const [body, type] of WHOLE) {
      const [theirs, own] = await ask('/_bulk', body, type);
      assert.equal(own!.status, theirs!.status, `${body} ${JSON.stringify(theirs!.body)}`);
    }
    const differences: unknown[] = [];
    for (const query of QUERIES) {
      const [theirs, own] = await ask(`/${STREAM}/_search`, JSON.stringify({ query, sort: [{ '@timestamp': 'asc' }] }));
      const ids = (answer: any) => answer.body.hits?.hits.map((hit: { _id: string }) => hit._id) ?? answer.body.error;
      const [found, wanted] = [ids(own), ids(theirs)];
      if (JSON.stringify(found) !== JSON.stringify(wanted))
        differences.push({ query: JSON.stringify(query), found, wanted });
      else assert.deepEqual(own!.body.hits.total, theirs!.body.hits.total);
    }
    assert.deepEqual(differences, []);
  } finally {
    await elasticsearch.stop();
  }
});

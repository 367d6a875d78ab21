import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runningStack } from './running-stack.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };

type Answer = { status: number; headers: Headers; body: any };

async function client() {
  const stack = await runningStack();
  const call = async (
    path: string,
    init: { method?: string; body?: string | Buffer | object; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const { body } = init;
    const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const response = await fetch(`${stack.url}/elasticsearch${path}`, {
      method: init.method ?? (text === undefined ? 'GET' : 'POST'),
      headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...init.headers },
      ...(text !== undefined && { body: text as string }),
    });
    const raw = await response.text();
    return { status: response.status, headers: response.headers, body: raw === '' ? undefined : JSON.parse(raw) };
  };
  return { stack, call, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

const action = (operation: string, meta: object, document?: object) =>
  `${JSON.stringify({ [operation]: meta })}\n${document === undefined ? '' : `${JSON.stringify(document)}\n`}`;
const DOCUMENT = { '@timestamp': '2026-11-22T10:00:00.000Z', message: 'hello' };

test('a bulk: every action its own outcome, in order', async () => {
  await using es = await client();
  const body = [
    action('create', { _index: 'logs-shop-dev', _id: 'a' }, DOCUMENT),
    action('create', { _index: 'logs-shop-dev', _id: 'a' }, DOCUMENT),
    action('index', { _index: 'logs-shop-dev', _id: 'b' }, DOCUMENT),
    action('index', { _index: 'logs-shop-dev', op_type: 'create', _id: 'c' }, DOCUMENT),
    action('create', { _index: 'logs-shop-dev' }, { message: 'no time' }),
    action('create', { _index: 'logs-shop-dev' }, { '@timestamp': 'yesterday' }),
    action('index', { _index: 'plain', _id: 'p' }, { msg: 'no time is fine here' }),
    action('index', { _index: 'plain', _id: 'p' }, { msg: 'again' }),
    action('delete', { _index: 'plain', _id: 'p' }),
    action('create', { _index: 'UPPER' }, DOCUMENT),
    `${JSON.stringify({ create: { _index: 'logs-shop-dev' } })}\n{"broken\n`,
  ].join('');
  const { status, body: answer, headers } = await es.call('/_bulk', { body, headers: NDJSON });
  assert.equal(status, 200);
  assert.equal(headers.get('x-elastic-product'), 'Elasticsearch');
  assert.equal(answer.errors, true);
  assert.deepEqual(
    answer.items.map((item: Record<string, { status: number; result?: string; error?: { type: string } }>) => {
      const [[operation, outcome]] = Object.entries(item) as [
        [string, { status: number; result?: string; error?: { type: string } }],
      ];
      return [operation, outcome.status, outcome.result ?? outcome.error?.type];
    }),
    [
      ['create', 201, 'created'],
      ['create', 409, 'version_conflict_engine_exception'],
      ['index', 400, 'illegal_argument_exception'],
      ['create', 201, 'created'],
      ['create', 400, 'document_parsing_exception'],
      ['create', 400, 'document_parsing_exception'],
      ['index', 201, 'created'],
      ['index', 200, 'updated'],
      ['delete', 400, 'illegal_argument_exception'],
      ['create', 400, 'invalid_index_name_exception'],
      ['create', 400, 'document_parsing_exception'],
    ],
  );
});

test('a bulk that cannot be read is refused as a whole', async () => {
  await using es = await client();
  const refusals: [string, Record<string, string>, number, RegExp][] = [
    ['', NDJSON, 400, /request body is required/],
    [action('create', { _index: 'x' }, DOCUMENT).trimEnd(), NDJSON, 400, /must be terminated by a newline/],
    ['{"create":{"_index":"x"}}\n', NDJSON, 400, /terminated by a newline/],
    ['{"frobnicate":{}}\n{}\n', NDJSON, 400, /found \[frobnicate\]/],
    ['nonsense\n{}\n', NDJSON, 400, /Malformed action\/metadata line \[1\]/],
    [action('create', {}, DOCUMENT), NDJSON, 400, /index is missing/],
    [
      action('create', { _index: 'x' }, DOCUMENT),
      { 'content-type': 'text/plain' },
      406,
      /Content-Type header \[text\/plain\] is not supported/,
    ],
  ];
  for (const [body, headers, status, reason] of refusals) {
    const answer = await es.call('/_bulk', { method: 'POST', body, headers });
    assert.equal(answer.status, status, body);
    assert.match(answer.body.error.reason, reason);
    assert.equal(answer.body.error.root_cause[0].reason, answer.body.error.reason);
    assert.equal(answer.body.status, status);
  }
  const large = await es.call('/_bulk', {
    method: 'POST',
    body: gzipSync(Buffer.alloc(33 * 1024 ** 2, '\n')),
    headers: { ...NDJSON, 'content-encoding': 'gzip' },
  });
  assert.equal(large.status, 413);
  assert.equal(large.headers.get('x-elastic-product'), 'Elasticsearch');
});

test('documents are found by ID, phrase and time, newest first, byte for byte', async () => {
  await using es = await client();
  const documents = [
    {
      '@timestamp': '2026-11-22T10:00:00.000Z',
      message: 'order received',
      'trace.id': 't1',
      'correlation.id': 'cart/7:a',
      amount: 5,
      big: 'BIG',
    },
    {
      '@timestamp': '2026-11-22T10:00:01.000Z',
      message: 'payment declined: card',
      trace: { id: 't1' },
      log: { level: 'error' },
    },
    { '@timestamp': '2026-11-22T10:00:02.000Z', message: 'order received late', trace: { id: 't2' }, tags: ['x', 'y'] },
  ];
  const body = documents
    .map((document, index) => action('create', { _id: `d${index}` }, document))
    .join('')
    .replace('"BIG"', '12345678901234567890');
  const sent = await es.call('/logs-shop-dev/_bulk', {
    body: gzipSync(body),
    headers: { ...NDJSON, 'content-encoding': 'gzip' },
  });
  assert.equal(sent.body.errors, false);
  const find = async (query: object, more: object = {}) => {
    const { status, body: answer } = await es.call('/logs-*/_search', { body: { query, ...more } });
    return status === 200
      ? answer.hits.hits.map((hit: { _id: string }) => hit._id).join(' ')
      : `${status} ${answer.error.reason}`;
  };
  const text = (query: string, more: object = {}) => find({ query_string: { query, ...more } });
  assert.equal(await find({ match_all: {} }), 'd2 d1 d0');
  assert.equal(await find({ match_all: {} }, { sort: [{ '@timestamp': { order: 'asc' } }], size: 2 }), 'd0 d1');
  assert.equal(await find({ match_all: {} }, { from: 1, size: 1 }), 'd1');
  assert.equal(await find({ term: { 'trace.id': 't1' } }), 'd1 d0');
  assert.equal(await find({ term: { 'trace.id.keyword': { value: 't2' } } }), 'd2');
  assert.equal(await find({ terms: { tags: ['y', 'z'] } }), 'd2');
  assert.equal(await find({ match: { message: 'declined late' } }), 'd2 d1');
  assert.equal(await find({ match: { message: { query: 'order late', operator: 'and' } } }), 'd2');
  assert.equal(await find({ match_phrase: { message: 'received late' } }), 'd2');
  assert.equal(await find({ exists: { field: 'log.level' } }), 'd1');
  assert.equal(await find({ range: { '@timestamp': { gte: '2026-11-22T10:00:01Z', lt: 1_795_341_602_000 } } }), 'd1');
  assert.equal(await find({ range: { amount: { gt: 4, lte: 5 } } }), 'd0');
  assert.equal(
    await find({ bool: { filter: [{ term: { 'trace.id': 't1' } }], must_not: { exists: { field: 'log.level' } } } }),
    'd0',
  );
  assert.equal(await find({ bool: { should: [{ term: { amount: 5 } }, { term: { 'trace.id': 't2' } }] } }), 'd2 d0');
  assert.equal(await text('trace.id:"t1"'), 'd1 d0');
  assert.equal(await text('correlation.id:"cart/7:a"'), 'd0');
  assert.equal(await text('message:received AND NOT late'), 'd0');
  assert.equal(await text('declined late'), 'd2 d1');
  assert.equal(await text('order late', { default_operator: 'AND' }), 'd2');
  assert.equal(await text('-trace.id:t1'), 'd2');
  assert.equal(await text('_exists_:amount OR (trace.id:t2 AND message:order)'), 'd2 d0');
  assert.equal(await text('card*'), '400 wildcards are not supported yet by the local stack: card*');
  assert.equal(
    await text('amount:[1 TO 5]'),
    '400 regular expressions and ranges are not supported yet by the local stack: [1',
  );
  assert.match(await find({ wildcard: { message: 'x*' } }), /^400 query \[wildcard\] is not supported/);
  assert.match(await find({ match_all: {} }, { aggs: {} }), /^400 \[aggs\] is not supported/);
  assert.match(await find({ match_all: {} }, { size: 10_001 }), /^400 Result window is too large/);
  assert.match(await find({ match_all: {} }, { sort: 'amount' }), /^400 sorting by \[amount\]/);
  const whole = await fetch(`${es.stack.url}/elasticsearch/_search?q=amount:5`);
  assert.match(await whole.text(), /"big":12345678901234567890/);
});

test('counting, existence, health and what is missing', async () => {
  await using es = await client();
  await es.call('/logs-shop-dev/_bulk', { body: action('create', {}, DOCUMENT), headers: NDJSON });
  assert.equal((await es.call('/_count')).body.count, 1);
  assert.equal(
    (await es.call('/logs-shop-dev/_count', { body: { query: { match: { message: 'nothing' } } } })).body.count,
    0,
  );
  assert.equal((await es.call('/logs-shop-dev', { method: 'HEAD' })).status, 200);
  assert.equal((await es.call('/logs-none-dev', { method: 'HEAD' })).status, 404);
  const missing = await es.call('/logs-none-dev/_search');
  assert.deepEqual([missing.status, missing.body.error.type], [404, 'index_not_found_exception']);
  assert.equal((await es.call('/logs-none-*/_search')).body.hits.total.value, 0);
  assert.equal((await es.call('/logs-none-dev/_search?ignore_unavailable=true')).status, 200);
  assert.equal((await es.call('/_cluster/health')).body.status, 'green');
  assert.equal((await es.call('/logs-shop-dev/_refresh')).status, 200);
  assert.match((await es.call('/')).body.version.number, /^8\./);
  assert.deepEqual(
    (await es.call('/_data_stream')).body.data_streams.map((stream: { name: string }) => stream.name),
    ['logs-shop-dev'],
  );
  for (const path of ['/_msearch', '/_query', '/logs-shop-dev/_mapping', '/_snapshot/x/y']) {
    const answer = await es.call(path, { body: {} });
    assert.equal(answer.status, 400, path);
    assert.match(answer.body.error.reason, /not supported by the local stack/);
  }
  const accepted = await es.call('/', { headers: { accept: 'application/vnd.elasticsearch+json; compatible-with=8' } });
  assert.equal(accepted.headers.get('content-type'), 'application/vnd.elasticsearch+json; compatible-with=8');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bulkBody, bulkUrl, parseBulkResponse } from '../../lib/codec/es-bulk.ts';

test('golden bytes of a body', () => {
  const body = bulkBody([
    { id: 'a-1', document: Buffer.from('{"message":"é"}') },
    { id: 'a"2', document: Buffer.from('{}') },
  ]);
  assert.equal(body.toString(), '{"create":{"_id":"a-1"}}\n{"message":"é"}\n{"create":{"_id":"a\\"2"}}\n{}\n');
});

test('a body reads back as what was put in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.string({ minLength: 1 }), document: fc.dictionary(fc.string(), fc.jsonValue()) })),
      (documents) => {
        const lines = bulkBody(
          documents.map(({ id, document }) => ({ id, document: Buffer.from(JSON.stringify(document)) })),
        )
          .toString()
          .split('\n');
        assert.equal(lines.pop(), '');
        assert.equal(lines.length, documents.length * 2);
        documents.forEach(({ id, document }, at) => {
          assert.deepEqual(JSON.parse(lines[at * 2]!), { create: { _id: id } });
          assert.equal(lines[at * 2 + 1], JSON.stringify(document));
        });
      },
    ),
  );
});

test('addresses', () => {
  const path = (base: string, stream = 'logs-shop-prod') => {
    const url = bulkUrl(base, stream);
    return url.pathname + url.search;
  };
  const filter = 'filter_path=errors,error,items.*.status,items.*.error.type,items.*.error.reason';
  assert.equal(path('http://es:9200'), `/logs-shop-prod/_bulk?${filter}`);
  assert.equal(path('http://es:9200/'), `/logs-shop-prod/_bulk?${filter}`);
  assert.equal(path('http://es:9200/elasticsearch//'), `/elasticsearch/logs-shop-prod/_bulk?${filter}`);
  assert.equal(path('http://es:9200/?tenant=a#x'), `/logs-shop-prod/_bulk?tenant=a&${filter}`);
  assert.equal(path('http://es:9200', '<logs-{now/d}>'), `/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk?${filter}`);
});

const answer = (...statuses: number[]) =>
  JSON.stringify({
    errors: true,
    items: statuses.map((status) => ({
      create: status < 300 ? { status } : { status, error: { type: 'some_exception', reason: 'because' } },
    })),
  });

test('each status has its outcome', () => {
  const outcomes = parseBulkResponse(answer(200, 201, 409, 429, 503, 500, 408, 401, 403, 400, 404, 413), 12)!;
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    [
      'delivered',
      'delivered',
      'delivered',
      'retry',
      'retry',
      'retry',
      'retry',
      'retry',
      'retry',
      'rejected',
      'rejected',
      'rejected',
    ],
  );
  assert.deepEqual(outcomes[9], { kind: 'rejected', reason: '400 some_exception: because' });
});

test('what is no answer to the request tells nothing', () => {
  for (const text of [
    '',
    '<html>',
    'null',
    '[]',
    '{}',
    '{"items":{}}',
    answer(201),
    '{"items":[{},{}]}',
    '{"items":[{"create":{}},{"create":{}}]}',
    '{"items":[null,null]}',
  ]) {
    assert.equal(parseBulkResponse(text, 2), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => void parseBulkResponse(text, 1)));
  fc.assert(fc.property(fc.jsonValue(), (value) => void parseBulkResponse(JSON.stringify({ items: [value] }), 1)));
});

test('a reason is bounded', () => {
  const text = JSON.stringify({
    items: [{ create: { status: 400, error: { type: 't', reason: 'x'.repeat(100_000) } } }],
  });
  const outcome = parseBulkResponse(text, 1)![0]!;
  assert.ok(outcome.kind === 'rejected' && outcome.reason.length <= 500);
});

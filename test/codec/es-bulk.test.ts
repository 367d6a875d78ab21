import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type BulkDocuments,
  bulkBody,
  bulkUrl,
  isCleanBulkResponse,
  parseBulkResponse,
} from '../../lib/codec/es-bulk.ts';

function documentsOf(list: readonly { readonly id: string; readonly document: Buffer }[]): BulkDocuments {
  return {
    length: list.length,
    bytes: list.reduce((bytes, { document }) => bytes + document.length, 0),
    id: (at) => list[at]!.id,
    size: (at) => list[at]!.document.length,
    copyTo: (target, start, at) => start + list[at]!.document.copy(target, start),
  };
}

test('golden bytes of a body', () => {
  const body = bulkBody(
    documentsOf([
      { id: 'a-1', document: Buffer.from('{"message":"é"}') },
      { id: 'a"2', document: Buffer.from('{}') },
    ]),
  );
  assert.equal(body.toString(), '{"create":{"_id":"a-1"}}\n{"message":"é"}\n{"create":{"_id":"a\\"2"}}\n{}\n');
});

test('a body reads back as what was put in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.string({ minLength: 1 }), document: fc.dictionary(fc.string(), fc.jsonValue()) })),
      (documents) => {
        const lines = bulkBody(
          documentsOf(documents.map(({ id, document }) => ({ id, document: Buffer.from(JSON.stringify(document)) }))),
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
  assert.deepEqual(outcomes[9], {
    kind: 'rejected',
    reason: '400 some_exception: because',
    fix: 'correct what the answer names, in the app or in the mapping, then send it again with: sightline dlq retry',
    status: 400,
    response: '400 some_exception: because',
  });
});

test('the answer of a request without any failure is known without being parsed', () => {
  const clean = (...statuses: number[]) =>
    JSON.stringify({ errors: false, items: statuses.map((status) => ({ create: { status } })) });
  for (const count of [1, 2, 3000]) {
    const text = clean(...Array.from({ length: count }, () => 201));
    assert.equal(isCleanBulkResponse(text, count), true);
    assert.ok(parseBulkResponse(text, count)!.every(({ kind }) => kind === 'delivered'));
    for (const other of [count - 1, count + 1]) assert.equal(isCleanBulkResponse(text, other), false);
  }
  for (const text of [
    clean(201, 200),
    clean(201, 429),
    answer(201, 201),
    clean(201, 201).replace('false', 'true '),
    '',
  ])
    assert.equal(isCleanBulkResponse(text, 2), false, text);
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

test('an answer with an error that is nothing or no text is read like any other', () => {
  const trap = { toString: 1, valueOf: 1 };
  const items = [null, trap, { type: trap, reason: [trap] }, 7].map((error) => ({ create: { status: 400, error } }));
  const outcomes = parseBulkResponse(JSON.stringify({ errors: true, items }), items.length);
  assert.deepEqual(
    outcomes?.map(({ kind }) => kind),
    ['rejected', 'rejected', 'rejected', 'rejected'],
  );
  assert.equal(outcomes?.[0]?.kind === 'rejected' && outcomes[0].reason, '400');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_SEGMENT, StatsdNames, statsdOutcome, statsdSegment, timingOf } from '../../lib/codec/statsd-hierarchy.ts';

test('segments', () => {
  const cases: [string, string][] = [
    ['GET /orders/:id', 'get_orders_id'],
    ['GET /', 'get'],
    ['POST /a-b/{c}/*', 'post_a-b_c'],
    ['server1.example.com', 'server1_example_com'],
    ['__x__', 'x'],
    ['a__b', 'a_b'],
    ['Größe', 'gr_e'],
    ['', 'unknown'],
    ['///', 'unknown'],
    ['x:1|c\ny', 'x_1_c_y'],
    ['-', '-'],
  ];
  for (const [text, wanted] of cases) assert.equal(statsdSegment(text), wanted);
  assert.equal(statsdSegment('x'.repeat(MAX_SEGMENT)).length, MAX_SEGMENT);
  assert.equal(statsdSegment('x'.repeat(MAX_SEGMENT + 1)).length, MAX_SEGMENT);
});

test('any text is one legal segment, and a segment stays what it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      const segment = statsdSegment(text);
      assert.match(segment, /^(?!_)[a-z0-9_-]{1,100}(?<!_)$/);
      assert.equal(statsdSegment(segment), segment);
    }),
  );
});

test('names', () => {
  const names = new StatsdNames({ environment: 'prod', host: 'server1', service: 'Shop' });
  assert.equal(names.handler('GET', '/orders/:id', 'ok'), 'prod.server1.shop.handlers.get_orders_id.ok');
  assert.equal(
    names.handler('GET', '/orders/:id', timingOf('ok')),
    'prod.server1.shop.handlers.get_orders_id.timing_ok',
  );
  assert.equal(names.handler('GET', '/', 'ok'), 'prod.server1.shop.handlers.get.ok');
  assert.equal(names.handler('GET', '', 'bad_request'), 'prod.server1.shop.handlers.get_unmatched.bad_request');
  assert.equal(
    names.client('GET', 'api.example.com', 443, 'error'),
    'prod.server1.shop.clients.get_api_example_com.error',
  );
  assert.equal(names.client('GET', '127.0.0.1', 3001, 'ok'), 'prod.server1.shop.clients.get_127_0_0_1_3001.ok');
  assert.equal(
    names.runtime('nodejs_heap_size_used_bytes', 'value'),
    'prod.server1.shop.runtime.nodejs_heap_size_used_bytes.value',
  );
  assert.equal(
    names.custom('orders_created_total', ['card', 'eu'], 'count'),
    'prod.server1.shop.custom.orders_created_total.card_eu',
  );
  assert.equal(
    names.custom('orders_created_total', [], 'count'),
    'prod.server1.shop.custom.orders_created_total.count',
  );
});

test('outcomes', () => {
  const cases: [number | undefined, string | undefined, string][] = [
    [200, undefined, 'ok'],
    [304, undefined, 'ok'],
    [399, undefined, 'ok'],
    [400, undefined, 'bad_request'],
    [499, '499', 'bad_request'],
    [500, '500', 'error'],
    [undefined, 'aborted', 'error'],
    [undefined, undefined, 'error'],
    [200, 'Error', 'error'],
  ];
  for (const [status, error, wanted] of cases) assert.equal(statsdOutcome(status, error), wanted);
});

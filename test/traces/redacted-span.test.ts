import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOtlpSpanEncoder } from '../../lib/codec/otlp-span.ts';
import { createZipkinEncoder } from '../../lib/codec/zipkin-v2.ts';
import { createRedactor } from '../../lib/logs/redact.ts';
import type { Attributes } from '../../lib/model/attributes.ts';
import { type SpanData, SpanKind, StatusCode } from '../../lib/model/span.ts';
import { redactSpan } from '../../lib/traces/redacted-span.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const redactor = createRedactor(undefined);

function span(fields: Partial<SpanData>): SpanData {
  return {
    traceId: '463ac35c9f6413ad48485a3953bb6124',
    spanId: 'a2fb4a1d1a96d312',
    parentSpanId: undefined,
    name: 'work',
    kind: SpanKind.INTERNAL,
    startMicros: 1,
    durationMicros: 2,
    attributes: {},
    events: [],
    links: [],
    statusCode: StatusCode.UNSET,
    statusMessage: undefined,
    scopeName: 'app',
    scopeVersion: '',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    ...fields,
  };
}

test('a span without secrets is handed on as it is', () => {
  const clean = span({ attributes: { 'app.key': 'value', n: 1, list: ['a', 'b'], 'http.route': '/orders/:id' } });
  assert.deepEqual(redactSpan(clean, redactor), clean);
  const plain = span({ attributes: { 'app.key': 'value', n: 1 }, statusMessage: 'it failed' });
  assert.equal(redactSpan(plain, redactor), plain);
});

test('attributes of the span, its events and links, and the status message lose their secrets; the span stays as it was', () => {
  const given = span({
    attributes: {
      'app.password': 'hunter2',
      database: 'postgres://shop:hunter2@db/orders',
      list: ['Bearer abcdefgh12345678'],
      page: 2,
    },
    events: [{ name: 'exception', timeMicros: 1, attributes: { 'exception.message': 'login with password=hunter2' } }],
    links: [
      { traceId: '463ac35c9f6413ad48485a3953bb6124', spanId: 'a2fb4a1d1a96d313', attributes: { token: 'hunter2' } },
    ],
    statusMessage: 'token=hunter2 was refused',
  } as Partial<SpanData>);
  const before = JSON.stringify(given);
  const redacted = redactSpan(given, redactor);
  assert.doesNotMatch(JSON.stringify(redacted), /hunter2|abcdefgh/);
  assert.equal(redacted.attributes['page'], 2);
  assert.equal(redacted.links[0]?.spanId, 'a2fb4a1d1a96d313');
  assert.equal(redacted.durationMicros, 2);
  assert.equal(JSON.stringify(given), before);
});

test('lists of numbers stay what they are: whole and broken ones under one name are no concern of a span', () => {
  const given = span({
    attributes: { prices: [10, 9.5, null], large: [2 ** 53, 0.5], pins: [1, 2], token: [1, 2.5] } as Attributes,
  });
  const redacted = redactSpan(given, redactor);
  assert.deepEqual(redacted.attributes['prices'], [10, 9.5, null]);
  assert.deepEqual(redacted.attributes['large'], [2 ** 53, 0.5]);
  assert.equal(redacted.attributes['token'], '[redacted]');
  const text = createZipkinEncoder(RESOURCE)(redacted);
  assert.equal(JSON.parse(text).tags.prices, '10,9.5,');
  const [resource] = [JSON.parse(createOtlpSpanEncoder(RESOURCE)(redacted))];
  const prices = resource.scopeSpans[0].spans[0].attributes.find(({ key }: { key: string }) => key === 'prices');
  assert.deepEqual(prices.value.arrayValue.values, [{ intValue: '10' }, { doubleValue: 9.5 }, {}]);
});

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { createZipkinEncoder } from '../../lib/codec/zipkin-v2.ts';
import type { Attributes } from '../../lib/model/attributes.ts';
import type { Resource } from '../../lib/model/resource.ts';
import type { SpanData } from '../../lib/model/span.ts';

/** The stock transformation is no part of the package's public surface: it is reached as its own exporter reaches it. */
const require = createRequire(import.meta.url);
const { toZipkinSpan } = require(
  require.resolve('@opentelemetry/exporter-zipkin').replace('index.cjs', 'transform.cjs'),
);

const RESOURCE: Resource = {
  serviceName: 'shop',
  serviceVersion: '1.2.3',
  instanceId: '0b9ff1b2-5c1e-4a0e-9a51-3a2b9b1f0d3c',
  environment: 'production',
  hostName: 'host',
  pid: 1,
  attributes: { 'service.name': 'shop', team: 'checkout' },
};
const ENTRY_TAGS = {
  'service.version': '1.2.3',
  'service.instance.id': '0b9ff1b2-5c1e-4a0e-9a51-3a2b9b1f0d3c',
  'deployment.environment.name': 'production',
  team: 'checkout',
};
const encode = createZipkinEncoder(RESOURCE);

function span(change: Partial<SpanData> = {}): SpanData {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    name: 'query',
    kind: 0,
    startMicros: 1_700_000_000_000_000,
    durationMicros: 1234,
    attributes: {},
    events: [],
    links: [],
    statusCode: 0,
    statusMessage: undefined,
    scopeName: '',
    scopeVersion: '',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    ...change,
  };
}

/** What the stock exporter makes of the same span, with the given resource. */
function stock(data: SpanData, resource: Readonly<Record<string, string>>): any {
  const time = (micros: number): [number, number] => [Math.floor(micros / 1e6), (micros % 1e6) * 1000];
  return JSON.parse(
    JSON.stringify(
      toZipkinSpan(
        {
          spanContext: () => ({ traceId: data.traceId, spanId: data.spanId, traceFlags: 1 }),
          parentSpanContext: data.parentSpanId === undefined ? undefined : { spanId: data.parentSpanId },
          name: data.name,
          kind: data.kind,
          startTime: time(data.startMicros),
          duration: time(data.durationMicros),
          attributes: data.attributes,
          resource: { attributes: resource },
          status: { code: data.statusCode, message: data.statusMessage },
          events: data.events.map((event) => ({
            name: event.name,
            time: time(event.timeMicros),
            attributes: event.attributes,
          })),
          links: data.links,
          droppedAttributesCount: data.droppedAttributes,
          droppedEventsCount: data.droppedEvents,
          droppedLinksCount: data.droppedLinks,
        },
        RESOURCE.serviceName,
        'otel.status_code',
        'error',
      ),
    ),
  );
}

/** The list of improvements over the stock exporter, undone: what is left must be equal. */
function withoutImprovements(ours: any, data: SpanData): any {
  const { remoteEndpoint: _fifth, ...rest } = ours;
  const tags = { ...ours.tags };
  const exception = data.events.findLast((event) => event.name === 'exception')?.attributes;
  for (const key of ['exception.type', 'exception.message', 'exception.stacktrace']) {
    if (exception?.[key] === undefined) continue;
    // 1. details of an exception
    if (data.attributes[key] === undefined) delete tags[key];
    else tags[key] = String(data.attributes[key]);
  }
  // 2. an `error` tag on every failed span
  if (data.statusCode === 2 && !data.statusMessage) {
    if (data.attributes['error'] === undefined) delete tags['error'];
    else tags['error'] = String(data.attributes['error']);
  }
  // 3. links
  for (let at = 0; at < data.links.length; at += 1) delete tags[`otlp.link.${at}`];
  // 6. duration
  return { ...rest, tags, ...(data.durationMicros < 1 && { duration: Math.round(data.durationMicros) }) };
}

/** Improvement 4: the resource goes onto entry spans only. */
function resourceOf(data: SpanData): Readonly<Record<string, string>> {
  return data.parentSpanId === undefined || data.kind === 1 || data.kind === 4 ? ENTRY_TAGS : {};
}

test('golden bytes of a plain span', () => {
  assert.equal(
    encode(
      span({
        kind: 2,
        attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200, ok: true, list: ['a', 1, null] },
      }),
    ),
    '{"traceId":"0af7651916cd43dd8448eb211c80319c","parentId":"00f067aa0ba902b7","name":"query","id":"b7ad6b7169203331","kind":"CLIENT",' +
      '"timestamp":1700000000000000,"duration":1234,"localEndpoint":{"serviceName":"shop"},' +
      '"tags":{"http.request.method":"GET","http.response.status_code":"200","ok":"true","list":"a,1,"}}',
  );
});

test('golden bytes of a failed entry span with exception, link and annotation', () => {
  assert.equal(
    encode(
      span({
        parentSpanId: undefined,
        kind: 1,
        name: 'GET /"orders"',
        attributes: { note: 'zwei\nZeilen' },
        statusCode: 2,
        events: [
          {
            name: 'exception',
            timeMicros: 1_700_000_000_000_500,
            attributes: {
              'exception.type': 'TypeError',
              'exception.message': 'no',
              'exception.stacktrace': 'TypeError: no\n  at x',
            },
          },
        ],
        links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), attributes: { via: 'queue' } }],
        droppedLinks: 2,
      }),
    ),
    '{"traceId":"0af7651916cd43dd8448eb211c80319c","name":"GET /\\"orders\\"","id":"b7ad6b7169203331","kind":"SERVER",' +
      '"timestamp":1700000000000000,"duration":1234,"localEndpoint":{"serviceName":"shop"},"tags":{"note":"zwei\\nZeilen",' +
      '"otel.status_code":"ERROR","error":"no","otel.dropped_links_count":"2","exception.type":"TypeError","exception.message":"no",' +
      `"exception.stacktrace":"TypeError: no\\n  at x","otlp.link.0":"${'a'.repeat(32)}|${'b'.repeat(16)}||{\\"via\\":\\"queue\\"}|0",` +
      '"service.version":"1.2.3","service.instance.id":"0b9ff1b2-5c1e-4a0e-9a51-3a2b9b1f0d3c","deployment.environment.name":"production","team":"checkout"},' +
      '"annotations":[{"timestamp":1700000000000500,"value":"exception"}]}',
  );
});

const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.array(fc.oneof(fc.string(), fc.constant(null)), { maxLength: 4 }),
);
const key = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  fc.constantFrom(
    'error',
    'otel.status_code',
    'exception.type',
    'service.version',
    'error.type',
    '__proto__',
    'team',
    'peer.service',
    'server.address',
  ),
);
const attributes = fc
  .array(fc.tuple(key, value), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries) as Attributes);
const hex = (digits: number) => fc.stringMatching(new RegExp(`^[1-9a-f][0-9a-f]{${digits - 1}}$`));
const micros = fc.integer({ min: 1_500_000_000_000_000, max: 1_900_000_000_000_000 });
const anySpan: fc.Arbitrary<SpanData> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.option(hex(16), { nil: undefined }),
  name: fc.string({ unit: 'grapheme' }),
  kind: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const, 4 as const),
  startMicros: micros,
  durationMicros: fc.nat(10_000_000),
  attributes,
  events: fc.array(
    fc.record({
      name: fc.constantFrom('exception', 'sent', 'x"y'),
      timeMicros: micros,
      attributes: fc.record(
        { 'exception.type': fc.string(), 'exception.message': fc.string(), 'exception.stacktrace': fc.string() },
        { requiredKeys: [] },
      ) as fc.Arbitrary<Attributes>,
    }),
    { maxLength: 3 },
  ),
  links: fc.array(fc.record({ traceId: hex(32), spanId: hex(16), attributes: fc.constant({}) }), { maxLength: 3 }),
  statusCode: fc.constantFrom(0 as const, 1 as const, 2 as const),
  statusMessage: fc.option(fc.string(), { nil: undefined }),
  scopeName: fc.constant(''),
  scopeVersion: fc.constant(''),
  droppedAttributes: fc.nat(3),
  droppedEvents: fc.nat(3),
  droppedLinks: fc.nat(3),
});

/** 8. separators become line feeds */
function separated(value: any): any {
  return JSON.parse(JSON.stringify(value).replace(/[\u2028\u2029]/g, '\\n'));
}

/** `toZipkinSpan` assigns `tags['__proto__']`, which sets nothing; we keep the attribute. */
function withoutPrototype(tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => name !== '__proto__'));
}

test('equal to the stock exporter but for the listed improvements', () => {
  fc.assert(
    fc.property(anySpan, (data) => {
      const ours = withoutImprovements(JSON.parse(encode(data)), data);
      const theirs = separated(stock(data, resourceOf(data)));
      assert.deepEqual(
        { ...ours, tags: withoutPrototype(ours.tags) },
        { ...theirs, tags: withoutPrototype(theirs.tags) },
      );
    }),
    { numRuns: 2000 },
  );
});

test('byte-equal to the stock exporter where there is nothing to improve', () => {
  const plain = span({
    attributes: { a: 'ä"', n: 1.5, list: [true, false] },
    statusCode: 2,
    statusMessage: 'broken',
    droppedEvents: 1,
  });
  assert.equal(encode(plain), JSON.stringify(stock(plain, {})));
});

test('keeps to the field rules of Zipkin v2', () => {
  fc.assert(
    fc.property(anySpan, (data) => {
      const text = encode(data);
      assert.ok(!text.includes('\n'), 'one line');
      assert.ok(Buffer.from(text).toString() === text, 'has a UTF-8 form');
      const parsed = JSON.parse(text);
      assert.match(parsed.traceId, /^[0-9a-f]{16,32}$/);
      assert.match(parsed.id, /^[0-9a-f]{16}$/);
      assert.ok(parsed.parentId === undefined || /^[0-9a-f]{16}$/.test(parsed.parentId));
      assert.ok(parsed.kind === undefined || ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'].includes(parsed.kind));
      assert.ok(Number.isSafeInteger(parsed.timestamp) && parsed.timestamp > 0);
      assert.ok(Number.isSafeInteger(parsed.duration) && parsed.duration >= 1);
      for (const tag of Object.values(parsed.tags)) assert.equal(typeof tag, 'string');
      for (const { timestamp, value: text } of parsed.annotations ?? []) {
        assert.ok(Number.isSafeInteger(timestamp));
        assert.equal(typeof text, 'string');
      }
      if (parsed.remoteEndpoint !== undefined) {
        const { serviceName, ipv4, ipv6, port, ...others } = parsed.remoteEndpoint;
        assert.deepEqual(others, {});
        assert.ok(serviceName !== undefined || ipv4 !== undefined || ipv6 !== undefined);
        assert.ok(port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536));
      }
      // No key twice: the last one would silently win in one reader and the first in another.
      const spelled = text.match(/"otel\.status_code":/g);
      assert.ok(spelled === null || spelled.length === 1);
    }),
    { numRuns: 1000 },
  );
});

test('durations and times are whole, a duration is at least 1', () => {
  const parsed = JSON.parse(encode(span({ durationMicros: 0, startMicros: 1_700_000_000_000_000.5 })));
  assert.equal(parsed.duration, 1);
  assert.equal(parsed.timestamp, 1_700_000_000_000_001);
});

test('remote endpoints', () => {
  const remote = (attributes: Attributes, kind: SpanData['kind'] = 2) =>
    JSON.parse(encode(span({ kind, attributes }))).remoteEndpoint;
  assert.deepEqual(remote({ 'peer.service': 'billing', 'server.address': 'billing.internal', 'server.port': 443 }), {
    serviceName: 'billing',
    port: 443,
  });
  assert.deepEqual(remote({ 'server.address': 'billing.internal' }), { serviceName: 'billing.internal' });
  assert.deepEqual(remote({ 'server.address': '10.0.0.7', 'server.port': 80 }), { ipv4: '10.0.0.7', port: 80 });
  assert.deepEqual(
    remote({ 'server.address': 'db', 'network.peer.address': '::1', 'network.peer.port': 5432, 'server.port': 1 }),
    { serviceName: 'db', ipv6: '::1', port: 5432 },
  );
  assert.equal(remote({ 'server.port': 80 }), undefined);
  assert.equal(remote({ 'server.address': 'db' }, 1), undefined);
  assert.deepEqual(remote({ 'server.address': 'queue' }, 3), { serviceName: 'queue' });
});

test('separators, which make real Zipkin answer with broken JSON, become line feeds', () => {
  assert.equal(JSON.parse(encode(span({ attributes: { a: 'ä\u2028b\u2029c' } }))).tags.a, 'ä\nb\nc');
});

test('what an error tag says', () => {
  const error = (change: Partial<SpanData>) => JSON.parse(encode(span({ statusCode: 2, ...change }))).tags.error;
  const exception = {
    name: 'exception',
    timeMicros: 1,
    attributes: { 'exception.type': 'TypeError', 'exception.message': 'no' },
  };
  assert.equal(error({ statusMessage: 'said', events: [exception] }), 'said');
  assert.equal(error({ events: [exception] }), 'no');
  assert.equal(error({ events: [{ ...exception, attributes: { 'exception.type': 'TypeError' } }] }), 'TypeError');
  assert.equal(error({ attributes: { 'error.type': '500' } }), '500');
  assert.equal(error({}), 'true');
  assert.equal(
    JSON.parse(encode(span({ events: [exception] }))).tags.error,
    undefined,
    'a handled exception is no failure',
  );
});

test('user resource attributes on an entry span are bounded', () => {
  const big = createZipkinEncoder({
    ...RESOURCE,
    attributes: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`key.${at}`, 'x'.repeat(100)])),
  });
  assert.ok(big(span({ parentSpanId: undefined })).length < 2000);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { encodeTraces, mergeSpans, parsePartialSuccess, type ResourceSpans } from '../../lib/codec/otlp.ts';
import { createOtlpSpanEncoder, resourceAttributes } from '../../lib/codec/otlp-span.ts';
import type { Resource } from '../../lib/model/resource.ts';
import type { SpanData } from '../../lib/model/span.ts';
import { decodeOtlp } from '../../lib/testing/otlp-decode.ts';

const RESOURCE: Resource = {
  serviceName: 'shop "ü"',
  serviceVersion: '1.2.3',
  instanceId: 'i-1',
  environment: 'test',
  hostName: 'host',
  pid: 42,
  attributes: { team: 'a', 'service.name': 'is overruled' },
};

function span(change: Partial<SpanData> = {}): SpanData {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    name: 'GET /orders/:id',
    kind: 1,
    startMicros: 1_700_000_000_123_456,
    durationMicros: 1500,
    attributes: {},
    events: [],
    links: [],
    statusCode: 0,
    statusMessage: undefined,
    scopeName: 'http',
    scopeVersion: '1',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    ...change,
  };
}

const SPANS: readonly SpanData[] = [
  span(),
  span({ parentSpanId: undefined, kind: 0, scopeName: 'other', scopeVersion: '' }),
  span({
    kind: 2,
    attributes: {
      text: 'line\nend "quoted" \u2028 😀',
      empty: '',
      whole: 42,
      zero: 0,
      negative: -7,
      most: Number.MAX_SAFE_INTEGER,
      beyond: 2 ** 60,
      huge: 1e300,
      half: 0.5,
      small: -1e-300,
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      yes: true,
      no: false,
      strings: ['a', 'b'],
      numbers: [1, 2.5, -3],
      booleans: [true, false],
      nothing: [],
      holes: ['a', null, undefined],
      ['__proto__']: 'own',
      missing: undefined,
    },
  }),
  span({
    kind: 3,
    statusCode: 2,
    statusMessage: 'it failed',
    droppedAttributes: 3,
    droppedEvents: 200,
    droppedLinks: 1,
  }),
  span({ kind: 4, statusCode: 1 }),
  span({
    events: [
      { name: 'exception', timeMicros: 1_700_000_000_123_999, attributes: { 'exception.type': 'E', codes: [1] } },
      { name: 'empty', timeMicros: 1, attributes: {} },
    ],
    links: [
      { traceId: '1af7651916cd43dd8448eb211c80319c', spanId: 'c7ad6b7169203331', attributes: { why: 'batch' } },
      { traceId: '2af7651916cd43dd8448eb211c80319c', spanId: 'd7ad6b7169203331', attributes: {} },
    ],
  }),
];

/** As the stock SDK has it. */
function readable(data: SpanData, resource: object, scopes: Map<string, object>) {
  const time = (micros: number): [number, number] => [Math.floor(micros / 1e6), (micros % 1e6) * 1000];
  const context = (traceId: string, spanId: string) => ({ traceId, spanId, traceFlags: 1 });
  const scope = scopes.get(data.scopeName) ?? { name: data.scopeName, version: data.scopeVersion };
  scopes.set(data.scopeName, scope);
  const defined = (attributes: object) => {
    const result = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
    if (Object.hasOwn(attributes, '__proto__'))
      Object.defineProperty(result, '__proto__', { value: 'own', enumerable: true });
    return result;
  };
  return {
    spanContext: () => context(data.traceId, data.spanId),
    ...(data.parentSpanId !== undefined && { parentSpanContext: context(data.traceId, data.parentSpanId) }),
    name: data.name,
    kind: data.kind,
    startTime: time(data.startMicros),
    endTime: time(data.startMicros + data.durationMicros),
    attributes: defined(data.attributes),
    events: data.events.map(({ name, timeMicros, attributes }) => ({ name, time: time(timeMicros), attributes })),
    links: data.links.map(({ traceId, spanId, attributes }) => ({ context: context(traceId, spanId), attributes })),
    status: { code: data.statusCode, message: data.statusMessage },
    droppedAttributesCount: data.droppedAttributes,
    droppedEventsCount: data.droppedEvents,
    droppedLinksCount: data.droppedLinks,
    resource,
    instrumentationScope: scope,
  };
}

/** Takes away what the encoder says that it leaves out: zeros, flags, 64-bit numbers as numbers. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([key, member]) => key !== 'flags' && !(/Count$|^code$/.test(key) && member === 0) && member !== undefined,
      )
      .filter(([key, member]) => !(Array.isArray(member) && member.length === 0 && key !== 'spans'))
      .filter(([key, member]) => !(key === 'version' && member === ''))
      .map(([key, member]): [string, unknown] => {
        if (key === 'intValue')
          return [
            key,
            typeof member === 'number' && Math.abs(member) < 2 ** 63 ? String(BigInt(member)) : String(member),
          ];
        // JSON.stringify of the stock serializer makes null of what JSON has no number for.
        if (key === 'doubleValue') return [key, typeof member === 'string' || member === null ? null : member];
        return [key, normal(member)];
      })
      .filter(([key, member]) => !(key === 'status' && Object.keys(member as object).length === 0)),
  );
}

const encode = createOtlpSpanEncoder(RESOURCE);
const records = SPANS.map((data) => JSON.parse(encode(data)) as ResourceSpans);
const scopes = new Map<string, object>();
const resource = { attributes: resourceAttributes(RESOURCE) };
const stock = SPANS.map((data) => readable(data, resource, scopes)) as never[];

test('oracle: Protocol Buffers of the stock serializer, field for field', () => {
  const ours = decodeOtlp('TracesData', encodeTraces(mergeSpans(records)));
  const theirs = decodeOtlp('TracesData', Buffer.from(ProtobufTraceSerializer.serializeRequest(stock)!));
  assert.deepEqual(normal(ours), normal(theirs));
  const attributes = ours['resourceSpans'][0].scopeSpans[0].spans[1].attributes as { key: string; value: any }[];
  const value = (wanted: string) => attributes.find(({ key }) => key === wanted)?.value;
  assert.deepEqual(value('nan'), { doubleValue: Number.NaN });
  assert.deepEqual(value('beyond'), { intValue: '1152921504606846976' });
  assert.deepEqual(value('negative'), { intValue: '-7' });
});

test('oracle: JSON of the stock serializer, field for field', () => {
  const theirs = JSON.parse(Buffer.from(JsonTraceSerializer.serializeRequest(stock)!).toString());
  // 1e300 is an integer for the stock JSON serializer, which no 64 bits hold; its own binary one makes a double of it.
  const text = JSON.stringify(normal({ resourceSpans: mergeSpans(records) })).replace(
    '"doubleValue":1e+300',
    '"intValue":"1e+300"',
  );
  assert.deepEqual(JSON.parse(text), normal(theirs));
});

test('golden bytes', () => {
  const tiny: Resource = { ...RESOURCE, serviceName: 's', serviceVersion: '', attributes: {} };
  const record = JSON.parse(createOtlpSpanEncoder(tiny)(span({ attributes: { n: 300 }, statusCode: 2 })));
  record.resource = { attributes: [] };
  assert.equal(
    encodeTraces([record]).toString('hex'),
    [
      '0a6a', // resource_spans
      '0a00', // resource
      '1266', // scope_spans
      '0a09', // scope
      '0a0468747470', // name: http
      '120131', // version: 1
      '1259', // span
      '0a100af7651916cd43dd8448eb211c80319c', // trace_id
      '1208b7ad6b7169203331', // span_id
      '220800f067aa0ba902b7', // parent_span_id
      '2a0f474554202f6f72646572732f3a6964', // name
      '3002', // kind: server
      `39${nanosHex('1700000000123456000')}`, // start_time_unix_nano
      `41${nanosHex('1700000000124956000')}`, // end_time_unix_nano
      '4a080a016e120318ac02', // attributes: n = 300
      '7a021802', // status: error
    ].join(''),
  );
});

function nanosHex(nanos: string): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(nanos));
  return bytes.toString('hex');
}

test('spans of several processes stay with their own resource, and buffers grow as needed', () => {
  const other = createOtlpSpanEncoder({ ...RESOURCE, instanceId: 'i-2' });
  const long = 'ä'.repeat(100_000);
  const all = Array.from({ length: 50 }, (_, at) =>
    JSON.parse((at % 2 === 0 ? encode : other)(span({ name: `span ${at} ${long}` }))),
  ) as ResourceSpans[];
  const { resourceSpans } = decodeOtlp('TracesData', encodeTraces(mergeSpans(all)));
  assert.equal(resourceSpans.length, 2);
  for (const [at, group] of resourceSpans.entries()) {
    const id = group.resource.attributes.find(({ key }: { key: string }) => key === 'service.instance.id');
    assert.equal(id.value.stringValue, `i-${at + 1}`);
    const names = group.scopeSpans[0].spans.map(({ name }: { name: string }) => name.split(' ')[1]);
    assert.deepEqual(
      names,
      Array.from({ length: 25 }, (_, index) => String(index * 2 + at)),
    );
    assert.ok(group.scopeSpans[0].spans[24].name.endsWith(long));
  }
});

test('a lone surrogate becomes the replacement character, in a record without line ends', () => {
  const text = encode(span({ name: 'a\ud800b\n' }));
  assert.ok(!text.includes('\n'));
  const { resourceSpans } = decodeOtlp('TracesData', encodeTraces([JSON.parse(text)]));
  assert.equal(resourceSpans[0].scopeSpans[0].spans[0].name, 'a\ufffdb\n');
});

test('partial success is read in both encodings; anything else says that all was taken', () => {
  const json = (body: unknown) => parsePartialSuccess('application/json', Buffer.from(JSON.stringify(body)));
  const binary = (hex: string) => parsePartialSuccess('application/x-protobuf', Buffer.from(hex, 'hex'));
  assert.deepEqual(json({ partialSuccess: { rejectedSpans: '3', errorMessage: 'no' } }), {
    rejected: 3,
    message: 'no',
  });
  assert.deepEqual(json({ partialSuccess: { rejectedLogRecords: 2 } }), { rejected: 2, message: '' });
  assert.deepEqual(binary('0a0608031202' + '6e6f'), { rejected: 3, message: 'no' });
  for (const nothing of [{}, null, [], { partialSuccess: null }, { partialSuccess: { errorMessage: 'a warning' } }])
    assert.equal(json(nothing), undefined);
  for (const nothing of ['', '0a00', '0a04', 'ff', '0a0208ff', '3c68746d6c3e'])
    assert.equal(binary(nothing), undefined);
});

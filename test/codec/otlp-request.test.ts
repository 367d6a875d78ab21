import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_MESSAGE_DEPTH, MessageMalformed } from '../../lib/codec/message-shape.ts';
import { encodeLogs, encodeTraces, type ResourceLogs, type ResourceSpans } from '../../lib/codec/otlp.ts';
import {
  decodeLogsRequest,
  decodeMetricsRequest,
  decodeTracesRequest,
  type OtlpForm,
} from '../../lib/codec/otlp-request.ts';
import { decodeOtlp } from '../../lib/testing/otlp-decode.ts';

const TRACES: readonly ResourceSpans[] = [
  {
    resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop "ü" 😀' } }] },
    scopeSpans: [
      {
        scope: { name: 'http', version: '1' },
        spans: [
          {
            traceId: '0af7651916cd43dd8448eb211c80319c',
            spanId: 'b7ad6b7169203331',
            parentSpanId: '00f067aa0ba902b7',
            name: 'GET /orders/:id',
            kind: 2,
            startTimeUnixNano: '1700000000123456789',
            endTimeUnixNano: '18446744073709551615',
            attributes: [
              { key: 'whole', value: { intValue: '9223372036854775807' } },
              { key: 'negative', value: { intValue: '-9223372036854775808' } },
              { key: 'minus one', value: { intValue: '-1' } },
              { key: 'half', value: { doubleValue: 0.5 } },
              { key: 'yes', value: { boolValue: true } },
              { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '7' }] } } },
              { key: 'map', value: { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } } },
            ],
            droppedAttributesCount: 4_294_967_295,
            events: [{ timeUnixNano: '1000000', name: 'retry', attributes: [] }],
            links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }],
            status: { message: 'boom', code: 2 },
          },
        ],
      },
    ],
  },
];
const LOGS: readonly ResourceLogs[] = [
  {
    resource: { attributes: [{ key: 'host.name', value: { stringValue: 'a' } }] },
    scopeLogs: [
      {
        logRecords: [
          {
            timeUnixNano: '1700000000123456789',
            observedTimeUnixNano: '4503599627370496',
            severityNumber: 17,
            severityText: 'error',
            body: { stringValue: 'charge failed' },
            attributes: [{ key: 'correlation.id', value: { stringValue: 'cart-7' } }],
            traceId: '0af7651916cd43dd8448eb211c80319c',
            spanId: 'b7ad6b7169203331',
          },
        ],
      },
    ],
  },
];

/** As JSON has it: without what is empty or zero, which the binary form does not carry. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, member) => (Array.isArray(member) && member.length === 0 ? undefined : member)),
  );

test('what the encoder wrote is read back, and as the independent reader reads it', () => {
  const traces = encodeTraces(TRACES);
  assert.deepEqual(decodeTracesRequest(traces, 'protobuf'), plain(TRACES));
  assert.deepEqual(plain({ resourceSpans: decodeTracesRequest(traces, 'protobuf') }), decodeOtlp('TracesData', traces));
  const logs = encodeLogs(LOGS);
  assert.deepEqual(decodeLogsRequest(logs, 'protobuf'), LOGS);
});

test('the JSON form gives the same as the binary form; 64-bit integers may be numbers, names those of the definition', () => {
  const json = Buffer.from(JSON.stringify({ resourceSpans: TRACES, later: { unknown: 1 } }));
  assert.deepEqual(plain(decodeTracesRequest(json, 'json')), decodeTracesRequest(encodeTraces(TRACES), 'protobuf'));
  const loose = {
    resource_logs: [
      {
        scope_logs: [
          { log_records: [{ time_unix_nano: 1_700_000_000_123, severityText: null, traceId: 'AB', flags: 1 }] },
        ],
      },
    ],
  };
  assert.deepEqual(decodeLogsRequest(Buffer.from(JSON.stringify(loose)), 'json'), [
    { scopeLogs: [{ logRecords: [{ timeUnixNano: '1700000000123', traceId: 'ab' }] }] },
  ]);
});

test('packed and unpacked numbers, and every value of a double', () => {
  const point = (bytes: number[]) =>
    Buffer.from([
      0x0a,
      bytes.length + 8,
      0x12,
      bytes.length + 6,
      0x12,
      bytes.length + 4,
      0x4a,
      bytes.length + 2,
      0x0a,
      bytes.length,
      ...bytes,
    ]);
  const eight = [3, 0, 0, 0, 0, 0, 0, 0];
  const unpacked = point([0x31, ...eight, 0x31, ...eight]);
  const packed = point([0x32, 16, ...eight, ...eight]);
  for (const bytes of [unpacked, packed]) {
    const [read] = decodeMetricsRequest(bytes, 'protobuf');
    assert.deepEqual(read?.scopeMetrics?.[0]?.metrics?.[0]?.histogram?.dataPoints, [{ bucketCounts: ['3', '3'] }]);
  }
  const json = (value: unknown) =>
    Buffer.from(
      JSON.stringify({
        resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: [{ asDouble: value }] } }] }] }],
      }),
    );
  const read = (value: unknown) =>
    decodeMetricsRequest(json(value), 'json')[0]?.scopeMetrics?.[0]?.metrics?.[0]?.gauge?.dataPoints?.[0]?.asDouble;
  assert.deepEqual(['NaN', 'Infinity', '-Infinity', '1.5', 2].map(read), [Number.NaN, Infinity, -Infinity, 1.5, 2]);
});

test('bytes cut off anywhere, and any byte changed, are read or refused, never thrown over', () => {
  const whole = encodeTraces(TRACES);
  let refused = 0;
  const attempt = (bytes: Buffer) => {
    try {
      decodeTracesRequest(bytes, 'protobuf');
    } catch (error) {
      assert.ok(error instanceof MessageMalformed, String(error));
      refused += 1;
    }
  };
  for (let length = 1; length < whole.length; length += 1) attempt(whole.subarray(0, length));
  assert.equal(refused, whole.length - 1, 'there is one message around everything: no prefix of it is whole');
  for (let at = 0; at < whole.length; at += 1) {
    for (const bits of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ bits;
      attempt(changed);
    }
  }
});

test('what is no such message says where', () => {
  const refused = (body: string, form: OtlpForm, pattern: RegExp) =>
    assert.throws(() => decodeTracesRequest(Buffer.from(body, 'latin1'), form), {
      name: 'MessageMalformed',
      message: pattern,
    });
  refused('{', 'json', /JSON/);
  refused('[]', 'json', /got a list at \$, wanted an object/);
  refused('{"resourceSpans":{}}', 'json', /got an object at \$\.resourceSpans, wanted a list/);
  refused(
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
    'json',
    /spans\[0\]\.traceId, wanted hexadecimal digits/,
  );
  refused(
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}',
    'json',
    /got string "SERVER" at .*kind, wanted a number/,
  );
  refused(
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"-1"}]}]}]}',
    'json',
    /wanted an unsigned integer/,
  );
  refused('\x00', 'protobuf', /field number 0/);
  refused('\x0f', 'protobuf', /wire type 7/);
  refused('\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', 'protobuf', /more than ten bytes/);
});

test('values that nest without end are refused', () => {
  let nested: object = { stringValue: 'x' };
  for (let level = 0; level < MAX_MESSAGE_DEPTH; level += 1) nested = { arrayValue: { values: [nested] } };
  const body = { resourceSpans: [{ resource: { attributes: [{ key: 'a', value: nested }] } }] };
  assert.throws(() => decodeTracesRequest(Buffer.from(JSON.stringify(body)), 'json'), /nest deeper than 100 levels/);
  assert.throws(
    () => decodeTracesRequest(encodeTraces(body.resourceSpans as unknown as ResourceSpans[]), 'protobuf'),
    /nest deeper than 100 levels/,
  );
});

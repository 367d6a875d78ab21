import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLogs, mergeLogs } from '../../lib/codec/otlp.ts';
import { otlpLogOf } from '../../lib/codec/otlp-log.ts';
import { decodeOtlp } from '../../lib/testing/otlp-decode.ts';

const TIME = '2024-01-02T03:04:05.678Z';
const NANOS = `${Date.parse(TIME)}000000`;

function decoded(document: string | object) {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const log = otlpLogOf(text, 'journal-1', 1_700_000_000_000);
  const { resourceLogs } = decodeOtlp('LogsData', encodeLogs(mergeLogs([log])));
  // What the JSON encoding would send is the same.
  assert.deepEqual(
    resourceLogs[0].scopeLogs[0].logRecords[0],
    JSON.parse(JSON.stringify(log.record).replaceAll('"values":[]', '')),
  );
  const record = resourceLogs[0].scopeLogs[0].logRecords[0];
  const pairs = (list: { key: string; value: unknown }[] = []) =>
    Object.fromEntries(list.map(({ key, value }) => [key, value]));
  return { record, resource: pairs(resourceLogs[0].resource.attributes), attributes: pairs(record.attributes) };
}

test('an ECS document: time, severity, body, IDs, resource, exception, and every other field with its type', () => {
  const { record, resource, attributes } = decoded({
    '@timestamp': TIME,
    'log.level': 'warn',
    message: 'hello',
    'ecs.version': '8.17.0',
    'service.name': 'shop',
    'service.version': '1',
    'service.environment': 'test',
    'service.node.name': 'i-1',
    'host.hostname': 'host',
    'process.pid': 42,
    'event.dataset': 'shop',
    'data_stream.type': 'logs',
    'trace.id': '0af7651916cd43dd8448eb211c80319c',
    'span.id': 'b7ad6b7169203331',
    'correlation.id': 'c-1',
    'error.type': 'TypeError',
    'error.stack_trace': 'at x',
    number: 1.5,
    whole: 3,
    yes: true,
    nothing: null,
    list: [1, 'a', [true]],
    object: { a: { b: 1 }, empty: {} },
  });
  assert.deepEqual(
    { ...record, attributes: undefined },
    {
      timeUnixNano: NANOS,
      observedTimeUnixNano: '1700000000000000000',
      severityNumber: 13,
      severityText: 'warn',
      body: { stringValue: 'hello' },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      attributes: undefined,
    },
  );
  assert.deepEqual(resource, {
    'service.name': { stringValue: 'shop' },
    'service.version': { stringValue: '1' },
    'deployment.environment.name': { stringValue: 'test' },
    'service.instance.id': { stringValue: 'i-1' },
    'host.name': { stringValue: 'host' },
    'process.pid': { intValue: '42' },
  });
  assert.deepEqual(attributes, {
    'log.record.uid': { stringValue: 'journal-1' },
    'event.dataset': { stringValue: 'shop' },
    'data_stream.type': { stringValue: 'logs' },
    'correlation.id': { stringValue: 'c-1' },
    'exception.type': { stringValue: 'TypeError' },
    'exception.stacktrace': { stringValue: 'at x' },
    number: { doubleValue: 1.5 },
    whole: { intValue: '3' },
    yes: { boolValue: true },
    nothing: {},
    list: {
      arrayValue: {
        values: [{ intValue: '1' }, { stringValue: 'a' }, { arrayValue: { values: [{ boolValue: true }] } }],
      },
    },
    object: {
      kvlistValue: {
        values: [
          { key: 'a', value: { kvlistValue: { values: [{ key: 'b', value: { intValue: '1' } }] } } },
          { key: 'empty', value: { kvlistValue: {} } },
        ],
      },
    },
  });
});

test('long integers stay exact', () => {
  const { attributes } = decoded(
    '{"a":12345678901234567890,"b":9007199254740993,"c":-9223372036854775808,"d":1234567890123456.5,"e":"9007199254740993"}',
  );
  assert.deepEqual(attributes['a'], { stringValue: '12345678901234567890' });
  assert.deepEqual(attributes['b'], { intValue: '9007199254740993' });
  assert.deepEqual(attributes['c'], { intValue: '-9223372036854775808' });
  assert.deepEqual(attributes['d'], { doubleValue: 1234567890123456.5 });
  assert.deepEqual(attributes['e'], { stringValue: '9007199254740993' });
});

test('what does not fit its place is an attribute; nothing is lost', () => {
  const { record, attributes } = decoded({
    '@timestamp': 'soon',
    message: { a: 1 },
    'trace.id': 'mine',
    'log.level': 7,
  });
  assert.equal(record.timeUnixNano, '1700000000000000000');
  assert.equal(record.body, undefined);
  assert.deepEqual(Object.keys(attributes), ['log.record.uid', '@timestamp', 'message', 'trace.id', 'log.level']);
});

test('depth is bounded; what is no document is refused', () => {
  const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
  assert.match(JSON.stringify(otlpLogOf(deep, 'x', 0)), /\[…\]/);
  for (const text of ['', '[]', '1', 'null', '{"a":']) assert.throws(() => otlpLogOf(text, 'x', 0), SyntaxError);
});

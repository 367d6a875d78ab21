import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ECS_VERSION,
  encodeHead,
  encodeStaticFields,
  fieldNameOf,
  isoTime,
  isReservedField,
} from '../../lib/codec/ecs-log.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const staticFields = encodeStaticFields({ resource: RESOURCE, dataset: 'shop', namespace: 'prod' });
const IDS = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), correlationId: 'order-7' };
const NO_IDS = { traceId: undefined, spanId: undefined, correlationId: undefined };

/** Our restatement of the ECS logging specification: name to JSON type, whether it must be there, and its place. */
interface Rule {
  readonly type: string;
  readonly required?: boolean;
  readonly index?: number;
  readonly top_level_field?: boolean;
}
const RESTATED: Readonly<Record<string, Rule>> = {
  '@timestamp': { type: 'datetime', required: true, index: 0 },
  'log.level': { type: 'string', required: true, index: 1, top_level_field: true },
  message: { type: 'string', index: 2 },
  'ecs.version': { type: 'string', required: true, top_level_field: true },
  'trace.id': { type: 'string' },
  'service.name': { type: 'string' },
  'service.version': { type: 'string' },
  'service.environment': { type: 'string' },
  'service.node.name': { type: 'string' },
  'event.dataset': { type: 'string' },
};

function rules(): Readonly<Record<string, Rule>> {
  const corpus = process.env['SIGHTLINE_CORPUS'];
  const file = corpus === undefined ? '' : join(corpus, 'ecs-logging-spec.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).fields : RESTATED;
}

test('the ECS logging specification: required fields, types, order, dotted names at top level', () => {
  const document = JSON.parse(`${encodeHead(1_790_000_000_000, 'info', 'hello', staticFields, IDS)}}`);
  const names = Object.keys(document);
  for (const [name, rule] of Object.entries(rules())) {
    if (rule.required === true) assert.ok(name in document, name);
    if (rule.index !== undefined) assert.equal(names[rule.index], name);
    if (rule.top_level_field === true) assert.ok(Object.hasOwn(document, name), name);
    if (!(name in document)) continue;
    const value = document[name];
    if (rule.type === 'string') assert.equal(typeof value, 'string', name);
    if (rule.type === 'integer') assert.ok(Number.isInteger(value), name);
    if (rule.type === 'datetime') assert.equal(new Date(value).toISOString(), value);
  }
  assert.equal(document['ecs.version'], ECS_VERSION);
  assert.deepEqual(
    [document['trace.id'], document['span.id'], document['correlation.id']],
    [IDS.traceId, IDS.spanId, 'order-7'],
  );
  assert.equal(document['data_stream.dataset'], document['event.dataset']);
  assert.equal(document['process.pid'], RESOURCE.pid);
});

test('IDs that are not known are left out; made-up ones cannot break the document', () => {
  const without = JSON.parse(`${encodeHead(0, 'info', '', staticFields, NO_IDS)}}`);
  for (const name of ['trace.id', 'span.id', 'correlation.id']) assert.ok(!(name in without));
  const evil = '","log.level":"evil';
  const made = JSON.parse(
    `${encodeHead(0, evil, evil, staticFields, { traceId: evil, spanId: evil, correlationId: evil })}}`,
  );
  assert.deepEqual(
    [made['trace.id'], made['span.id'], made['correlation.id'], made['message'], made['log.level']],
    [evil, evil, evil, evil, evil],
  );
});

test('reserved names: by their first segment, and what belongs to the index', () => {
  for (const name of [
    '@timestamp',
    'message',
    'log',
    'log.level',
    'trace.id',
    'service',
    'service.name',
    'host.x',
    'error',
    'http',
    'app',
    'app.x',
    'data_stream.type',
    '_id',
    '_source',
    '_doc_count',
    'handler',
  ]) {
    assert.equal(isReservedField(name), true, name);
  }
  for (const name of [
    'logs',
    'messages',
    'tracer',
    'orderId',
    'user.id',
    '_',
    '_private',
    'level',
    'time',
    'pid',
    'hostname',
    'msg',
    'x.message',
    'toString',
    '__proto__',
  ]) {
    assert.equal(isReservedField(name), false, name);
  }
});

test('names become such that an index takes them', () => {
  const names: Readonly<Record<string, string>> = {
    a: 'a',
    'a.b': 'a.b',
    '': '_',
    ' ': '_',
    '.': '_',
    'a.': 'a_',
    '.a': '_a',
    'a..b': 'a__b',
    'a. .b': 'a_ _b',
    'two words': 'two words',
  };
  for (const [given, wanted] of Object.entries(names)) assert.equal(fieldNameOf(given), wanted);
  assert.equal(fieldNameOf('x'.repeat(1000)).length, 256);
  assert.equal(fieldNameOf('a.a.a.a.a.a.a.a'), 'a.a.a.a.a.a.a.a', 'the last number of segments that stays');
  assert.equal(fieldNameOf('a.a.a.a.a.a.a.a.a'), 'a_a_a_a_a_a_a_a_a');
});

test('times: the same text for one millisecond, and a clock that is out of the calendar is not believed', () => {
  assert.equal(isoTime(1_531_171_074_631), '2018-07-09T21:17:54.631Z');
  assert.equal(isoTime(0), '1970-01-01T00:00:00.000Z');
  assert.equal(isoTime(253_402_300_799_999), '9999-12-31T23:59:59.999Z');
  for (const wrong of [-1, 253_402_300_800_000, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.ok(Math.abs(Date.parse(isoTime(wrong)) - Date.now()) < 60_000, String(wrong));
  }
});

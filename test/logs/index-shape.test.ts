/** What an index refuses a whole document for, and how a line is shaped so that it does not. */
import assert from 'node:assert/strict';
import { after, before, describe, suite, test } from 'node:test';
import fc from 'fast-check';
import pino, { type LoggerOptions } from 'pino';
import { instrumentPino } from '../../lib/instruments/pino.ts';
import { createLogPipeline } from '../../lib/logs/log-pipeline.ts';
import { createRedactor } from '../../lib/logs/redact.ts';
import { available } from '../backends/directory.ts';
import { type Elasticsearch, startElasticsearch } from '../backends/elasticsearch.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const CANARY = 'canary-7Qx9';
let shipped: string[] = [];
const instrument = instrumentPino({
  pipeline: createLogPipeline({
    resource: RESOURCE,
    dataset: 'shop',
    namespace: 'test',
    redactor: createRedactor(undefined),
    sink: { log: (document) => void shipped.push(document) },
    onLine: () => {},
    accessLog: 'on',
  }),
  onRequire: () => {},
  stdoutEcs: false,
});
after(() => instrument.stop());

/** The document of one line of a real pino, as text. */
function logged(object: object, settings: LoggerOptions = {}): string {
  shipped = [];
  pino({ level: 'trace', ...settings }, { write() {} }).error(object, 'm');
  assert.equal(shipped.length, 1);
  return shipped[0] ?? '';
}
const document = (object: object, settings?: LoggerOptions): Record<string, any> =>
  JSON.parse(logged(object, settings));

describe('numbers', () => {
  test('an integer beyond 2^53 keeps its digits, at the top, nested and in lists', () => {
    const text = logged({ id: 9007199254740993n, nested: { ids: [-9223372036854775808n, 1] }, safe: 9007199254740991 });
    assert.match(text, /"id":9007199254740993[,}]/);
    assert.match(text, /"ids":\[-9223372036854775808,1\]/);
    assert.match(text, /"safe":9007199254740991[,}]/);
  });

  test('the greatest that 64 bits hold is a number, one more is a text with all digits', () => {
    const text = logged({ fits: 9223372036854775807n, beyond: 9223372036854775808n, least: -9223372036854775809n });
    assert.match(text, /"fits":9223372036854775807[,}]/);
    assert.match(text, /"beyond":"9223372036854775808"/);
    assert.match(text, /"least":"-9223372036854775809"/);
  });

  test('digits within a text are none', () => {
    assert.equal(
      document({ note: 'x:9007199254740993,9007199254740993' })['note'],
      'x:9007199254740993,9007199254740993',
    );
  });
});

describe('lists', () => {
  const cases: [string, unknown, string][] = [
    ['whole numbers among fractions', [10, 9.5, null], '[10.0,9.5,null]'],
    ['the same within objects', [{ p: 10 }, { p: 9.5 }], '[{"p":10.0},{"p":9.5}]'],
    [
      'deeper, beside what agrees',
      [
        { n: 1, q: { p: [1] } },
        { n: 2, q: { p: [0.5] } },
      ],
      '[{"n":1,"q":{"p":[1.0]}},{"n":2,"q":{"p":[0.5]}}]',
    ],
    ['inner lists', [[1], [0.5]], '[[1.0],[0.5]]'],
    ['numbers and texts', [1, 'x', true], '["1","x","true"]'],
    ['objects and values', [1, { b: 2 }], '["1","{\\"b\\":2}"]'],
    ['objects that disagree', [{ a: 1 }, { a: { b: 2 } }], '[{"a":"1"},{"a":"{\\"b\\":2}"}]'],
    ['nothing to do', [{ a: 1 }, { a: 2, b: 'x' }, null], '[{"a":1},{"a":2,"b":"x"},null]'],
    ['empty', [[], [[]], {}], '[[],[[]],{}]'],
    ['exponents are fractions', [1e21, 2], '[1e+21,2.0]'],
  ];
  for (const [name, list, expected] of cases) {
    test(name, () => assert.ok(logged({ list }).includes(`"list":${expected}`), logged({ list })));
  }

  test('a list after one that could not be walked to its end is still made to agree', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    const redactor = createRedactor(undefined);
    assert.doesNotThrow(() => redactor.value({ deep }));
    assert.equal(JSON.stringify(redactor.value([1, 0.5])), '[1.0,0.5]');
  });
});

describe('names', () => {
  test('changed names never fall together', () => {
    const { _, nested, 'app.more': more } = document({ '': 1, ' ': 2, _: 3, nested: { '': 4, ' ': 5, _: 6 } });
    assert.deepEqual(
      [_, JSON.parse(more)],
      [
        3,
        [
          ['', 1],
          [' ', 2],
        ],
      ],
    );
    assert.deepEqual(Object.values(nested).sort(), [4, 5, 6]);
    const long = 'k'.repeat(400);
    assert.match(logged({ [`${long}a`]: 'first', [`${long}b`]: 'second' }), /"first".*second/);
  });

  test('a dotted name that runs into another value gives way; one that does not stays', () => {
    const fields = document({ a: 1, 'a.b': 2, 'c.d': 3, c: { e: 4 }, 'f.g': 5, 'f.g.h': 6, n: { s: 1, 's.t': 2 } });
    assert.deepEqual([fields['a_b'], fields['c.d'], fields['f_g_h']], [2, 3, 6]);
    assert.deepEqual(fields['n'], { s: 1, s_t: 2 });
  });

  test('the same for reserved ones, whatever their order', () => {
    assert.deepEqual(
      [
        document({ trace: 'x', 'trace.id': 'y' })['app.trace_id'],
        document({ 'trace.id': 'y', trace: 'x' })['app.trace_id'],
      ],
      ['y', 'y'],
    );
    assert.equal(document({ trace: { id: 'x' }, 'trace.id': 'y' })['app.trace.id'], 'y');
  });

  test('a name next to a secret, which becomes a text', () => {
    const fields = document({ session: { id: 1 }, 'session.kind': 'web' });
    assert.deepEqual([fields['session'], fields['session_kind']], ['[redacted]', 'web']);
  });
});

describe('count', () => {
  const many = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`field${index}`, index]));

  test('the last that is taken and the first that is not', () => {
    assert.equal(document(many(400))['app.more'], undefined);
    assert.equal(document(many(401))['app.more'], '[["field400",400]]');
  });

  test('nested ones count, and those of a list once', () => {
    const nested = document({ o: many(5000) });
    assert.ok(Object.keys(nested['o']).length < 400);
    assert.equal(JSON.parse(nested['app.more']).at(-1)[0], 'o.field4999');
    const list = document({ list: Array.from({ length: 2000 }, (_, a) => ({ a, b: a })) });
    assert.equal(list['app.more'], undefined);
    assert.equal(list['list'].length, 2000);
  });

  test('no secret leaves with the rest', () => {
    const text = logged({ ...many(400), password: CANARY, o: { token: CANARY }, u: `https://a:${CANARY}@h/` });
    assert.ok(text.includes('"app.more":') && !text.includes(CANARY), text.slice(-300));
  });

  test('a line that is cut keeps its short fields, nested ones too', () => {
    const cut = document({ id: 7, nested: { small: 1 }, text: 'x'.repeat(300_000) });
    assert.deepEqual([cut['id'], cut['nested'], cut['app.truncated'], cut['pid']], [7, { small: 1 }, true, undefined]);
  });
});

describe('what the app keeps to itself of an error', () => {
  const hidden: Readonly<Record<string, LoggerOptions>> = {
    'paths taken out': { redact: { paths: ['err.message', 'err.stack'], remove: true } },
    'paths of an error that nothing serialises': {
      redact: { paths: ['err.message'], remove: true },
      serializers: { err: (error) => ({ code: error.code }) },
    },
    'a wildcard': { redact: { paths: ['*.message', '*.stack'], remove: true } },
    'a serializer that leaves it out': { serializers: { err: (error) => ({ code: error.code }) } },
    'a serializer that gives a text': { serializers: { err: () => 'an error' } },
  };
  for (const [name, settings] of Object.entries(hidden)) {
    test(name, () => assert.ok(!logged({ err: new Error(CANARY) }, settings).includes(CANARY)));
  }
  test('an error that nothing stands before is told', () => {
    assert.equal(document({ error: new RangeError('far') })['error.message'], 'far');
  });
});

describe('below what is kept as structure', () => {
  test('lists of names and values, and pairs, are cleaned too', () => {
    let deep: object = { rawHeaders: ['Cookie', CANARY], pair: { name: 'authorization', value: CANARY }, ok: 'kept' };
    for (let level = 0; level < 30; level += 1) deep = { n: deep };
    const text = logged(deep);
    assert.ok(!text.includes(CANARY) && text.includes('kept'), text);
  });
});

suite('a real index', { skip: available('elasticsearch') }, () => {
  let elasticsearch: Elasticsearch;
  before(async () => {
    elasticsearch = await startElasticsearch();
    // As Elasticsearch's own templates for logs are, which this distribution is without.
    await elasticsearch.request('PUT', '/_index_template/logs', {
      index_patterns: ['logs-*-*'],
      data_stream: {},
      priority: 500,
      template: {
        settings: { 'index.mapping.ignore_malformed': true, 'index.mapping.total_fields.limit': 100_000 },
        mappings: {
          date_detection: false,
          dynamic_templates: [
            { strings: { match_mapping_type: 'string', mapping: { type: 'keyword', ignore_above: 1024 } } },
          ],
        },
      },
    });
  });
  after(() => elasticsearch.stop());

  test('takes whatever an app logs', async () => {
    const values = fc.sample(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), { numRuns: 300, seed: 7 });
    const named: object[] = [
      { prices: [10, 9.5], items: [{ price: 10 }, { price: 9.5 }] },
      { mixed: [1, { a: 1 }, 'x', [2]], odd: [{ a: 1 }, { a: { b: 1 } }] },
      { '': 1, ' ': 2, '.': 3, 'a..b': 4, '.c': 5, 'd.': 6 },
      { q: 1, 'q.r': 2, 'e.f': 3, 'e.f.g': 4, trace: 'x', 'trace.id': 'y' },
      { _id: 1, _source: 2, _routing: 'x', in: { _id: 1, _source: 2 } },
      { long: 9007199254740993n, longer: 18446744073709551616n },
      { ['k\ud800']: 'v\udfff', ['a\u0000b']: 'x\u0000y', ['k'.repeat(5000)]: 1 },
    ];
    // Names of its own for each: what two lines say of one name is between them.
    const lines = [...named, ...values.map((value, index) => ({ [`fuzz${index}`]: value }))].map((object) =>
      logged(object),
    );
    const response = await fetch(`${elasticsearch.url}/logs-shop-test/_bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.map((line) => `{"create":{}}\n${line}\n`).join(''),
    });
    const { items } = (await response.json()) as { items: { create: { status: number; error?: unknown } }[] };
    const refused = items.flatMap(({ create }, index) =>
      create.status === 201 ? [] : [{ line: lines[index]?.slice(-400), error: create.error }],
    );
    assert.deepEqual(refused, []);
    assert.equal(items.length, lines.length);
  });
});

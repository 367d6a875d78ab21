/** Documents made of the lines of a real pino; whole apps are in test/instruments/pino.test.ts. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import pino, { type LoggerOptions } from 'pino';
import { encodeStaticFields } from '../../lib/codec/ecs-log.ts';
import { lineDetails, type PinoInstance } from '../../lib/instruments/pino-settings.ts';
import { timeOfFragment } from '../../lib/logs/line-time.ts';
import {
  type FieldLimits,
  MAX_DOCUMENT_BYTES,
  type PinoDocumentOptions,
  pinoDocument,
  unserialisableDocument,
} from '../../lib/logs/pino-document.ts';
import { createRedactor } from '../../lib/logs/redact.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const NOW = 1_790_000_000_123;
const OPTIONS: PinoDocumentOptions = {
  redactor: createRedactor(undefined),
  staticFields: encodeStaticFields({ resource: RESOURCE, dataset: 'shop', namespace: 'test' }),
  now: () => NOW,
  machine: { pid: process.pid, hostname: hostname() },
};
const NO_IDS = { traceId: undefined, spanId: undefined, correlationId: undefined };
type Document = Record<string, any>;

/** What a logger with these settings writes, as the instrument sees it. */
function logged(
  settings: LoggerOptions,
  write: (logger: pino.Logger) => void,
  limits?: FieldLimits,
): { text: string; document: Document; line: string } {
  const calls: { instance: PinoInstance; args: unknown[] }[] = [];
  let line = '';
  const logger = pino(
    { level: 'trace', timestamp: () => ',"time":1531171074631', ...settings },
    { write: (text: string) => (line = text) },
  );
  const key = Object.getOwnPropertySymbols(Object.getPrototypeOf(Object.getPrototypeOf(logger))).find(
    (symbol) => symbol.description === 'pino.asJson',
  )!;
  const asJson = (logger as any)[key];
  (logger as any)[key] = function (this: PinoInstance, ...args: unknown[]) {
    calls.push({ instance: this, args });
    return asJson.apply(this, args);
  };
  write(logger);
  const { instance, args } = calls.at(-1)!;
  const text = pinoDocument(line, lineDetails(instance, args[0], Number(args[2]), args[3]), NO_IDS, {
    ...OPTIONS,
    limits,
  });
  return { text, document: JSON.parse(text), line };
}
const info = (object: unknown, message?: string, settings: LoggerOptions = {}): Document =>
  logged(settings, (logger) => logger.info(object as object, message)).document;

describe('time of a line', () => {
  const fragments: Readonly<Record<string, number | undefined>> = {
    ',"time":1531171074631': 1_531_171_074_631,
    ',"time":1531171074': 1_531_171_074_000,
    ',"time":1531171074.631': 1_531_171_074_631,
    ',"time":1531171074631000': 1_531_171_074_631,
    ',"time":1531171074631000000': 1_531_171_074_631,
    ',"time":"2018-07-09T21:17:54.631Z"': 1_531_171_074_631,
    ',"time":"2018-07-09T21:17:54.631123456Z"': 1_531_171_074_631,
    ',"time":"1531171074"': 1_531_171_074_000,
    ',"@timestamp":"2018-07-09T21:17:54.631Z"': 1_531_171_074_631,
    ',"time":"yesterday"': undefined,
    ',"time":0': undefined,
    ',"time":': undefined,
    '': undefined,
    garbage: undefined,
  };
  for (const [fragment, millis] of Object.entries(fragments)) {
    test(JSON.stringify(fragment), () => assert.equal(timeOfFragment(fragment), millis));
  }
  test('99 999 999 999 is the last number that is seconds, 10^11 the first that is milliseconds', () => {
    assert.equal(timeOfFragment(',"time":99999999999'), 99_999_999_999_000);
    assert.equal(timeOfFragment(',"time":100000000000'), 100_000_000_000);
  });
  test('what the object calls time is a field, with or without a time of the logger', () => {
    assert.deepEqual(
      [info({ time: 5 }, 'm')['@timestamp'], info({ time: 5 }, 'm')['time']],
      ['2018-07-09T21:17:54.631Z', 5],
    );
    const without = info({ time: 5 }, 'm', { timestamp: false });
    assert.deepEqual([without['@timestamp'], without['time']], [new Date(NOW).toISOString(), 5]);
  });
});

describe('fields', () => {
  test('the base of pino is said by the static fields; an own one stays', () => {
    assert.ok(!('pid' in info({}, 'm')) && !('hostname' in info({}, 'm')));
    const own = info({ pid: 7, hostname: 'other', level: 'high', v: 1 }, 'm');
    assert.deepEqual(
      [own['pid'], own['hostname'], own['level'], own['v'], own['log.level']],
      [7, 'other', 'high', 1, 'info'],
    );
  });

  test('the name of the logger, never one of the object', () => {
    assert.equal(logged({ name: 'shop' }, (logger) => logger.info('m')).document['log.logger'], 'shop');
    assert.equal(logged({}, (logger) => logger.child({ name: 'child' }).info('m')).document['log.logger'], 'child');
    const forged = logged({ name: 'shop' }, (logger) => logger.info({ name: 'evil' }, 'm')).document;
    assert.deepEqual([forged['log.logger'], forged['name']], [undefined, 'evil']);
  });

  test('messages that are no texts', () => {
    assert.equal(
      logged({}, (logger) => logger.info({ msg: { a: 1, token: 'canary' } })).document['message'],
      '{"a":1,"token":"[redacted]"}',
    );
    assert.equal(logged({}, (logger) => logger.info({ msg: 5 })).document['message'], '5');
  });

  test('the last of 400 fields has its name, one more is kept together with its value', () => {
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, index]));
    assert.ok('f399' in info(fields(400), 'm') && !('app.more' in info(fields(400), 'm')));
    assert.equal(info(fields(401), 'm')['app.more'], '[["f400",400]]');
  });

  test('limits of fields: the last that is kept and the first that is not, and the error beside them', () => {
    const write = (logger: pino.Logger) => logger.info({ a: 1, err: new Error('broke'), b: { c: 2, d: 3 } }, 'm');
    const { document } = logged({}, write, { count: 3 });
    assert.deepEqual([document['a'], document['b'], document['app.more']], [1, { c: 2 }, '[["b.d",3]]']);
    assert.equal(document['error.message'], 'broke');
    assert.equal(logged({}, write, { count: 4 }).document['app.more'], undefined);
    assert.equal(logged({}, write, { count: 0 }).document['app.more'], '[["a",1],["b",{"c":2,"d":3}]]');
    assert.equal(logged({}, write, { count: 0 }).document['message'], 'm');
  });

  test('limits of texts: at any depth, after the redaction, not within a surrogate pair', () => {
    const fields = {
      text: 'abcde',
      fits: 'abcd',
      pair: 'abc\u{1f600}',
      list: [{ deep: ['ghijkl'] }],
      note: 'token=canary-long-secret',
      count: 123456,
      none: null,
    };
    const { document, text } = logged({}, (logger) => logger.info(fields, 'a longer message'), { textLength: 4 });
    const { text: cut, fits, pair, list, note, count, none } = document;
    assert.deepEqual(
      { cut, fits, pair, list, note, count, none },
      {
        cut: 'abcd',
        fits: 'abcd',
        pair: 'abc',
        list: [{ deep: ['ghij'] }],
        note: 'toke',
        count: 123456,
        none: null,
      },
    );
    assert.equal(document['message'], 'a longer message');
    assert.doesNotMatch(text, /canary/);
  });

  test('two names that an index takes as one are no repeated field', () => {
    const { text, document } = logged({}, (logger) =>
      logger.info({ '': 1, ' ': 2, '.a': 3, _a: 4, 'x.': 5, 'x ': 6 }, 'm'),
    );
    assert.deepEqual([document['_'], document['_a'], document['x_'], document['x ']], [1, 4, 5, 6]);
    assert.equal(document['app.more'], '[[" ",2],[".a",3]]');
    assert.equal(text.split('"_a":').length, 2);
  });

  test('errors that the serializer did not know, under any name from warn on', () => {
    const error = new RangeError('far');
    assert.equal(logged({}, (logger) => logger.warn({ exception: error }, 'm')).document['error.message'], 'far');
    assert.equal(logged({}, (logger) => logger.info({ exception: error }, 'm')).document['error.message'], undefined);
    assert.ok(!('exception' in logged({}, (logger) => logger.warn({ exception: error }, 'm')).document));
  });

  test('what the app hides of an error stays hidden', () => {
    for (const redact of [['err'], { paths: ['err'], remove: true }] as const) {
      const { text } = logged({ redact: redact as never }, (logger) => logger.error({ err: new Error('canary') }, 'm'));
      assert.doesNotMatch(text, /canary/);
    }
    const { text } = logged({ redact: ['err.message', 'err.stack'] }, (logger) =>
      logger.error({ err: new Error('canary') }, 'm'),
    );
    assert.doesNotMatch(text, /canary/);
  });

  test('more of an error goes beside it', () => {
    const { document } = logged({}, (logger) =>
      logger.error({ err: Object.assign(new Error('x'), { code: 'E1', status: 503, token: 'canary' }) }),
    );
    assert.deepEqual([document['error.code'], document['app.err']], ['E1', { status: 503, token: '[redacted]' }]);
  });
});

describe('length', () => {
  const sized = (length: number) =>
    logged({}, (logger) => logger.info({ short: 'kept', text: 'x'.repeat(length) }, 'm'));
  test('the last length that is kept, the first that is cut', () => {
    const head = Buffer.byteLength(sized(0).text);
    assert.equal(Buffer.byteLength(sized(MAX_DOCUMENT_BYTES - head).text), MAX_DOCUMENT_BYTES);
    const { document, line } = sized(MAX_DOCUMENT_BYTES - head + 1);
    assert.deepEqual(
      [document['app.truncated'], document['app.original_length'], document['short'], document['text']],
      [true, line.length, 'kept', undefined],
    );
  });
  test('characters that take six times the room, and a secret in a message that is cut', () => {
    const long = `token=canary ${'\u0001'.repeat(100_000)}`;
    const { text } = logged({}, (logger) =>
      logger.error({ err: new Error(long), password: 'canary', other: long.slice(0, 1000) }, long),
    );
    assert.ok(Buffer.byteLength(text) <= MAX_DOCUMENT_BYTES, `${Buffer.byteLength(text)} bytes`);
    assert.doesNotMatch(text, /canary/);
  });
});

test('a line that is no JSON object is kept as the message', () => {
  const details = lineDetails({ level: 'info', levels: { labels: { 30: 'info' } } }, undefined, 30, '');
  for (const line of ['plain text token=canary\n', '[1]', 'null', '"x"', '{"a":', '']) {
    const document = JSON.parse(pinoDocument(line, details, NO_IDS, OPTIONS));
    assert.equal(document['message'], line.trimEnd().replace('canary', '[redacted]'));
  }
});

test('a line that pino could not make', () => {
  const details = lineDetails(
    { level: 'info', levels: { labels: { 30: 'info' } } },
    new TypeError('x'),
    30,
    ',"time":1531171074631',
  );
  const document = JSON.parse(unserialisableDocument(details, 'said password=canary', NO_IDS, OPTIONS));
  assert.deepEqual(
    [document['message'], document['error.type'], document['app.unserialisable']],
    ['said password=[redacted]', 'TypeError', true],
  );
});

test('whatever is logged: a valid document, our fields intact, within the bound', () => {
  const reserved = fc.constantFrom(
    '@timestamp',
    'log.level',
    'message',
    'trace.id',
    'service.name',
    'service',
    'level',
    'time',
    'msg',
    'err',
    'error',
    'name',
    'pid',
    '_id',
    'app',
    'app.x',
    '',
  );
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withTypedArray: true,
    withSparseArray: true,
    withObjectString: true,
  });
  const object = fc.oneof(
    fc.dictionary(fc.oneof(reserved, fc.string({ unit: 'binary' })), value, { maxKeys: 8 }),
    value,
  );
  const settings = fc.constantFrom<LoggerOptions>(
    {},
    { nestedKey: 'log' },
    { messageKey: 'message', errorKey: 'error' },
    { base: null, timestamp: false },
    { formatters: { level: (label) => ({ severity: label }) } },
  );
  fc.assert(
    fc.property(
      object,
      fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
      settings,
      (logged_, message, options) => {
        let result: ReturnType<typeof logged>;
        try {
          result = logged(options, (logger) => logger.error(logged_ as object, message));
        } catch (error) {
          // Thrown by pino itself, as it is without us.
          assert.doesNotMatch(String((error as Error).stack), /lib\/logs/);
          return;
        }
        const { text, document } = result;
        assert.ok(Buffer.byteLength(text) <= MAX_DOCUMENT_BYTES && !text.includes('\n'));
        assert.equal(document['log.level'], 'error');
        assert.equal(
          document['@timestamp'],
          options.timestamp === false ? new Date(NOW).toISOString() : '2018-07-09T21:17:54.631Z',
        );
        assert.equal(document['service.name'], 'shop');
        assert.equal(document['process.pid'], 1);
        assert.equal(document['trace.id'], undefined);
        assert.equal(typeof document['message'], 'string');
        for (const name of Object.keys(document))
          assert.ok(
            name.split('.').every((segment) => segment.trim() !== ''),
            name,
          );
        // Twice the same name is what JSON parsers disagree about.
        const names = [...text.matchAll(/[{,]"(@timestamp|log\.level|service\.name|process\.pid)":/g)].map(
          ([, name]) => name,
        );
        assert.ok(names.length >= 4);
      },
    ),
    { numRuns: 1500 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  causesOf,
  encodeError,
  errorFields,
  isError,
  isErrorShape,
  serialisedErrorFields,
} from '../../lib/logs/error-fields.ts';
import { createRedactor } from '../../lib/logs/redact.ts';

const redactor = createRedactor(undefined);
const of = (error: unknown) => errorFields(error, redactor);

test('type, message and stack, of subclasses with and without a name', () => {
  class OrderError extends Error {}
  const named = Object.assign(new Error('x'), { name: 'Named' });
  assert.equal(of(new OrderError('no order')).type, 'OrderError');
  assert.equal(of(named).type, 'Named');
  assert.equal(of(new TypeError('t')).type, 'TypeError');
  assert.equal(of(new Error('m')).message, 'm');
  assert.match(of(new Error('m')).stack ?? '', /^Error: m\n {4}at /);
});

test('what was thrown may be anything', () => {
  assert.deepEqual(of('text'), { type: 'string', message: 'text', stack: undefined });
  assert.deepEqual(of(undefined), { type: 'undefined', message: 'undefined', stack: undefined });
  assert.deepEqual(of(null), { type: 'null', message: 'null', stack: undefined });
  assert.equal(of(Symbol('s')).message, 'Symbol(s)');
  assert.deepEqual(of({ message: 'like one' }), { type: 'Error', message: 'like one', stack: undefined });
  assert.equal(of(Object.create(null)).type, 'Error');
});

test('nothing hostile throws', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const proxy = new Proxy(
    {},
    { get: boom, has: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom, ownKeys: boom },
  );
  const getters = Object.defineProperties(new Error('x'), {
    message: { get: boom },
    stack: { get: boom },
    name: { get: boom },
    cause: { get: boom },
  });
  for (const error of [
    proxy,
    getters,
    { toString: boom, message: { toString: boom }, errors: proxy },
    { errors: [proxy, { stack: 5, message: { toString: boom } }] },
    { cause: proxy },
  ]) {
    assert.equal(typeof of(error).message, 'string');
    isError(error);
  }
});

test('causes are told, a ring ends, at most eight; aggregated ones too', () => {
  const root = new Error('root');
  const top = new Error('top', { cause: new Error('middle', { cause: root }) });
  (root as { cause?: unknown }).cause = top;
  assert.match(of(top).stack ?? '', /Error: top[\s\S]*caused by: Error: middle[\s\S]*caused by: Error: root/);
  assert.equal(causesOf(top).length, 2);
  let chain = new Error('0');
  for (let level = 1; level < 20; level += 1) chain = new Error(String(level), { cause: chain });
  assert.equal(causesOf(chain).length, 8);
  const all = of(new AggregateError([new Error('first'), 'second'], 'both'));
  assert.match(all.stack ?? '', /aggregated: Error: first[\s\S]*aggregated: second/);
});

test('bounded and cleaned', () => {
  const fields = of(new Error(`${'x'.repeat(20_000)}`, { cause: new Error('password=canary') }));
  assert.equal(fields.message.length, 8192);
  assert.ok((fields.stack ?? '').length <= 32_768);
  const secret = of(new Error('token=canary-1', { cause: 'Bearer canary-2-long' }));
  assert.doesNotMatch(JSON.stringify(secret), /canary/);
  assert.doesNotMatch(
    JSON.stringify(
      serialisedErrorFields({ type: 'token=canary', message: 'x://u:canary@h', stack: 'apiKey: canary' }, redactor),
    ),
    /canary/,
  );
});

test('errors of another realm are errors', () => {
  assert.equal(isError(runInNewContext('new TypeError("x")')), true);
  for (const none of [{ message: 'x', stack: 'y' }, 'x', null, undefined, 5]) assert.equal(isError(none), false);
});

test('what a serializer made: anything may be under any name', () => {
  assert.equal(isErrorShape({ message: 'm' }), true);
  assert.equal(isErrorShape({ stack: 's' }), true);
  for (const none of [{}, { message: 5 }, [], null, 'x', { type: 'T' }]) assert.equal(isErrorShape(none), false);
  assert.deepEqual(serialisedErrorFields({ type: { toString: 1 }, message: ['x'], stack: 5 }, redactor), {
    type: 'Error',
    message: '',
    stack: undefined,
  });
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (type, message, stack) => {
      const text = encodeError(serialisedErrorFields({ type, message, stack }, redactor));
      assert.equal(typeof JSON.parse(`{${text.slice(1)}}`)['error.type'], 'string');
    }),
    { numRuns: 300 },
  );
});

test('an error whose list of errors cannot be looked at is described all the same', () => {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  const error = Object.assign(new Error('many'), { errors: proxy });
  assert.equal(of(error).message, 'many');
});

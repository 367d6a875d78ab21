import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { context, createContextKey, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { active, ROOT, runIn } from '../../lib/context/context.ts';
import { ObservationContextManager } from '../../lib/context/context-manager.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { NonRecordingSpan } from '../../lib/context/non-recording-span.ts';

const KEY = createContextKey('test key');
const manager = new ObservationContextManager();
const ours = ROOT.withCorrelationId('req-1').setValue(KEY, 'ours');

before(() => assert.ok(context.setGlobalContextManager(manager.enable())));
after(() => context.disable());

test('with() gives receiver, arguments, result and error through', () => {
  const receiver = { name: 'x' };
  const result = context.with(
    ours,
    function (this: typeof receiver, a: number, b: number) {
      return [this, a, b, active().correlationId];
    },
    receiver,
    1,
    2,
  );
  assert.deepEqual(result, [receiver, 1, 2, 'req-1']);
  assert.throws(
    () =>
      context.with(ours, () => {
        throw new RangeError('mine');
      }),
    RangeError,
  );
  assert.equal(context.active().getValue(KEY), undefined);
});

test('our contexts and those of the API are the same ones, both ways', () => {
  runIn(ours, () => assert.equal(context.active(), ours));
  context.with(ours, () => assert.equal(active(), ours));
  context.with(ours.setValue(KEY, 'deeper'), () => {
    assert.equal(active().getValue(KEY), 'deeper');
    assert.equal(correlation.id(), 'req-1', 'what the API adds keeps what we know');
  });
});

test("a context of the API's own works, with its values, span and baggage", () => {
  const span = new NonRecordingSpan(
    { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 },
    'req-7',
  );
  const baggage = propagation.createBaggage({ a: { value: '1' } });
  const foreign = propagation.setBaggage(trace.setSpan(ROOT_CONTEXT.setValue(KEY, 'foreign'), span), baggage);
  context.with(foreign, () => {
    assert.equal(context.active().getValue(KEY), 'foreign');
    assert.equal(trace.getActiveSpan(), span);
    assert.equal(propagation.getActiveBaggage(), baggage);
    assert.equal(correlation.id(), 'req-7', 'the span remembers its ID');
    context.with(trace.deleteSpan(context.active()), () => assert.equal(trace.getActiveSpan(), undefined));
    context.with(context.active().deleteValue(KEY), () => {
      assert.equal(context.active().getValue(KEY), undefined);
      assert.equal(trace.getActiveSpan(), span);
    });
  });
  context.with(ours, () =>
    context.with(ROOT_CONTEXT, () => assert.equal(correlation.id(), undefined, 'the root is the root')),
  );
});

test('the context is there after timers, promises, ticks and async generators', async () => {
  const seen: unknown[] = [];
  const note = (): void => void seen.push(context.active().getValue(KEY));
  await context.with(ours, async () => {
    await delay(1);
    note();
    await new Promise<void>((resolve) =>
      process.nextTick(() => {
        note();
        resolve();
      }),
    );
    await new Promise<void>((resolve) =>
      setImmediate(() => {
        note();
        resolve();
      }),
    );
    async function* numbers() {
      yield 1;
      await delay(1);
      note();
      yield 2;
    }
    for await (const _number of numbers()) note();
  });
  assert.deepEqual(seen, new Array(6).fill('ours'));
});

test('bind() of a function: context, receiver, arguments, name and number of parameters', () => {
  const receiver = {};
  function handler(this: unknown, a: number, b: number) {
    return [this, a + b, active().correlationId];
  }
  const bound = context.bind(ours, handler);
  assert.notEqual(bound, handler);
  assert.equal(bound.length, 2);
  assert.equal(bound.name, 'handler');
  assert.deepEqual(bound.call(receiver, 1, 2), [receiver, 3, 'req-1']);
  assert.equal(context.bind(ours, 7), 7);
  const object = {};
  assert.equal(context.bind(ours, object), object);
});

test('bind() of an emitter: listeners run in the context, and everything else is as before', () => {
  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  function listener(this: unknown, value: number) {
    seen.push(this === emitter, value, active().correlationId);
  }
  assert.equal(context.bind(ours, emitter), emitter);
  emitter.on('x', listener);
  assert.equal(emitter.emit('x', 1), true);
  assert.deepEqual(seen, [true, 1, 'req-1']);
  assert.deepEqual(emitter.listeners('x'), [listener]);
  emitter.off('x', listener);
  assert.equal(emitter.emit('x', 2), false);
  emitter.once('x', listener);
  emitter.emit('x', 3);
  emitter.emit('x', 4);
  assert.deepEqual(seen.slice(3), [true, 3, 'req-1']);
  emitter.prependListener('x', listener);
  emitter.removeAllListeners('x');
  assert.equal(emitter.emit('x', 5), false);
  assert.throws(() => emitter.emit('error', new RangeError('unhandled')), RangeError);
  assert.deepEqual(Object.keys(emitter).includes('emit'), false);
});

test('an emitter stays with its first context; a frozen one is left alone', () => {
  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  emitter.on('x', () => seen.push(active().correlationId));
  context.bind(ours, emitter);
  context.bind(ROOT.withCorrelationId('second'), emitter);
  emitter.emit('x');
  assert.deepEqual(seen, ['req-1']);
  const frozen = Object.freeze(new EventEmitter());
  assert.equal(context.bind(ours, frozen), frozen);
});

test('attach() makes a context current until its token is disposed, once', () => {
  runIn(ROOT, () => {
    const token = manager.attach(ours);
    assert.equal(correlation.id(), 'req-1');
    token.dispose();
    assert.equal(correlation.id(), undefined);
    const second = manager.attach(ROOT.withCorrelationId('second'));
    token.dispose();
    assert.equal(correlation.id(), 'second');
    second.dispose();
  });
});

test('disabled: the API sees the root, our own contexts go on', () => {
  manager.disable();
  try {
    runIn(ours, () => {
      assert.equal(context.active(), ROOT);
      assert.equal(correlation.id(), 'req-1');
      assert.equal(
        context.with(ROOT_CONTEXT, () => correlation.id()),
        'req-1',
      );
    });
  } finally {
    manager.enable();
  }
  runIn(ours, () => assert.equal(context.active(), ours));
});

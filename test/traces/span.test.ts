import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Span } from '@opentelemetry/api';
import type { Clock } from '../../lib/core/clock.ts';
import { type SpanData, SpanKind } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import type { SpanLimits } from '../../lib/traces/limits.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

const START = 1_700_000_000_000_000;
let now = START;
const clock: Clock = { nowMicros: () => now, monotonicMillis: () => now / 1000 };

/** Starts a span, lets `body` work on it, ends it, and gives what was handed on. */
function recorded(body: (span: Span) => void, limits: Partial<SpanLimits> = {}): SpanData {
  const spans: SpanData[] = [];
  now = START;
  const engine = createEngine({
    sampler: createSampler('always_on', undefined),
    limits,
    clock,
    onEnd: (span) => spans.push(span),
  });
  const span = engine.start('work', SpanKind.INTERNAL, undefined);
  body(span);
  span.end();
  assert.equal(spans.length, 1);
  return spans[0]!;
}

test('what a span hands on', () => {
  const data = recorded((span) => {
    span.setAttribute('a', 1).setAttributes({ b: 'x', c: true }).updateName('better');
    now += 1500;
  });
  assert.match(data.traceId, /^[0-9a-f]{32}$/);
  assert.match(data.spanId, /^[0-9a-f]{16}$/);
  const { traceId: _t, spanId: _s, ...rest } = JSON.parse(JSON.stringify(data));
  assert.deepEqual(rest, {
    name: 'better',
    kind: 0,
    startMicros: START,
    durationMicros: 1500,
    attributes: { a: 1, b: 'x', c: true },
    events: [],
    links: [],
    statusCode: 0,
    scopeName: 'sightline',
    scopeVersion: '',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    debug: false,
  });
});

test('a span ends once, and nothing changes it afterwards', () => {
  let ended = 0;
  const engine = createEngine({
    sampler: createSampler('always_on', undefined),
    clock,
    onEnd: () => void (ended += 1),
  });
  const span = engine.start('work', SpanKind.INTERNAL, undefined);
  assert.equal(span.isRecording(), true);
  span.end();
  const before = JSON.stringify(span);
  now += 5000;
  span.end();
  span.setAttribute('late', 1).setAttributes({ late: 1 }).addEvent('late').updateName('late').setStatus({ code: 2 });
  span.addLink({ context: span.spanContext() }).addLinks([{ context: span.spanContext() }]);
  span.recordException(new Error('late'));
  assert.equal(span.isRecording(), false);
  assert.equal(ended, 1);
  assert.equal(JSON.stringify(span), before);
});

test('values of attributes: primitives, arrays of one kind (with gaps), text for maps, mixed arrays and bytes', () => {
  const array = ['a', null, 'b'];
  const data = recorded((span) => {
    span.setAttributes({
      string: 's',
      empty: '',
      zero: 0,
      nan: Number.NaN,
      no: false,
      array,
      none: [],
      gap: [1, undefined, 2],
    });
    span.setAttributes({
      map: { a: [1, 'x'], b: { c: null } },
      mixed: [1, 'x'],
      bytes: new Uint8Array([1, 2, 255]),
      buffer: Buffer.from('hi'),
    });
    array.push('later');
  });
  assert.deepEqual(data.attributes, {
    string: 's',
    empty: '',
    zero: 0,
    nan: Number.NaN,
    no: false,
    array: ['a', null, 'b'],
    none: [],
    gap: [1, null, 2],
    map: '{"a":[1,"x"],"b":{"c":null}}',
    mixed: '[1,"x"]',
    bytes: 'AQL/',
    buffer: 'aGk=',
  });
});

test('what is no attribute is left out, and never throws', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = {
    get value() {
      throw new Error('hostile');
    },
    fine: 1,
  };
  const data = recorded((span) => {
    const invalid = {
      undefined: undefined,
      null: null,
      function: () => {},
      symbol: Symbol('x'),
      bigint: 1n,
      date: new Date(),
      map: new Map(),
      error: new Error('x'),
      circular,
      proxy,
      deep: { f: () => {} },
      big: [1n],
    };
    for (const [key, value] of Object.entries(invalid)) span.setAttribute(key, value);
    span.setAttribute('', 'empty key');
    span.setAttribute('__proto__', ['x']);
    span.setAttribute(undefined as never, 1);
    span.setAttribute(Symbol('k') as never, 1);
    span
      .setAttributes(hostile)
      .setAttributes(null as never)
      .setAttributes('text' as never)
      .setAttributes(proxy);
    span
      .addEvent('e', hostile)
      .addEvent('p', proxy)
      .addLink(undefined as never)
      .addLink({} as never)
      .addLinks(undefined as never);
    span.addEvent({
      toString() {
        throw new Error('hostile');
      },
    } as never);
    span
      .setStatus(undefined as never)
      .setStatus({} as never)
      .setStatus({ code: 7 } as never)
      .updateName(undefined as never);
  });
  assert.deepEqual(data.attributes, { fine: 1 });
  assert.equal(Object.getPrototypeOf(data.attributes), Object.prototype);
  assert.deepEqual(
    data.events.map((event) => event.attributes),
    [{ fine: 1 }, {}, {}],
  );
  assert.deepEqual([data.statusCode, data.name, data.droppedAttributes, data.droppedLinks], [0, 'work', 0, 0]);
});

test('128 attributes are kept, the 129th is not; an overwrite is no new one', () => {
  const data = recorded((span) => {
    for (let index = 0; index < 127; index += 1) span.setAttribute(`k${index}`, index);
    // On the prototype of every object, and yet an attribute like any other.
    span.setAttribute('constructor', 'c');
    span.setAttribute('toString', 'rejected');
    span.setAttribute('k0', 'changed').setAttribute('constructor', 'd');
  });
  assert.equal(Object.keys(data.attributes).length, 128);
  assert.equal(data.attributes['k0'], 'changed');
  assert.equal(data.attributes['constructor'], 'd');
  assert.equal(Object.hasOwn(data.attributes, 'toString'), false);
  assert.equal(data.droppedAttributes, 1);
});

test('128 events and links are kept; beyond, the oldest go and are counted', () => {
  const link = (index: number) => ({
    context: {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: (index + 1).toString(16).padStart(16, '0'),
      traceFlags: 1,
    },
  });
  const fill = (count: number): SpanData =>
    recorded((span) => {
      for (let index = 0; index < count; index += 1) {
        span.addEvent(`e${index}`);
        span.addLink(link(index));
      }
    });
  const full = fill(128);
  assert.deepEqual([full.events.length, full.links.length, full.droppedEvents, full.droppedLinks], [128, 128, 0, 0]);
  const over = fill(129);
  assert.deepEqual([over.events.length, over.links.length, over.droppedEvents, over.droppedLinks], [128, 128, 1, 1]);
  assert.equal(over.events[0]?.name, 'e1');
  assert.equal(over.links.at(-1)?.spanId, '0000000000000081');
});

test('limits by options: counts, zero, attributes of events and links, length of values', () => {
  const limits = { attributeCountLimit: 1, eventCountLimit: 0, linkCountLimit: 0 };
  const context = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
  const none = recorded((span) => span.setAttributes({ a: 1, b: 2 }).addEvent('e').addLink({ context }), limits);
  assert.deepEqual([none.attributes, none.events, none.links], [{ a: 1 }, [], []]);
  assert.deepEqual([none.droppedAttributes, none.droppedEvents, none.droppedLinks], [1, 1, 1]);
  const few = recorded((span) => span.addEvent('e', { a: 1, b: 2 }).addLink({ context, attributes: { a: 1, b: 2 } }), {
    attributePerEventCountLimit: 1,
    attributePerLinkCountLimit: 1,
  });
  assert.deepEqual([few.events[0]?.attributes, few.links[0]?.attributes], [{ a: 1 }, { a: 1 }]);
  const short = recorded(
    (span) =>
      span
        .setAttributes({ four: 'abcd', five: 'abcde', list: ['abcde', 'x'], pair: 'abc😀' })
        .addEvent('e', { five: 'abcde' }),
    { attributeValueLengthLimit: 4 },
  );
  assert.deepEqual(short.attributes, { four: 'abcd', five: 'abcd', list: ['abcd', 'x'], pair: 'abc' });
  assert.deepEqual(short.events[0]?.attributes, { five: 'abcd' });
});

test('status: OK is final, UNSET changes nothing, only ERROR has a message', () => {
  const status = (...given: { code: number; message?: string }[]) => {
    const data = recorded((span) => {
      for (const one of given) span.setStatus(one);
    });
    return [data.statusCode, data.statusMessage];
  };
  assert.deepEqual(status(), [0, undefined]);
  assert.deepEqual(status({ code: 2, message: 'a' }), [2, 'a']);
  assert.deepEqual(status({ code: 2, message: 'a' }, { code: 2, message: 'b' }), [2, 'b']);
  assert.deepEqual(status({ code: 2, message: 'a' }, { code: 0 }), [2, 'a']);
  assert.deepEqual(status({ code: 2, message: 'a' }, { code: 1, message: 'ignored' }), [1, undefined]);
  assert.deepEqual(status({ code: 1 }, { code: 2, message: 'late' }), [1, undefined]);
  assert.deepEqual(status({ code: 2, message: 7 as never }), [2, undefined]);
});

test('events: attributes, time, both or only the time', () => {
  const data = recorded((span) => {
    now += 10;
    span
      .addEvent('plain')
      .addEvent('attributes', { a: 1 })
      .addEvent('time', new Date(1_700_000_000_500))
      .addEvent('both', { a: 1 }, 1_700_000_000_600);
  });
  assert.deepEqual(data.events, [
    { name: 'plain', timeMicros: START + 10, attributes: {} },
    { name: 'attributes', timeMicros: START + 10, attributes: { a: 1 } },
    { name: 'time', timeMicros: START + 500_000, attributes: {} },
    { name: 'both', timeMicros: START + 600_000, attributes: { a: 1 } },
  ]);
});

test('exceptions: errors with their class, causes, strings, plain objects, hostile ones', () => {
  class PaymentError extends Error {}
  const cause = new TypeError('root cause');
  const withCause = new PaymentError('outer', { cause });
  const looped = new Error('loop');
  looped.cause = looped;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const data = recorded((span) => {
    const hostile = {
      get message() {
        throw new Error('x');
      },
      get name() {
        throw new Error('x');
      },
      get stack() {
        throw new Error('x');
      },
    };
    const thrown = [
      new RangeError('no'),
      withCause,
      looped,
      'text',
      { message: 'm', name: 'n' },
      { code: 'E_X' },
      { secret: 's' },
      null,
      42,
      Symbol('s'),
      hostile,
      proxy,
    ];
    for (const one of thrown) span.recordException(one as never);
    span.recordException(new Error('timed'), new Date(1_700_000_000_001));
  });
  const seen = data.events.map(({ attributes }) => [attributes['exception.type'], attributes['exception.message']]);
  assert.deepEqual(seen, [
    ['RangeError', 'no'],
    ['PaymentError', 'outer'],
    ['Error', 'loop'],
    [undefined, 'text'],
    ['n', 'm'],
    ['E_X', 'an object with code'],
    ['Object', 'an object with secret'],
    [undefined, 'null'],
    [undefined, '42'],
    [undefined, 'Symbol(s)'],
    ['Object', 'an object with message, name, stack'],
    ['Object', 'an object without a message'],
    ['Error', 'timed'],
  ]);
  assert.ok(data.events.every((event) => event.name === 'exception'));
  const stack = String(data.events[1]?.attributes['exception.stacktrace']);
  assert.ok(stack.startsWith(withCause.stack!) && stack.includes(`\nCaused by: ${cause.stack}`), stack);
  assert.equal(data.events[2]?.attributes['exception.stacktrace'], looped.stack);
  assert.equal(data.events.at(-1)?.timeMicros, START + 1000);
  assert.ok(!JSON.stringify(data).includes('"s"'), 'values of unknown objects are not recorded');
});

test('the correlation ID of the context is an attribute', async () => {
  const { correlation } = await import('../../lib/context/correlation.ts');
  assert.equal(correlation.run('job-1', () => recorded(() => {})).attributes['correlation.id'], 'job-1');
  assert.deepEqual(recorded(() => {}).attributes, {});
});

test('an onEnd that throws is a bug of ours and does not reach the app', async () => {
  const { internalErrors } = await import('../../lib/core/fence.ts');
  const before = internalErrors();
  const engine = createEngine({
    sampler: createSampler('always_on', undefined),
    onEnd: () => {
      throw new Error('expected by a test');
    },
  });
  engine.start('work', SpanKind.INTERNAL, undefined).end();
  assert.equal(internalErrors(), before + 1);
});

test('a context, link or status that throws when it is looked at changes nothing and throws nothing', () => {
  const refusing = new Proxy(
    {},
    {
      get() {
        throw new Error('not for you');
      },
    },
  );
  const revoked = Proxy.revocable([], {});
  revoked.revoke();
  const odd = { traceId: '463ac35c9f6413ad48485a3953bb6124', spanId: 'a2fb4a1d1a96d313', traceFlags: Symbol('s') };
  const data = recorded((span) => {
    for (const hostile of [refusing, revoked.proxy, { context: refusing }, { context: odd }] as never[]) {
      span.addLink(hostile);
      span.addLinks(hostile);
      span.addLinks([hostile]);
      span.setStatus(hostile);
    }
  });
  assert.equal(data.links.length, 2, 'a link whose flags are none is a link');
  assert.equal(data.statusCode, 0);
  const engine = createEngine({ sampler: createSampler('always_on', undefined), onEnd: () => {} });
  const tracer = engine.provider.getTracer('x');
  for (const options of [refusing, { links: revoked.proxy }, { kind: Symbol('s') }, { attributes: refusing }])
    tracer.startSpan('work', options as never).end();
});

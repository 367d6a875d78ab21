import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBaggage } from '../../lib/context/baggage.ts';
import { extract, inboundFields, inject, type PropagationFormat, parentOf } from '../../lib/context/propagation.ts';
import { TraceSpanContext } from '../../lib/context/span-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const OTHER = '80f198ee56343ba864fe8b2a57d3eff7';
const SPAN = '00f067aa0ba902b7';
const formats: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3'];
const traceparent = `00-${TRACE}-${SPAN}-01`;
const b3 = `${OTHER}-${SPAN}-0`;

function sent(
  list: readonly PropagationFormat[],
  ...rest: [Parameters<typeof inject>[1], Parameters<typeof inject>[2]?]
): Record<string, string> {
  const headers: Record<string, string> = {};
  inject(list, rest[0], rest[1], (name, value) => {
    assert.equal(headers[name], undefined, 'never twice');
    headers[name] = value;
  });
  return headers;
}

test('nothing usable is undefined', () => {
  assert.equal(extract({}, formats), undefined);
  assert.equal(extract({ traceparent: 'x', b3: 'y', baggage: '=', tracestate: 'a=1' }, formats), undefined);
  assert.equal(extract({ traceparent, b3, baggage: 'a=1' }, ['none']), undefined);
  assert.equal(extract({ traceparent, b3, baggage: 'a=1' }, []), undefined);
});

test('traceparent wins over B3 when both are valid, B3 stands in when it is not', () => {
  assert.equal(extract({ traceparent, b3 }, formats)?.spanContext?.traceId, TRACE);
  assert.equal(extract({ traceparent: 'broken', b3 }, formats)?.spanContext?.traceId, OTHER);
  assert.equal(
    extract({ b3: 'broken', 'x-b3-traceid': OTHER, 'x-b3-spanid': SPAN }, formats)?.spanContext?.traceId,
    OTHER,
  );
  assert.equal(
    extract({ b3, 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN }, formats)?.spanContext?.traceId,
    OTHER,
    'single before multiple',
  );
});

test('flags that the specification does not define are dropped on arrival', () => {
  assert.equal(extract({ traceparent: `00-${TRACE}-${SPAN}-ff` }, formats)?.spanContext?.traceFlags, 3);
  assert.equal(extract({ traceparent: `00-${TRACE}-${SPAN}-fc` }, formats)?.spanContext?.traceFlags, 0);
});

test('only the configured formats are read; each B3 format reads both encodings', () => {
  assert.equal(extract({ traceparent, b3 }, ['b3'])?.spanContext?.traceId, OTHER);
  assert.equal(extract({ b3 }, ['tracecontext']), undefined);
  assert.equal(extract({ b3 }, ['b3multi'])?.spanContext?.traceId, OTHER);
  assert.equal(extract({ baggage: 'a=1' }, ['tracecontext']), undefined);
});

test('the sampling decision, deferred and debug', () => {
  assert.equal(extract({ traceparent }, formats)?.sampled, true);
  assert.equal(extract({ traceparent: `00-${TRACE}-${SPAN}-02` }, formats)?.sampled, false);
  assert.equal(extract({ b3: `${TRACE}-${SPAN}` }, formats)?.sampled, undefined);
  assert.equal(extract({ b3 }, formats)?.sampled, false);
  const debug = extract({ b3: `${TRACE}-${SPAN}-d` }, formats);
  assert.deepEqual([debug?.sampled, debug?.debug], [true, true]);
  const deny = extract({ b3: '0' }, formats);
  assert.deepEqual([deny?.spanContext, deny?.sampled, deny?.debug], [undefined, false, false]);
  assert.equal(parentOf(deny)?.traceFlags, 0);
  assert.equal(parentOf(extract({ b3: '1' }, formats))?.traceFlags, 1);
  assert.equal(parentOf(extract({ baggage: 'a=1' }, formats)), undefined);
  assert.equal(parentOf(undefined), undefined);
});

test('baggage alone comes in', () => {
  const inbound = extract({ baggage: 'a=1' }, formats);
  assert.equal(inbound?.baggage?.getEntry('a')?.value, '1');
  assert.equal(inbound?.spanContext, undefined);
  assert.equal(inbound?.sampled, undefined);
});

test('repeated fields as arrays (HTTP/2, other carriers)', () => {
  assert.equal(extract({ traceparent: [traceparent, traceparent] } as never, formats), undefined);
  assert.equal(
    extract({ traceparent, tracestate: ['a=1', 'b=2'] } as never, formats)?.spanContext?.traceState?.serialize(),
    'a=1,b=2',
  );
});

test('out: traceparent, tracestate and b3 by default, multiple headers only if configured, a parent never', () => {
  const context = extract({ traceparent: `00-${TRACE}-${SPAN}-03`, tracestate: ' a=1 ,b=2' }, formats)?.spanContext;
  assert.deepEqual(sent(formats, context), {
    traceparent: `00-${TRACE}-${SPAN}-03`,
    tracestate: 'a=1,b=2',
    b3: `${TRACE}-${SPAN}-1`,
  });
  assert.deepEqual(sent(['b3multi'], context), { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' });
  assert.deepEqual(sent(['none'], context, parseBaggage('a=1')), {});
  assert.deepEqual(sent(['baggage'], undefined, parseBaggage('a=1;p')), { baggage: 'a=1;p' });
});

test('out: what is not valid is not sent', () => {
  for (const traceId of ['', 'x', '0'.repeat(32), `${TRACE}0`, `${TRACE.slice(2)}\r\n`]) {
    assert.deepEqual(sent(formats, { traceId, spanId: SPAN, traceFlags: 1 }), {}, traceId);
  }
  assert.deepEqual(sent(formats, { traceId: TRACE, spanId: '0'.repeat(16), traceFlags: 1 }), {});
  assert.deepEqual(sent(formats, { traceId: null, spanId: {}, traceFlags: 1 } as never), {});
  assert.equal(
    sent(formats, { traceId: TRACE.toUpperCase(), spanId: SPAN, traceFlags: 0xfd })['traceparent'],
    `00-${TRACE}-${SPAN}-01`,
  );
  assert.equal(
    sent(formats, { traceId: TRACE, spanId: SPAN, traceFlags: Number.NaN })['traceparent'],
    `00-${TRACE}-${SPAN}-00`,
  );
  const hostile = {
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: 1,
    traceState: { serialize: () => 'a=1\r\nx: y' },
  } as never;
  assert.equal(sent(formats, hostile)['tracestate'], undefined);
});

const VALID: Readonly<Record<string, RegExp>> = {
  traceparent: /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/,
  tracestate:
    /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e](,[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]){0,31}$/,
  b3: /^(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}(-[01d])?$/,
  'x-b3-traceid': /^(?!0{32})[0-9a-f]{32}$/,
  'x-b3-spanid': /^(?!0{16})[0-9a-f]{16}$/,
  'x-b3-sampled': /^[01]$/,
  'x-b3-flags': /^1$/,
  baggage: /^[\x21-\x7e]{1,8192}$/,
};

test('whatever comes in, nothing throws and nothing invalid goes out', () => {
  const all: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3', 'b3multi'];
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFx-'), minLength: length - 1, maxLength: length + 1 });
  const close = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('00', 'cc', 'ff', '0'),
        hex(32),
        hex(16),
        fc.constantFrom('00', '01', '02', 'ff', 'xx', '1'),
      )
      .map((parts) => parts.join('-')),
    fc
      .tuple(
        fc.constantFrom(TRACE, SPAN, '0'.repeat(32)),
        fc.constantFrom(SPAN, '0'.repeat(16)),
        fc.constantFrom('0', '1', 'd', '', '2'),
        hex(16),
      )
      .map((parts) => parts.join('-')),
    fc
      .array(
        fc
          .tuple(fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 8 }))
          .map(([key, value]) => `${key}=${value}`),
        { maxLength: 40 },
      )
      .map((list) => list.join(',')),
    fc.constantFrom(
      traceparent,
      b3,
      '0',
      '1',
      'd',
      '',
      ',',
      '=',
      TRACE,
      SPAN,
      `a=${'x'.repeat(300)}`,
      'a=1,'.repeat(5000),
    ),
    fc.string({ unit: 'binary', maxLength: 120 }),
  );
  const header = fc.oneof(close, fc.array(close, { maxLength: 3 }));
  const headers = fc.dictionary(fc.constantFrom(...inboundFields(all)), header);
  fc.assert(
    fc.property(headers, (given) => {
      const inbound = extract(given as never, all);
      const out = sent(all, inbound?.spanContext, inbound?.baggage);
      for (const [name, value] of Object.entries(out)) assert.match(value, VALID[name]!, name);
      // What we have sent we accept, as it was.
      const again = extract(out, all);
      assert.equal(again?.spanContext?.traceId, inbound?.spanContext?.traceId);
      assert.equal(again?.spanContext?.spanId, inbound?.spanContext?.spanId);
      if (inbound?.spanContext !== undefined) assert.ok(inbound.spanContext instanceof TraceSpanContext);
    }),
    { numRuns: 3000 },
  );
});

test('any valid context survives every format', () => {
  const id = (length: number) =>
    fc
      .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
      .filter((text) => !/^0+$/.test(text));
  const sampling = fc.constantFrom('decided' as const, 'debug' as const);
  fc.assert(
    fc.property(id(32), id(16), fc.integer({ min: 0, max: 1 }), sampling, (traceId, spanId, sampled, state) => {
      const traceFlags = state === 'debug' ? 1 : sampled;
      const context = new TraceSpanContext({ traceId, spanId, traceFlags, isRemote: false, sampling: state });
      for (const format of ['tracecontext', 'b3', 'b3multi'] as const) {
        const back = extract(sent([format], context), [format]);
        assert.equal(back?.spanContext?.traceId, traceId);
        assert.equal(back?.spanContext?.spanId, spanId);
        assert.equal(back?.sampled, traceFlags === 1);
        assert.equal(back?.debug, format !== 'tracecontext' && state === 'debug');
      }
    }),
  );
});

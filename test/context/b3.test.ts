/** B3 propagation, the cases of openzipkin/b3-propagation's specification and rationale. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatB3Multi, formatB3Single, parseB3Multi, parseB3Single } from '../../lib/context/b3.ts';
import { TraceSpanContext } from '../../lib/context/span-context.ts';

const TRACE = '80f198ee56343ba864fe8b2a57d3eff7';
const SPAN = 'e457b5a2e4d86bd1';
const PARENT = '05e3ac9a4f6e3b90';

test('single header: every sampling state, with and without parent', () => {
  const states = [
    ['', 'deferred', 0, 'deferred'],
    ['-1', 'accept', 1, 'decided'],
    ['-0', 'deny', 0, 'decided'],
    ['-d', 'debug', 1, 'debug'],
  ] as const;
  for (const [suffix, sampling, flags, state] of states) {
    for (const parent of ['', `-${PARENT}`]) {
      const inbound = parseB3Single(`${TRACE}-${SPAN}${suffix}${parent}`);
      assert.equal(inbound?.sampling, sampling, suffix + parent);
      assert.equal(inbound?.spanContext?.traceId, TRACE);
      assert.equal(inbound?.spanContext?.spanId, SPAN);
      assert.equal(inbound?.spanContext?.traceFlags, flags);
      assert.equal(inbound?.spanContext?.sampling, state);
      assert.equal(inbound?.spanContext?.isRemote, true);
    }
  }
});

test('single header: a state alone is a decision without IDs', () => {
  assert.deepEqual(parseB3Single('0'), { spanContext: undefined, sampling: 'deny' });
  assert.deepEqual(parseB3Single('1'), { spanContext: undefined, sampling: 'accept' });
  assert.deepEqual(parseB3Single('d'), { spanContext: undefined, sampling: 'debug' });
  assert.deepEqual(parseB3Single('D'), { spanContext: undefined, sampling: 'debug' });
});

test('64-bit trace IDs are padded on the left', () => {
  assert.equal(parseB3Single(`${SPAN}-${PARENT}-1`)?.spanContext?.traceId, `0000000000000000${SPAN}`);
  assert.equal(parseB3Single(`${SPAN}-${PARENT}-1-${PARENT}`)?.spanContext?.spanId, PARENT);
  assert.equal(
    parseB3Multi({ 'x-b3-traceid': SPAN, 'x-b3-spanid': PARENT })?.spanContext?.traceId,
    `0000000000000000${SPAN}`,
  );
});

test('upper case is lower-cased', () => {
  const inbound = parseB3Single(`${TRACE.toUpperCase()}-${SPAN.toUpperCase()}-D`);
  assert.equal(inbound?.spanContext?.traceId, TRACE);
  assert.equal(inbound?.sampling, 'debug');
});

test('single header is anchored and well-formed or nothing', () => {
  const whole = `${TRACE}-${SPAN}-1-${PARENT}`;
  const malformed = [
    '',
    '-',
    '2',
    'x',
    'true',
    `${TRACE}`,
    `${TRACE}-`,
    `${TRACE}-${SPAN}-`,
    `${TRACE}-${SPAN}-2`,
    `${TRACE}-${SPAN}-11`,
    `${TRACE}-${SPAN}-1-`,
    `${TRACE}-${SPAN}-1-${PARENT}0`,
    `${TRACE}-${SPAN}-1-${PARENT.slice(1)}`,
    `${TRACE}-${SPAN}-1-x${PARENT.slice(1)}`,
    `x${whole}`,
    `${whole}x`,
    `${whole}-1`,
    `${TRACE}-${SPAN}--${PARENT}`,
    `${TRACE.slice(1)}-${SPAN}-1`,
    `${TRACE}0-${SPAN}-1`,
    `${TRACE}-${SPAN.slice(1)}-1`,
    `${'0'.repeat(32)}-${SPAN}-1`,
    `${'0'.repeat(16)}-${SPAN}-1`,
    `${TRACE}-${'0'.repeat(16)}-1`,
    `${TRACE}_${SPAN}-1`,
    `g${TRACE.slice(1)}-${SPAN}-1`,
    `${whole}, ${whole}`,
    `${TRACE}-${SPAN}1`,
  ];
  for (const header of malformed) assert.equal(parseB3Single(header), undefined, JSON.stringify(header));
});

test('multiple headers: every sampling state', () => {
  const ids = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-parentspanid': PARENT };
  assert.equal(parseB3Multi(ids)?.sampling, 'deferred');
  assert.equal(parseB3Multi({ ...ids, 'x-b3-sampled': '1' })?.sampling, 'accept');
  assert.equal(parseB3Multi({ ...ids, 'x-b3-sampled': '0' })?.sampling, 'deny');
  assert.equal(parseB3Multi({ ...ids, 'x-b3-sampled': 'True' })?.sampling, 'accept');
  assert.equal(parseB3Multi({ ...ids, 'x-b3-sampled': 'false' })?.sampling, 'deny');
  assert.equal(parseB3Multi({ ...ids, 'x-b3-flags': '1' })?.sampling, 'debug');
  assert.equal(
    parseB3Multi({ ...ids, 'x-b3-flags': '1', 'x-b3-sampled': '0' })?.sampling,
    'debug',
    'debug implies accept',
  );
  assert.equal(
    parseB3Multi({ ...ids, 'x-b3-flags': '0', 'x-b3-sampled': '0' })?.sampling,
    'deny',
    'any other flags are ignored',
  );
  assert.equal(
    parseB3Multi({ ...ids, 'x-b3-parentspanid': '-' })?.spanContext?.spanId,
    SPAN,
    'the parent is ignored, well-formed or not',
  );
});

test('multiple headers: a decision alone', () => {
  assert.deepEqual(parseB3Multi({ 'x-b3-sampled': '0' }), { spanContext: undefined, sampling: 'deny' });
  assert.deepEqual(parseB3Multi({ 'x-b3-sampled': '1' }), { spanContext: undefined, sampling: 'accept' });
  assert.deepEqual(parseB3Multi({ 'x-b3-flags': '1' }), { spanContext: undefined, sampling: 'debug' });
});

test('multiple headers: the first value of a repeated header wins', () => {
  const headers = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '0, 1' };
  assert.equal(parseB3Multi(headers)?.sampling, 'deny');
});

test('multiple headers: malformed or absent is nothing', () => {
  assert.equal(parseB3Multi({}), undefined);
  assert.equal(parseB3Multi({ 'x-b3-spanid': SPAN }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-traceid': TRACE }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-traceid': TRACE, 'x-b3-sampled': '1' }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-flags': '0' }), undefined);
  assert.equal(
    parseB3Multi({ 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '' }),
    undefined,
    'an empty header is malformed',
  );
  assert.equal(parseB3Multi({ 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': 'maybe' }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-traceid': `${TRACE}0`, 'x-b3-spanid': SPAN }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-traceid': TRACE, 'x-b3-spanid': `${SPAN.slice(1)}-` }), undefined);
  assert.equal(parseB3Multi({ 'x-b3-traceid': '0'.repeat(32), 'x-b3-spanid': SPAN }), undefined);
});

test('out: single and multiple, no parent, debug as the specification writes it', () => {
  const make = (traceFlags: number, sampling: 'decided' | 'deferred' | 'debug') =>
    new TraceSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags, isRemote: false, sampling });
  const multi = (context: TraceSpanContext): Record<string, string> => {
    const headers: Record<string, string> = {};
    formatB3Multi(context, (name, value) => {
      headers[name] = value;
    });
    return headers;
  };
  const ids = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN };
  assert.equal(formatB3Single(make(1, 'decided')), `${TRACE}-${SPAN}-1`);
  assert.equal(formatB3Single(make(3, 'decided')), `${TRACE}-${SPAN}-1`);
  assert.equal(formatB3Single(make(2, 'decided')), `${TRACE}-${SPAN}-0`);
  assert.equal(formatB3Single(make(1, 'debug')), `${TRACE}-${SPAN}-d`);
  assert.equal(formatB3Single(make(0, 'deferred')), `${TRACE}-${SPAN}`);
  assert.deepEqual(multi(make(1, 'decided')), { ...ids, 'x-b3-sampled': '1' });
  assert.deepEqual(multi(make(0, 'decided')), { ...ids, 'x-b3-sampled': '0' });
  assert.deepEqual(multi(make(1, 'debug')), { ...ids, 'x-b3-flags': '1' });
  assert.deepEqual(multi(make(0, 'deferred')), ids);
});

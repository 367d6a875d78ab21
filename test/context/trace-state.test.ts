import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isTracestateKey,
  isTracestateValue,
  MAX_TRACESTATE_LENGTH,
  ObservationTraceState,
} from '../../lib/context/trace-state.ts';
import { formatTracestate } from '../../lib/context/w3c.ts';

test('set puts the member in front, replaces, and leaves the old list as it was', () => {
  const state = new ObservationTraceState('bar=0');
  const changed = state.set('foo', '1').set('bar', '2').set('baz', '3');
  assert.equal(changed.serialize(), 'baz=3,bar=2,foo=1');
  assert.equal(state.serialize(), 'bar=0');
  assert.equal(changed.get('foo'), '1');
  assert.equal(changed.get('none'), undefined);
});

test('unset removes; an unknown key changes nothing', () => {
  const state = new ObservationTraceState('foo=1,bar=2');
  assert.equal(state.unset('foo').serialize(), 'bar=2');
  assert.equal(state.unset('none'), state);
});

test('set refuses what the grammar does not know', () => {
  const state = new ObservationTraceState('foo=1');
  const refused: [unknown, unknown][] = [
    ['', 'a'],
    ['FOO', 'a'],
    ['@vendor', 'a'],
    ['a.b', 'a'],
    ['z'.repeat(257), 'a'],
    ['k', ''],
    ['k', 'a=b'],
    ['k', 'a,b'],
    ['k', 'a '],
    ['k', 'x'.repeat(257)],
    ['k', 'a\r\nx: y'],
    [1, 'a'],
    ['k', 1],
  ];
  for (const [key, value] of refused)
    assert.equal(state.set(key as string, value as string), state, `${String(key)}=${String(value)}`);
});

test('keys and values at the last accepted and the first rejected length', () => {
  assert.ok(isTracestateKey('z'.repeat(256)));
  assert.ok(!isTracestateKey('z'.repeat(257)));
  assert.ok(isTracestateValue('x'.repeat(256)));
  assert.ok(!isTracestateValue('x'.repeat(257)));
  assert.ok(isTracestateValue('  a'), 'leading spaces belong to the value');
  for (const key of ['special@vendor', 'special@', 'special@@vendor', 'a@b@c', '1special', 'a_-*/'])
    assert.ok(isTracestateKey(key), key);
});

test('leading spaces of a value are kept, a tab inside is refused', () => {
  assert.equal(new ObservationTraceState('foo=  1').get('foo'), '  1');
  assert.equal(new ObservationTraceState('foo=1\t2').serialize(), '');
});

test('a 33rd member pushes out the last', () => {
  const list = Array.from({ length: 32 }, (_none, index) => `k${index}=1`).join(',');
  const state = new ObservationTraceState(list).set('new', '1');
  assert.equal(state.size, 32);
  assert.equal(state.get('k31'), undefined);
  assert.equal(state.get('k30'), '1');
});

test('512 characters go on whole; 513 lose whole members', () => {
  const fill = (length: number): string => {
    const members = Array.from({ length: 6 }, (_none, index) => `k${index}=${'v'.repeat(80)}`).join(',');
    return `${members},l=${'w'.repeat(length - members.length - 3)}`;
  };
  assert.equal(fill(512).length, 512);
  assert.equal(new ObservationTraceState(fill(512)).serialize(), fill(512));
  assert.equal(new ObservationTraceState(fill(513)).serialize(), fill(513).slice(0, fill(513).lastIndexOf(',')));
});

test('members above 128 characters go first, then from the end', () => {
  const long = `long=${'x'.repeat(124)}`;
  const short = Array.from({ length: 5 }, (_none, index) => `k${index}=${'v'.repeat(90)}`);
  assert.equal(new ObservationTraceState([short[0], long, ...short.slice(1)].join(',')).serialize(), short.join(','));
  const atBound = `edge=${'x'.repeat(123)}`;
  const kept = new ObservationTraceState([atBound, ...short].join(',')).serialize();
  assert.ok(kept.startsWith(atBound), 'a member of exactly 128 is not long');
  assert.ok(kept.length <= MAX_TRACESTATE_LENGTH);
});

test('a foreign TraceState is checked before it is sent', () => {
  const foreign = (text: unknown) => ({ serialize: () => text }) as never;
  assert.equal(formatTracestate(foreign('a=1,b=2')), 'a=1,b=2');
  assert.equal(formatTracestate(foreign('a=1\r\nx-evil: 1')), '');
  assert.equal(formatTracestate(foreign(undefined)), '');
  assert.equal(
    formatTracestate({
      serialize: () => {
        throw new Error('no');
      },
    } as never),
    '',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Baggage, baggageEntryMetadataFromString, propagation } from '@opentelemetry/api';
import fc from 'fast-check';
import {
  formatBaggage,
  MAX_BAGGAGE_BYTES,
  MAX_BAGGAGE_MEMBERS,
  ObservationBaggage,
  parseBaggage,
} from '../../lib/context/baggage.ts';

const entries = (baggage: Baggage | undefined): [string, string, string][] =>
  (baggage?.getAllEntries() ?? []).map(([key, entry]) => [key, entry.value, entry.metadata?.toString() ?? '']);

test('members, white space, properties, percent encoding', () => {
  const baggage = parseBaggage('userId=alice , serverNode = DF%2028 ;p1; p2 = v2,isProduction=false, empty=');
  assert.deepEqual(entries(baggage), [
    ['userId', 'alice', ''],
    ['serverNode', 'DF 28', 'p1;p2 = v2'],
    ['isProduction', 'false', ''],
    ['empty', '', ''],
  ]);
});

test('an equals sign belongs to the value; UTF-8 is decoded, broken octets become U+FFFD', () => {
  assert.equal(parseBaggage('a=b=c')?.getEntry('a')?.value, 'b=c');
  assert.equal(parseBaggage('a=%F0%9F%8C%8D')?.getEntry('a')?.value, '🌍');
  assert.equal(parseBaggage('a=x%FFy')?.getEntry('a')?.value, 'x\u{fffd}y');
  assert.equal(parseBaggage('a=100%')?.getEntry('a')?.value, '100%');
});

test('malformed members are left out, the others stand; of a repeated key the last counts', () => {
  assert.deepEqual(entries(parseBaggage('=x,novalue,a b=c,ok=1,q="x",k=\u{e9},ok=2,bad=1;p q')), [['ok', '2', '']]);
  assert.equal(parseBaggage(''), undefined);
  assert.equal(parseBaggage(' , ,'), undefined);
});

test('180 members are read, the 181st is not', () => {
  const header = Array.from({ length: 181 }, (_none, index) => `k${index}=v`).join(',');
  const baggage = parseBaggage(header);
  assert.equal(baggage?.getAllEntries().length, MAX_BAGGAGE_MEMBERS);
  assert.equal(baggage?.getEntry('k179')?.value, 'v');
  assert.equal(baggage?.getEntry('k180'), undefined);
});

test('a member of 4096 bytes is read and sent, one of 4097 is not', () => {
  const at = (length: number): string => `k=${'v'.repeat(length - 2)}`;
  assert.equal(formatBaggage(parseBaggage(at(4096))!), at(4096));
  assert.equal(parseBaggage(at(4097)), undefined);
  assert.equal(formatBaggage(propagation.createBaggage({ k: { value: 'v'.repeat(4095) } })), '');
});

test('8192 bytes are read, what ends beyond is not', () => {
  const two = `a=${'v'.repeat(4000)},b=${'v'.repeat(4000)}`;
  const at = (length: number): string => `${two},c=${'v'.repeat(length - two.length - 3)}`;
  assert.equal(parseBaggage(at(8192))?.getAllEntries().length, 3);
  assert.equal(parseBaggage(at(8193))?.getAllEntries().length, 2);
});

test('what is sent keeps to the limits, and to whole members', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_none, index) => [`k${index}`, { value: 'v' }]));
  assert.equal(formatBaggage(propagation.createBaggage(many)).split(',').length, MAX_BAGGAGE_MEMBERS);
  const large = Object.fromEntries(
    Array.from({ length: 4 }, (_none, index) => [`k${index}`, { value: 'v'.repeat(3000) }]),
  );
  const header = formatBaggage(propagation.createBaggage(large));
  assert.ok(header.length <= MAX_BAGGAGE_BYTES);
  assert.equal(entries(parseBaggage(header)).length, 2);
});

test('is a Baggage of the API: immutable, entries are copies', () => {
  const one = new ObservationBaggage(new Map([['a', { value: '1' }]]));
  const two = one.setEntry('b', { value: '2', metadata: baggageEntryMetadataFromString('p=1') });
  assert.deepEqual(entries(one), [['a', '1', '']]);
  assert.deepEqual(entries(two), [
    ['a', '1', ''],
    ['b', '2', 'p=1'],
  ]);
  two.getEntry('a')!.value = 'changed';
  two.getAllEntries()[0]![1].value = 'changed';
  assert.equal(two.getEntry('a')?.value, '1');
  assert.deepEqual(entries(two.removeEntry('a')), [['b', '2', 'p=1']]);
  assert.deepEqual(entries(two.removeEntries('a', 'b', 'c')), []);
  assert.deepEqual(entries(two.clear()), []);
  assert.equal(formatBaggage(two), 'a=1,b=2;p=1');
});

test('metadata that would break the header is left out, its member is not; hostile baggage gives nothing', () => {
  const metadata = (text: string) => baggageEntryMetadataFromString(text);
  assert.equal(formatBaggage(propagation.createBaggage({ a: { value: '1', metadata: metadata('x\r\ny: z') } })), 'a=1');
  assert.equal(formatBaggage(propagation.createBaggage({ a: { value: '1', metadata: metadata('p,evil=1') } })), 'a=1');
  assert.equal(formatBaggage(propagation.createBaggage({ 'not a token': { value: '1' } })), '');
  assert.equal(
    formatBaggage({
      getAllEntries: () => {
        throw new Error('no');
      },
    } as never),
    '',
  );
});

test('a lone surrogate is sent as U+FFFD', () => {
  assert.equal(
    formatBaggage(propagation.createBaggage({ a: { value: 'x\ud800y' }, b: { value: '1' } })),
    'a=x%EF%BF%BDy,b=1',
  );
});

test('round trip of any value under any token; no header is ever invalid', () => {
  const key = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.dictionary(key, fc.string({ unit: 'binary', maxLength: 60 }), { maxKeys: 12 }), (record) => {
      const baggage = propagation.createBaggage(
        Object.fromEntries(Object.entries(record).map(([name, value]) => [name, { value }])),
      );
      const header = formatBaggage(baggage);
      assert.match(header, /^[\x21-\x7e]*$/);
      const back = Object.fromEntries(entries(parseBaggage(header)).map(([name, value]) => [name, value]));
      assert.deepEqual(
        back,
        Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value.toWellFormed()])),
      );
    }),
  );
});

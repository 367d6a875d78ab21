import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelValue, MAX_LABEL_VALUE } from '../../lib/metrics/label-value.ts';

test('what label values become', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const cases: [unknown, string][] = [
    ['GET', 'GET'],
    ['', ''],
    [200, '200'],
    [true, 'true'],
    [12n, '12'],
    [null, ''],
    [undefined, ''],
    [Number.NaN, 'NaN'],
    [['a', 'b'], 'a,b'],
    [['a\n} 1\ninjected 1'], 'a\n} 1\ninjected 1'],
    [[1, null, { a: 1 }], '1,null,[object]'],
    [cyclic, '[object]'],
    [{ toString: () => 'evil' }, '[object Object]'],
    [new Date(0), '[object Date]'],
    [() => 1, '[function]'],
    [Symbol('s'), 'Symbol(s)'],
    ['a\0b', 'a\ufffdb'],
    ['\ud800', '\ufffd'],
    ['😀', '😀'],
  ];
  for (const [given, wanted] of cases) assert.equal(labelValue(given), wanted);
});

test('values are cut at the limit, never inside of a character', () => {
  assert.equal(labelValue('x'.repeat(MAX_LABEL_VALUE)).length, MAX_LABEL_VALUE);
  assert.equal(labelValue('x'.repeat(MAX_LABEL_VALUE + 1)).length, MAX_LABEL_VALUE);
  const cut = labelValue(`${'x'.repeat(MAX_LABEL_VALUE - 1)}😀`);
  assert.equal(cut.isWellFormed(), true);
  assert.equal(labelValue([`${'y'.repeat(1_000_000)}`]).length, MAX_LABEL_VALUE);
});

test('hostile objects neither throw nor run', () => {
  const hostile = [
    new Proxy(
      {},
      {
        get() {
          throw new Error('trap');
        },
        getPrototypeOf() {
          throw new Error('trap');
        },
      },
    ),
    new Proxy([], {
      get() {
        throw new Error('trap');
      },
    }),
    {
      get [Symbol.toStringTag](): string {
        throw new Error('getter');
      },
    },
    [
      {
        toString() {
          throw new Error('toString');
        },
      },
    ],
    {
      toJSON() {
        throw new Error('toJSON');
      },
    },
    Object.create(null),
  ];
  for (const value of hostile) assert.equal(typeof labelValue(value), 'string');
});

test('any value at all gives a bounded, well-formed text', () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true, withTypedArray: true }),
      (value) => {
        const text = labelValue(value);
        assert.ok(text.length <= MAX_LABEL_VALUE && text.isWellFormed() && !text.includes('\0'));
      },
    ),
    { numRuns: 300 },
  );
});

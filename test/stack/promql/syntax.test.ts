import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ParseError } from '../../../lib/stack/query/promql/errors.ts';
import { durationText, parseDuration, quote, unquote } from '../../../lib/stack/query/promql/syntax/literals.ts';
import { parseExpression } from '../../../lib/stack/query/promql/syntax/parser.ts';
import { prettify } from '../../../lib/stack/query/promql/syntax/prettify.ts';
import { expressionText } from '../../../lib/stack/query/promql/syntax/printer.ts';
import { FORMS, MISTAKES } from './expressions.ts';

test('an expression is printed in its normal form', () => {
  for (const [query, text] of Object.entries(FORMS)) {
    assert.equal(expressionText(parseExpression(query)), text, query);
    assert.equal(expressionText(parseExpression(text)), text, `${query}, again`);
  }
});

test('a long expression is laid out over lines', () => {
  const names = 'x'.repeat(30);
  assert.equal(
    prettify(parseExpression(`sum by (a) (rate(${names}_total{b="${names}"}[5m])) / (${names} + topk(3, ${names}))`)),
    [
      '  sum by (a) (rate(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_total{b="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}[5m]))',
      '/',
      '  (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx + topk(3, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx))',
    ].join('\n'),
  );
  assert.equal(prettify(parseExpression(' up ')), 'up');
});

test('a mistake is named with its place, in Prometheus’s words', () => {
  for (const [query, message] of Object.entries(MISTAKES)) {
    assert.throws(
      () => parseExpression(query),
      (error) => {
        assert.ok(error instanceof ParseError);
        assert.equal(error.message, message, query);
        return true;
      },
    );
  }
});

test('an expression may be long and deep, up to a bound', () => {
  const nested = (depth: number): string => `${'('.repeat(depth)}1${')'.repeat(depth)}`;
  parseExpression(nested(499));
  assert.throws(() => parseExpression(nested(500)), /nested deeper than 500/);
  const long = (length: number): string => `x${' '.repeat(length - 1)}`;
  parseExpression(long(65_536));
  assert.throws(() => parseExpression(long(65_537)), /expression too long: got 65537 characters/);
});

test('durations are read and written', () => {
  for (const [text, millis] of [
    ['1y2w3d4h5m6s7ms', 33_019_506_007],
    ['0', 0],
    ['90m', 5_400_000],
  ] as const)
    assert.equal(parseDuration(text), millis, text);
  assert.equal(durationText(parseDuration('90m')), '1h30m');
  assert.equal(durationText(parseDuration('14d')), '2w');
  assert.equal(durationText(parseDuration('15d')), '15d');
  assert.equal(durationText(0), '0s');
  for (const text of ['', '5', 'm', '5m5m', '5s5m', '1.5h', '5x', '99999999y'])
    assert.throws(() => parseDuration(text), { message: /duration/ }, text);
});

test('strings are read and written as Go does', () => {
  assert.equal(unquote(String.raw`"\x41\101\u00e9\U0001F600\n\\"`), 'AAé😀\n\\');
  assert.equal(unquote(String.raw`"\xc3\xa9"`), 'é');
  assert.equal(quote(unquote(String.raw`"a\xc5z"`)), String.raw`"a\xc5z"`);
  assert.equal(quote('a"b\\c\n\u0001'), String.raw`"a\"b\\c\n\x01"`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMatcher } from '../../lib/stack/query/label-matcher.ts';
import { compileRe2 } from '../../lib/stack/query/regular-expression.ts';

test('an expression of RE2 matches what RE2 matches', () => {
  const cases: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
    ['a|b', ['a', 'b'], ['ab', '']],
    ['a.c', ['abc', 'a\nc'], ['ac']],
    ['(?i)a[b-d]E', ['ABE', 'ade'], ['abf']],
    ['(?i:a)B', ['aB', 'AB'], ['ab']],
    ['(?-s:.)', ['x'], ['\n']],
    ['[[:alpha:]_]+', ['aZ_'], ['a1', 'é']],
    ['[^[:digit:]x]', ['a', 'é'], ['1', 'x']],
    [String.raw`\d+\s\w`, ['12 a', '1\tb'], ['١ a', '1\u00a0a', '1\va']],
    [String.raw`\D[\S]`, ['aé'], ['1a', 'a ']],
    [String.raw`\pL\p{Greek}`, ['aα'], ['1α']],
    [String.raw`\Qa.b\E+`, ['a.bb'], ['axb']],
    [String.raw`\x41\x{1F600}\101`, ['A😀A'], []],
    ['(?P<x>a)(?<y>b)', ['ab'], []],
    ['a{2}{', ['aa{'], []],
    ['x{,3}', ['x{,3}'], ['xx']],
    [']a-[-b]', [']a--', ']a-b'], []],
    [String.raw`\Aab\z|^c$`, ['ab', 'c'], ['abc']],
    ['a+?b??', ['aa', 'ab'], ['b']],
    ['/-"', ['/-"'], []],
    ['', [''], ['a']],
  ];
  for (const [pattern, matches, others] of cases) {
    const expression = compileRe2(pattern, { anchored: true, dotAll: true });
    for (const text of matches) assert.ok(expression.test(text), `${pattern} matches ${JSON.stringify(text)}`);
    for (const text of others) assert.ok(!expression.test(text), `${pattern} does not match ${JSON.stringify(text)}`);
  }
});

test('what RE2 does not have is refused, in Go’s words', () => {
  for (const [pattern, reason] of [
    ['(', 'missing closing ): `(`'],
    [')', 'unexpected ): `)`'],
    ['[a', 'missing closing ]: `[a`'],
    ['*', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator: `**`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'],
    ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['(?<!a)', 'invalid or unsupported Perl syntax: `(?<`'],
    [String.raw`(a)\1`, 'invalid escape sequence: `\\1`'],
    ['[z-a]', 'invalid character class range: `z-a`'],
    ['[[:nope:]]', 'invalid character class range: `[:nope:]`'],
  ] as const)
    assert.throws(
      () => compileRe2(pattern, { anchored: true, dotAll: true }),
      { name: 'SyntaxError', message: `error parsing regexp: ${reason}` },
      pattern,
    );
});

test('a matcher of a regular expression is anchored; a missing label is empty', () => {
  const test_ = (operator: '=~' | '!~', value: string) => compileMatcher({ name: 'x', operator, value });
  assert.ok(test_('=~', 'a|bc')('bc') && !test_('=~', 'a|bc')('abc'));
  assert.ok(test_('=~', '.*')('') && !test_('=~', '.+')(''));
  assert.ok(test_('!~', 'a')('b') && !test_('!~', 'a|b')('b'));
});

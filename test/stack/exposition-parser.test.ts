import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExposition } from '../../lib/stack/ingest/exposition-parser.ts';

test('OpenMetrics with exemplars, escapes and time stamps', () => {
  const page = [
    '# HELP x_seconds A \\"help\\" with\\nlines.',
    '# TYPE x_seconds histogram',
    '# UNIT x_seconds seconds',
    'x_seconds_bucket{le="1"} 2 # {trace_id="abc",span_id="d\\"}e"} 0.5 1520879607.789',
    'x_seconds_bucket{path="/a\\\\b\\"{c},d=\\n",le="+Inf"} 3 1520879608.5',
    'x_seconds_count 3',
    'y NaN',
    'z{} -Inf',
    '# EOF',
  ].join('\n');
  const { families, samples } = parseExposition(`${page}\n`, 'openmetrics');
  assert.deepEqual(families, [
    { name: 'x_seconds', type: 'histogram', help: 'A "help" with\nlines.', unit: 'seconds' },
  ]);
  assert.deepEqual(samples[0], {
    labels: { __name__: 'x_seconds_bucket', le: '1.0' },
    value: 2,
    timestamp: undefined,
    exemplar: { labels: { trace_id: 'abc', span_id: 'd"}e' }, value: 0.5, timestamp: 1_520_879_607_789 },
  });
  assert.deepEqual(samples[1]!.labels, { __name__: 'x_seconds_bucket', path: '/a\\b"{c},d=\n', le: '+Inf' });
  assert.equal(samples[1]!.timestamp, 1_520_879_608_500);
  assert.deepEqual(
    samples.slice(3).map((sample) => sample.value),
    [Number.NaN, Number.NEGATIVE_INFINITY],
  );
});

test('text 0.0.4: milliseconds, blank lines, comments, trailing commas', () => {
  const { samples } = parseExposition('# a comment\n\nx{a="1",} 4 1520879607789\n  \ny 1e3\n', 'text');
  assert.deepEqual(
    samples.map((sample) => [sample.labels, sample.value, sample.timestamp]),
    [
      [{ __name__: 'x', a: '1' }, 4, 1_520_879_607_789],
      [{ __name__: 'y' }, 1000, undefined],
    ],
  );
});

const BROKEN: readonly [string, 'text' | 'openmetrics', RegExp][] = [
  ['x 1\n', 'openmetrics', /does not end with # EOF/],
  ['# EOF\nx 1\n', 'openmetrics', /line 2: data after # EOF/],
  ['x\n', 'text', /line 1: not a sample/],
  ['x{a="1" 1\n', 'text', /not a sample/],
  ['x{a=1} 1\n', 'text', /not a label/],
  ['x{a="1" b="2"} 1\n', 'text', /not a label/],
  ['x{a="1",a="2"} 1\n', 'text', /label a twice/],
  ['x one\n', 'text', /not a number/],
  ['x 0x10\n', 'text', /not a number/],
  ['# TYPE x bogus\n', 'text', /unknown type/],
  ['x 1 # {a="b"} 1\n', 'text', /exemplars belong to OpenMetrics/],
  [`x 1 # {a="${'b'.repeat(128)}"} 1\n# EOF\n`, 'openmetrics', /more than 128 characters/],
];

test('one broken line fails the whole page', () => {
  for (const [page, format, reason] of BROKEN) assert.throws(() => parseExposition(page, format), reason, page);
  assert.doesNotThrow(() => parseExposition(`x 1 # {a="${'b'.repeat(127)}"} 1\n# EOF\n`, 'openmetrics'));
});

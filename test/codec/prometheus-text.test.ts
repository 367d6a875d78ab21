import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ExpositionFormat } from '../../lib/codec/prometheus-text.ts';
import {
  familyEncoder,
  formatValue,
  OPENMETRICS_END,
  openMetricsFamilyName,
  sampleNames,
} from '../../lib/codec/prometheus-text.ts';
import type { MetricFamily, MetricPoint } from '../../lib/model/metric-points.ts';
import { parsePage } from '../metrics/page-parser.ts';

function write(family: MetricFamily, format: ExpositionFormat, plain = false): string {
  const encoder = familyEncoder(family, format, plain);
  return (
    encoder.head +
    [...family.points].map((point) => encoder.encode(point)).join('') +
    (format === 'openmetrics' ? OPENMETRICS_END : '')
  );
}

function family(
  type: MetricFamily['type'],
  name: string,
  points: readonly MetricPoint[],
  unit = '',
  help = 'Help.',
): MetricFamily {
  return { name, type, help, unit, points };
}

function number(value: number, labels: Readonly<Record<string, string>> = {}): MetricPoint {
  return {
    kind: 'number',
    labelNames: Object.keys(labels),
    labelValues: Object.values(labels),
    value,
    exemplar: undefined,
  };
}

test('golden: a histogram in both formats', () => {
  const point: MetricPoint = {
    kind: 'histogram',
    labelNames: ['route'],
    labelValues: ['/a'],
    bounds: [0.25, 1],
    bucketCounts: [2, 0, 1],
    sum: 3.5,
    exemplars: [{ labelNames: ['trace_id'], labelValues: ['abc'], value: 0.2, timeSeconds: 1.5 }, undefined, undefined],
  };
  const histogram = family('histogram', 'wait_seconds', [point], 'seconds');
  assert.equal(
    write(histogram, 'text'),
    `# HELP wait_seconds Help.
# TYPE wait_seconds histogram
wait_seconds_bucket{route="/a",le="0.25"} 2
wait_seconds_bucket{route="/a",le="1"} 2
wait_seconds_bucket{route="/a",le="+Inf"} 3
wait_seconds_sum{route="/a"} 3.5
wait_seconds_count{route="/a"} 3
`,
  );
  assert.equal(
    write(histogram, 'openmetrics'),
    `# HELP wait_seconds Help.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{route="/a",le="0.25"} 2 # {trace_id="abc"} 0.2 1.500
wait_seconds_bucket{route="/a",le="1.0"} 2
wait_seconds_bucket{route="/a",le="+Inf"} 3
wait_seconds_sum{route="/a"} 3.5
wait_seconds_count{route="/a"} 3
# EOF
`,
  );
});

test('golden: OpenMetrics takes the suffix off the family', () => {
  assert.equal(
    write(family('counter', 'x_seconds_total', [number(1)], 'seconds'), 'openmetrics'),
    '# HELP x_seconds Help.\n# TYPE x_seconds counter\n# UNIT x_seconds seconds\nx_seconds_total 1\n# EOF\n',
  );
  assert.equal(
    write(family('info', 'target_info', [number(1, { a: 'b' })]), 'openmetrics'),
    '# HELP target Help.\n# TYPE target info\ntarget_info{a="b"} 1\n# EOF\n',
  );
  assert.equal(
    write(family('info', 'target_info', [number(1)]), 'text'),
    '# HELP target_info Help.\n# TYPE target_info gauge\ntarget_info 1\n',
  );
});

test('a counter without _total keeps its name in both formats', () => {
  const counter = family('counter', 'requests', [number(1)]);
  assert.match(write(counter, 'text'), /# TYPE requests counter\nrequests 1\n/);
  assert.match(write(counter, 'openmetrics'), /# TYPE requests unknown\nrequests 1\n/);
  assert.equal(openMetricsFamilyName(counter), 'requests');
  assert.match(
    write(family('counter', 'x_total', [number(1)]), 'openmetrics', true),
    /# TYPE x_total unknown\nx_total 1\n/,
  );
});

test('numbers read back as the same double', () => {
  assert.deepEqual([0, -0, 1e21, 1e-7, Infinity, -Infinity, Number.NaN, 0.1].map(formatValue), [
    '0',
    '0',
    '1e+21',
    '1e-7',
    '+Inf',
    '-Inf',
    'NaN',
    '0.1',
  ]);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => Number(formatValue(value)) === value),
  );
});

test('exemplars: only where they may be, and never longer than 128 code points', () => {
  const exemplar = (length: number) => ({
    labelNames: ['id'],
    labelValues: ['x'.repeat(length)],
    value: 1,
    timeSeconds: undefined,
  });
  const counter = (length: number) =>
    family('counter', 'x_total', [
      { kind: 'number', labelNames: [], labelValues: [], value: 1, exemplar: exemplar(length) },
    ]);
  assert.match(write(counter(126), 'openmetrics'), /x_total 1 # \{id="x{126}"\} 1\n/);
  assert.match(write(counter(127), 'openmetrics'), /x_total 1\n/);
  assert.match(write(counter(5), 'text'), /x_total 1\n/);
  const gauge = family('gauge', 'x', [
    { kind: 'number', labelNames: [], labelValues: [], value: 1, exemplar: exemplar(5) },
  ]);
  assert.match(write(gauge, 'openmetrics'), /x 1\n/);
});

test('sample names of a family', () => {
  assert.deepEqual(sampleNames({ name: 'lat', type: 'histogram' }), ['lat', 'lat_bucket', 'lat_sum', 'lat_count']);
  assert.deepEqual(sampleNames({ name: 'lat_count', type: 'counter' }), ['lat_count']);
});

const anyText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\0', ''));
const labelsOf = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((name) => name !== 'le' && name !== 'quantile'),
  anyText,
  { maxKeys: 4 },
);

for (const format of ['text', 'openmetrics'] as const) {
  test(`fuzz, ${format}: whatever the labels and the help hold, the page reads back the same`, () => {
    fc.assert(
      fc.property(
        labelsOf,
        anyText,
        fc.double(),
        fc.constantFrom('counter', 'gauge') as fc.Arbitrary<'counter' | 'gauge'>,
        (labels, help, value, type) => {
          const name = type === 'counter' ? 'x_total' : 'x';
          const parsed = parsePage(write(family(type, name, [number(value, labels)], '', help), format), format);
          const read = parsed.get(format === 'openmetrics' ? 'x' : name);
          assert.equal(read?.help, help);
          assert.equal(read?.samples.length, 1);
          assert.deepEqual({ ...read?.samples[0]?.labels }, { ...labels });
          assert.ok(Object.is(read?.samples[0]?.value, value === 0 ? 0 : value));
        },
      ),
      { numRuns: 500 },
    );
  });
}

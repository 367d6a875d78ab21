import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE } from '../../lib/model/catalogue.ts';
import { type ConventionType, rightLabel, rightName, violations } from '../../lib/model/conventions.ts';
import { RUNTIME_METRICS } from '../../lib/model/runtime-metrics.ts';
import { available } from '../backends/directory.ts';
import { promtoolCheckMetrics } from '../backends/prometheus.ts';

function shape(name: string, type: ConventionType, labels: readonly string[] = [], help = 'Help.') {
  return { name, type, help, labels };
}

/** Name, type, labels, the rules it breaks, the name to use. */
const CASES: [string, ConventionType, string[], string[], string?][] = [
  ['orders_created_total', 'counter', ['kind'], []],
  ['latency_seconds', 'histogram', [], []],
  ['queue_depth', 'gauge', [], []],
  ['orders_created', 'counter', [], ['counter-total', 'created-suffix'], 'orders_created_total'],
  ['latency_ms', 'histogram', [], ['unit-abbreviation'], 'latency_seconds'],
  ['latency_milliseconds', 'histogram', [], ['base-unit'], 'latency_seconds'],
  ['latencyMs', 'histogram', [], ['snake-case'], 'latency_seconds'],
  ['request_time_millis', 'histogram', [], ['unit-abbreviation'], 'request_time_seconds'],
  ['uptime_hours', 'gauge', [], ['base-unit'], 'uptime_seconds'],
  ['heap_kb', 'gauge', [], ['unit-abbreviation'], 'heap_bytes'],
  ['disk_megabytes', 'gauge', [], ['base-unit'], 'disk_bytes'],
  ['wait_ms_total', 'counter', [], ['unit-abbreviation'], 'wait_seconds_total'],
  ['queue_total', 'gauge', [], ['total-counter'], 'queue'],
  ['jobs_count', 'gauge', [], ['reserved-suffix'], 'jobs'],
  ['jobs_sum', 'counter', [], ['counter-total', 'reserved-suffix'], 'jobs_total'],
  ['jobs_counter', 'counter', [], ['counter-total', 'type-in-name'], 'jobs_total'],
  ['lag_histogram_seconds', 'histogram', [], ['type-in-name'], 'lag_seconds'],
  ['app:jobs_total', 'counter', [], ['characters'], 'app_jobs_total'],
  ['Jobs_total', 'counter', [], ['snake-case'], 'jobs_total'],
  ['jobs__done_total', 'counter', [], ['snake-case'], 'jobs_done_total'],
  ['9jobs_total', 'counter', [], ['characters'], 'jobs_total'],
  ['jobs_by_kind_total', 'counter', ['kind'], ['label-in-name'], 'jobs_total'],
  ['x_total', 'counter', ['orderKind'], ['label']],
  ['x_total', 'counter', ['le'], ['label']],
  ['x_total', 'counter', ['__name__'], ['label']],
  ['x_total', 'counter', ['job'], ['label']],
  ['x_total', 'counter', ['a', 'a'], ['label']],
];

test('each rule and the name to use instead', () => {
  for (const [name, type, labels, rules, right] of CASES) {
    assert.deepEqual(
      violations(shape(name, type, labels)).map(({ rule }) => rule),
      rules,
      name,
    );
    if (right !== undefined) assert.equal(rightName(shape(name, type, labels)), right, name);
  }
  assert.deepEqual(
    violations(shape('x_total', 'counter', [], ' ')).map(({ rule }) => rule),
    ['help'],
  );
  assert.equal(rightName(shape('???', 'gauge')), undefined);
  assert.equal(rightLabel('orderKind'), 'order_kind');
  assert.equal(rightLabel('le'), undefined);
});

test('our own metrics break no rule', () => {
  for (const { prometheus, type, help, labels } of [...Object.values(CATALOGUE), ...RUNTIME_METRICS]) {
    assert.deepEqual(violations({ name: prometheus, type, help, labels }), [], prometheus);
  }
});

test('what promtool refuses, the rules refuse', { skip: available('promtool') }, async () => {
  const words = [
    'jobs',
    'queue',
    'seconds',
    'milliseconds',
    'minutes',
    'days',
    'weeks',
    'bytes',
    'kilobytes',
    'gibibytes',
    'bits',
    'calories',
    'kelvins',
    'fahrenheit',
    'inches',
    'pounds',
    'total',
    'count',
    'sum',
    'bucket',
    'counter',
    'gauge',
    'histogram',
    'summary',
    's',
    'ms',
    'us',
    'ns',
    'sec',
    'b',
    'kb',
    'mb',
    'gb',
    'tb',
    'pb',
    'm',
    'h',
    'd',
    'meters',
    'metres',
    'volts',
    'ratio',
    'info',
    'camelCase',
  ];
  const names = new Map<string, ConventionType>();
  for (const type of ['counter', 'gauge'] as const) {
    for (const word of words) {
      for (const name of [`a_${word}`, `a_${word}_b`, `a_${word}_total`, `${word}_a`])
        names.set(`${type}_${name}`.replace(/^(counter|gauge)_/, type === 'counter' ? 'c' : 'g'), type);
    }
  }
  const page = [...names].map(([name, type]) => `# HELP ${name} Help.\n# TYPE ${name} ${type}\n${name} 1\n`).join('');
  const { output } = await promtoolCheckMetrics(page);
  const refused = new Set(
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ')[0] as string),
  );
  assert.ok(refused.size > 50, 'promtool has something to say');
  const missed = [...refused].filter((name) => violations(shape(name, names.get(name) ?? 'gauge')).length === 0);
  assert.deepEqual(missed, []);
  const onlyOurs = [...names.keys()].filter(
    (name) => !refused.has(name) && violations(shape(name, names.get(name) as ConventionType)).length > 0,
  );
  assert.deepEqual(onlyOurs, [], 'and no rule is made up for these');
});

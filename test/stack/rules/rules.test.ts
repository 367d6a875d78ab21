import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packagedRules, withPackagedRules } from '../../../lib/stack/rules/packaged-rules.ts';
import { readRuleFile } from '../../../lib/stack/rules/rule-file.ts';
import { RuleManager } from '../../../lib/stack/rules/rule-manager.ts';
import { compileTemplate, TemplateMistake } from '../../../lib/stack/rules/template.ts';
import { SqliteStore } from '../../../lib/stack/store/sqlite-store.ts';
import type { Store } from '../../../lib/stack/store/store.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const START = 1_790_000_000_000;
const SECOND = 1000;

async function openStore(path?: string): Promise<SqliteStore> {
  return SqliteStore.open({ path, maxAgeMillis: 86_400_000, maxBytes: 512 * 1024 ** 2, now: () => START });
}

function managerOf(store: Store, rules: string): RuleManager {
  const groups = readRuleFile(`groups:\n- name: g\n  rules:\n${rules}`, { file: 'f', intervalMillis: 10 * SECOND });
  return new RuleManager({ store, groups, now: () => START });
}

async function put(store: Store, seconds: number, value: number): Promise<void> {
  const labels = { __name__: 'depth', queue: 'mail' };
  await store.appendMetrics({ families: [], samples: [{ labels, value, timestamp: START + seconds * SECOND }] });
}

async function valuesOf(store: Store, query: string, seconds: number): Promise<Record<string, number>> {
  const at = START + seconds * SECOND;
  const answer = await store.promql({ query, start: at, end: at, step: 0 });
  assert.ok(answer.ok && answer.value.type === 'vector');
  return Object.fromEntries(answer.value.series.map(({ labels, values }) => [labels['alertstate'] ?? '', values[0]!]));
}

test('an alert is pending, fires after its time, keeps firing, and its series end', async () => {
  const store = await openStore();
  const rules = managerOf(store, '  - {alert: Deep, expr: depth > 5, for: 20s, keep_firing_for: 20s}\n');
  const states: [number, number, Record<string, number>][] = [
    // Nothing is told before earlier alerts were looked up.
    [0, 9, {}],
    [10, 9, {}],
    [19, 9, { pending: 1 }],
    [20, 9, { firing: 1 }],
    [30, 1, { firing: 1 }],
    [49, 1, { firing: 1 }],
    [50, 1, {}],
    [60, 9, { pending: 1 }],
    [70, 1, {}],
  ];
  for (const [seconds, value, expected] of states) {
    await put(store, seconds, value);
    await rules.evaluateAt(START + seconds * SECOND);
    assert.deepEqual(await valuesOf(store, 'ALERTS', seconds), expected, `after ${seconds} s`);
  }
  await store.close();
});

test('after a restart an alert goes on from where it was; the time that nobody looked does not count', async () => {
  const path = join(temporaryDirectory('rules'), 'stack.db');
  const text = '  - {alert: Deep, expr: depth > 5, for: 60s}\n';
  let store = await openStore(path);
  let rules = managerOf(store, text);
  for (let seconds = 0; seconds <= 40; seconds += 10) {
    await put(store, seconds, 9);
    await rules.evaluateAt(START + seconds * SECOND);
  }
  await rules.close();
  await store.close();

  store = await openStore(path);
  rules = managerOf(store, text);
  const stateAt = async (seconds: number) => {
    await put(store, seconds, 9);
    await rules.evaluateAt(START + seconds * SECOND);
    return rules.groups()[0]!.rules[0]!.alerting!.active()[0];
  };
  assert.equal((await stateAt(130))?.activeAt, START + 130 * SECOND, 'not looked up yet');
  // Active since 0, last told of at 40: 100 s without anyone who looked.
  assert.equal((await stateAt(140))?.activeAt, START + 100 * SECOND);
  assert.equal((await stateAt(159))?.state, 'pending');
  assert.equal((await stateAt(160))?.state, 'firing');
  await rules.close();
  await store.close();
});

test('limits and repeated label sets fail a rule by name; the others go on', async () => {
  const store = await openStore();
  await store.appendMetrics({
    families: [],
    samples: ['a', 'b'].map((queue) => ({ labels: { __name__: 'depth', queue }, value: 1, timestamp: START })),
  });
  const text =
    '  - {record: one, expr: depth, labels: {queue: same}}\n  - {record: two, expr: depth}\n  - {alert: A, expr: depth, labels: {queue: same}}\n  - {record: fine, expr: sum(depth)}\n';
  const rules = managerOf(store, text);
  await rules.evaluateAt(START);
  const [group] = rules.groups();
  assert.deepEqual(
    group!.rules.map(({ health, lastError }) => [health, lastError]),
    [
      ['err', 'vector contains metrics with the same labelset after applying rule labels'],
      ['ok', ''],
      ['err', 'vector contains metrics with the same labelset after applying alert labels'],
      ['ok', ''],
    ],
  );
  const limited = readRuleFile('groups:\n- {name: g, limit: 1, rules: [{record: two, expr: depth}]}\n', {
    file: 'f',
    intervalMillis: SECOND,
  });
  const second = new RuleManager({ store, groups: limited, now: () => START });
  await second.evaluateAt(START);
  assert.equal(second.groups()[0]!.rules[0]!.lastError, 'exceeded limit of 1 with 2 series');
  await store.close();
});

test('the packaged rules are read whole and evaluate over nothing; a group of the user takes their place', async () => {
  const groups = packagedRules();
  assert.ok(groups.flatMap(({ rules }) => rules).length > 40);
  const own = { ...groups[0]!, file: 'mine' };
  assert.deepEqual(
    withPackagedRules([own]).filter(({ name }) => name === own.name),
    [own],
  );
  const store = await openStore();
  const rules = new RuleManager({ store, groups, now: () => START });
  await rules.evaluateAt(START);
  for (const { config, rules: states } of rules.groups())
    for (const { health, lastError } of states) assert.equal(health, 'ok', `${config.name}: ${lastError}`);
  await store.close();
});

test('templates: what is not supported is told when they are read', () => {
  const data = { labels: { a: 'x:9' }, externalLabels: {}, externalUrl: 'http://s', value: -0.00123 };
  const table: [string, string][] = [
    ['{{ humanize $value }}|{{ humanize 0.0 }}|{{ humanize1024 2048.0 }}', '-1.23m|0|2ki'],
    [
      '{{ humanizeDuration $value }}|{{ humanizeDuration 59.5 }}|{{ humanizeDuration 3600.0 }}',
      '-1.23ms|59.5s|1h 0m 0s',
    ],
    ['{{ humanizeTimestamp 1435065584.128 }}', '2015-06-23 13:19:44.128 +0000 UTC'],
    ['{{ stripPort $labels.a }} {{ $externalURL }} {{ or "" "b" | printf "%3s" }}', 'x http://s   b'],
    ['{{ printf "%d %s" $value }}', '%!d(float64=-0.00123) %!s(MISSING)'],
    ['{{ printf "%.1f %.0f %.3g" 0.25 2.5 1234.5 }}', '0.2 2 1.23e+03'],
    ['a {{- " b " -}} c', 'a b c'],
  ];
  for (const [text, expected] of table) assert.equal(compileTemplate(text)(data), expected, text);
  const refused = [
    '{{ range $labels }}',
    '{{ $x := 1 }}',
    '{{ template "x" }}',
    '{{ end }}',
    '{{ if 1 }}',
    '{{ "a" b }}',
    '{{',
    '{{ humanize }}',
    '{{ }}',
    '{{ with 1 }}{{ end }}',
    `{{ ${'('.repeat(5000)} }}`,
  ];
  for (const text of refused) assert.throws(() => compileTemplate(text), TemplateMistake, text);
});

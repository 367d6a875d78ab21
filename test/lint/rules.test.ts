/** Each rule on rules of Prometheus finds what it is made for; ours break none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lintRules } from '../../lib/lint/lint-rules.ts';
import { readRules, unfoldBlocks } from '../../lib/lint/rules-file.ts';

const folder = fileURLToPath(new URL('../../dashboards/json/rules', import.meta.url));

const GOOD = `groups:
  - name: shop
    rules:
      - record: job:http_requests:rate5m
        expr: sum by (job) (rate(http_server_request_duration_seconds_count[5m]))
      - alert: TargetGone
        expr: |
          up == 0
          and on (job) job:http_requests:rate5m > 1
        for: 5m
        labels:
          severity: page
        annotations:
          summary: "{{ $labels.instance }} is gone"
          description: 'It does not answer.'
          runbook_url: https://example.org/runbooks/TargetGone
`;

/** Code, the text in `GOOD` that is replaced, by what, and the line that is named. */
const CASES: readonly (readonly [code: string, from: string, to: string, line: number])[] = [
  ['yaml', '  - name: shop', '\t- name: shop', 2],
  ['schema', 'groups:', 'other:', 1],
  ['record-name', 'record: job:http_requests:rate5m', 'record: requests_rate', 4],
  ['alert-name', 'TargetGone\n', 'target_gone\n', 6],
  ['rule-kind', 'alert: TargetGone\n', 'name: TargetGone\n', 1],
  ['annotation', '          runbook_url: https://example.org/runbooks/TargetGone\n', '', 6],
  ['severity', 'severity: page', 'team: shop', 6],
  ['promql', 'up == 0', 'up = 0', 7],
  ['always-fires', 'up == 0\n          and on (job) job:http_requests:rate5m > 1', 'up', 7],
  ['template-label', 'up == 0', 'max by (job) (up) == 0', 6],
  ['metric-name', 'http_server_request_duration_seconds_count', 'http_server_requests_total', 5],
  ['counter', 'up == 0', 'orders_total > 5', 7],
  ['query-cost', 'up == 0', '{job=~".+"} == 0', 7],
  [
    'rule-twice',
    '      - alert: TargetGone',
    '      - record: job:http_requests:rate5m\n        expr: up\n      - alert: TargetGone',
    6,
  ],
];

suite('each rule', () => {
  assert.deepEqual(lintRules(GOOD), []);
  for (const [code, from, to, line] of CASES) {
    test(code, () => {
      assert.ok(GOOD.includes(from));
      const found = lintRules(GOOD.replace(from, to));
      const finding = found.find((one) => one.code === code);
      assert.ok(finding, found.map((one) => one.code).join(', '));
      assert.equal(finding.line, line);
      assert.ok(finding.message !== '' && finding.fix !== '');
    });
  }
});

test('our own rules break none; the alerts need the records of the other file', () => {
  const [recording, alerts] = ['recording.yml', 'alerts.yml'].map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  const records = readRules(recording ?? '').map(({ record }) => record);
  assert.ok(records.length > 20);
  assert.deepEqual(lintRules(recording ?? ''), []);
  assert.deepEqual(lintRules(alerts ?? '', records), []);
});

test('the file of Prometheus, the resource of Kubernetes, and JSON are read alike', () => {
  const rules = readRules(GOOD);
  const plain = rules.map(({ alert, record, expr }) => [alert, record, expr]);
  const indented = `kind: PrometheusRule\nspec:\n${GOOD.replace(/^/gm, '  ')}`;
  assert.deepEqual(
    readRules(indented).map(({ alert, record, expr }) => [alert, record, expr]),
    plain,
  );
  const json = JSON.stringify({
    groups: [
      { name: 'shop', rules: rules.map(({ alert, record, expr }) => (alert ? { alert, expr } : { record, expr })) },
    ],
  });
  assert.deepEqual(
    readRules(json).map(({ alert, record, expr }) => [alert, record, expr]),
    plain,
  );
});

test('block scalars keep their text, and everything its line', () => {
  const yaml = 'a: |\n  one\n    two\n\n  three\nb: >-\n  four\n  five\nc: 1';
  const unfolded = unfoldBlocks(yaml).split('\n');
  assert.equal(unfolded.length, yaml.split('\n').length);
  assert.equal(unfolded[0], 'a: "one\\n  two\\n\\nthree\\n"');
  assert.equal(unfolded[5], 'b: "four five"');
  assert.equal(unfolded[8], 'c: 1');
});

test('docs/lint.md has every code', () => {
  const page = readFileSync(new URL('../../docs/lint.md', import.meta.url), 'utf8');
  for (const [code] of CASES) assert.ok(page.includes(`\`${code}\``), code);
});

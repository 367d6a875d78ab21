/** The rules in Prometheus's own hands: promtool checks them and runs each alert against series made for it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONFIG, ruleGroups } from '../../lib/dashboards/index.ts';
import { isKnownName } from '../../lib/dashboards/names.ts';
import type { AlertRule } from '../../lib/dashboards/rules/group.ts';
import { rulesFile } from '../../lib/dashboards/rules/yaml.ts';
import { parseExpression } from '../../lib/stack/query/promql/syntax/parser.ts';
import { available, backendPath } from '../backends/directory.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type AlertCase, BURN_CASES, CASES } from './alert-cases.ts';
import { DASHBOARDS, selectorsOf } from './queries.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FILES = ['recording.yml', 'alerts.yml'].map((name) => join(root, 'dashboards/json/rules', name));
const GROUPS = ruleGroups(DEFAULT_CONFIG);
const RULES = GROUPS.flatMap(({ rules }) => rules);
const ALERTS = RULES.filter((rule): rule is AlertRule => 'alert' in rule);
const RECORDED = RULES.flatMap((rule) => ('record' in rule ? [rule.record] : []));

const objectives = (group: string): boolean => group.startsWith('sightline-objectives');
const others = (group: string): boolean => !objectives(group) && group !== 'sightline-requests';

function promtool(...parameters: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(backendPath('promtool'), [...parameters], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, output: stdout + stderr });
    });
  });
}

function testOf({ alert, what, series, firing, by = 'job' }: AlertCase): object {
  return {
    name: `${alert}: ${what}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: Object.entries(firing).map(([minute, labels]) => ({
      expr: `count by (${by.replace(' ', ', ')}) (ALERTS{alertname="${alert}", alertstate="firing"})`,
      eval_time: `${minute}m`,
      exp_samples: labels.map((label) => {
        const values = label.split(' ');
        return { labels: `{${by.split(' ').map((name, at) => `${name}="${values[at]}"`)}}`, value: 1 };
      }),
    })),
  };
}

/** promtool's verdict over cases, with the groups that they need: it evaluates all there are. JSON is YAML. */
async function verdict(cases: readonly AlertCase[], wanted: (group: string) => boolean): Promise<string> {
  const directory = temporaryDirectory('rules');
  const [rules, file] = [join(directory, 'rules.yml'), join(directory, 'tests.json')];
  writeFileSync(
    rules,
    rulesFile(
      GROUPS.filter(({ name }) => wanted(name)),
      DEFAULT_CONFIG,
    ),
  );
  writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '30s', tests: cases.map(testOf) }));
  const { code, output } = await promtool('test', 'rules', file);
  return code === 0 ? '' : output;
}

suite('promtool', { skip: available('promtool') }, () => {
  test('finds nothing wrong with the rules', async () => {
    const { code, output } = await promtool('check', 'rules', '--lint=all', '--lint-fatal', ...FILES);
    assert.equal(code, 0, output);
  });
  test('each alert fires, does not fire and ends as it should', async () => {
    assert.equal(await verdict(CASES, others), '');
  });
  test('a test that expects what is not so fails', async () => {
    const [first] = CASES;
    assert.match(await verdict([{ ...first!, firing: { 3: ['shop'] } }], others), /FAILED/);
  });
  test('the burn-rate alerts by their four windows, and not below a minimum of traffic', async () => {
    assert.equal(await verdict(BURN_CASES, objectives), '');
  });
  test('the texts of an alert are filled in', async () => {
    const file = join(temporaryDirectory('rules'), 'tests.json');
    const expected = {
      exp_labels: { severity: 'page', job: 'shop', instance: 'shop:9470' },
      exp_annotations: {
        summary: 'shop on shop:9470 does not answer the scraper',
        description: ALERTS.find(({ alert }) => alert === 'TargetDown')?.description,
        runbook_url: `${DEFAULT_CONFIG.runbookUrl}/TargetDown.md`,
        dashboard_url: `${DEFAULT_CONFIG.grafanaUrl}/d/sightline-services?var-job=shop`,
      },
    };
    const one = {
      interval: '1m',
      input_series: [{ series: 'up{job="shop",instance="shop:9470"}', values: '0x9' }],
      alert_rule_test: [{ eval_time: '5m', alertname: 'TargetDown', exp_alerts: [expected] }],
    };
    writeFileSync(file, JSON.stringify({ rule_files: FILES, tests: [one] }));
    const { code, output } = await promtool('test', 'rules', file);
    assert.equal(code, 0, output);
  });
});

test('every alert is tested for firing, for silence, and for its end', () => {
  for (const { alert } of ALERTS) {
    const cases = [...CASES, ...BURN_CASES].filter((one) => one.alert === alert);
    const counts = cases.map(({ firing }) => Object.values(firing).map((labels) => labels.length));
    assert.ok(
      counts.flat().some((count) => count > 0),
      `${alert} fires`,
    );
    if (alert === 'Watchdog') continue;
    assert.ok(counts.flat().includes(0), `${alert} does not fire`);
    assert.ok(
      counts.some((one) => one.at(-1)! < Math.max(...one)),
      `${alert} ends`,
    );
  }
});

test('rules read only what somebody emits, and records that come before them', () => {
  const before = new Set<string>();
  for (const rule of RULES) {
    for (const { name } of selectorsOf(parseExpression(rule.expr)))
      assert.ok(isKnownName(name) || before.has(name), `${name} in ${'alert' in rule ? rule.alert : rule.record}`);
    if ('record' in rule) before.add(rule.record);
  }
  // The long windows are recorded in a group of their own; all are there.
  assert.equal(new Set(RECORDED).size, RECORDED.length);
});

test('every alert leads to a dashboard and to a runbook, and every runbook to an alert', () => {
  const index = readFileSync(join(root, 'docs/runbooks/README.md'), 'utf8');
  for (const { alert, dashboard } of ALERTS) {
    assert.ok(
      DASHBOARDS.some(({ uid }) => uid === `sightline-${dashboard}`),
      dashboard,
    );
    const page = join(root, 'docs/runbooks', `${alert}.md`);
    assert.ok(existsSync(page), page);
    const text = readFileSync(page, 'utf8');
    for (const heading of [`# ${alert}`, '## What it means', '## What to look at', '## What to do'])
      assert.ok(text.includes(`${heading}\n`), `${alert}: ${heading}`);
    assert.match(text, /\.\.\/dashboards\.md#/, `${alert} links to a dashboard`);
    assert.ok(index.includes(`(${alert}.md)`), alert);
  }
});

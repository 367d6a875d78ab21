/** Each rule on dashboards finds what it is made for in a dashboard that was good before, at its place; ours break none. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONFIG, dashboards } from '../../lib/dashboards/index.ts';
import { readConfiguration } from '../../lib/lint/exclusions.ts';
import { jsonPositions, lineAndColumn } from '../../lib/lint/json-positions.ts';
import { lintDashboard } from '../../lib/lint/lint-dashboard.ts';

const folder = fileURLToPath(new URL('../../dashboards/json', import.meta.url));
const GOOD = dashboards(DEFAULT_CONFIG).find(({ uid }) => uid === 'sightline-runtime');
/** Anything may be changed. */
type Any = any;

function changed(change: (dashboard: Any) => void): string {
  const copy = JSON.parse(JSON.stringify(GOOD));
  change(copy);
  return JSON.stringify(copy, null, 2);
}

const graph = ({ panels }: Any): Any => panels.find(({ type }: Any) => type === 'timeseries');
const variable = ({ templating }: Any, name: string): Any => templating.list.find((one: Any) => one.name === name);
const query = (dashboard: Any, expr: string): void => {
  graph(dashboard).targets[0].expr = expr;
};
const loki = (dashboard: Any, expr: string): void => {
  graph(dashboard).targets[0].datasource.type = 'loki';
  query(dashboard, expr);
};
const SELECTED = 'job=~"$job", instance=~"$instance"';

/** Code, what breaks it, and a part of the line that is named. */
const CASES: readonly (readonly [code: string, change: (dashboard: Any) => void, line: RegExp])[] = [
  ['template-datasource-rule', (d) => (variable(d, 'prometheus_datasource').name = 'source'), /"source"/],
  ['template-job-rule', (d) => (variable(d, 'job').multi = false), /\{/],
  ['template-job-rule', (d) => (variable(d, 'job').label = 'Service'), /\{/],
  ['template-instance-rule', (d) => (variable(d, 'instance').allValue = '.*'), /\{/],
  ['template-instance-rule', (d) => (variable(d, 'instance').name = 'node'), /templating/],
  ['template-label-promql-rule', (d) => (variable(d, 'job').query.query = 'label_values(up{, job)'), /query/],
  ['template-label-promql-rule', (d) => (variable(d, 'job').query.query = 'values(up, job)'), /query/],
  ['template-on-time-change-reload-rule', (d) => (variable(d, 'job').refresh = 1), /\{/],
  ['panel-datasource-rule', (d) => (graph(d).datasource.uid = 'prom-1'), /\{/],
  ['panel-title-description-rule', (d) => (graph(d).description = ''), /\{/],
  ['panel-units-rule', (d) => (graph(d).fieldConfig.defaults.unit = 'seconds'), /\{/],
  ['panel-no-targets-rule', (d) => delete graph(d).targets, /\{/],
  ['target-logql-rule', (d) => loki(d, 'rate({app="a"[5m])'), /expr/],
  ['target-logql-auto-rule', (d) => loki(d, 'rate({app="a"}[5m])'), /expr/],
  ['target-promql-rule', (d) => query(d, 'sum(rate('), /"expr": "sum\(rate\("/],
  ['target-rate-interval-rule', (d) => query(d, `rate(process_cpu_seconds_total{${SELECTED}}[5m])`), /expr/],
  ['target-job-rule', (d) => query(d, 'nodejs_heap_size_used_bytes{instance=~"$instance"}'), /expr/],
  ['target-instance-rule', (d) => query(d, 'nodejs_heap_size_used_bytes{job=~"$job"}'), /expr/],
  ['target-counter-agg-rule', (d) => query(d, 'process_cpu_seconds_total'), /expr/],
  ['uneditable-dashboard', (d) => (d.editable = true), /"editable": true/],
  ['uid', (d) => (d.uid = 'short'), /"uid": "short"/],
  ['panel-id', (d) => (graph(d).id = 1), /\{/],
  ['ref-id', (d) => (graph(d).targets[1].refId = 'A'), /\{/],
  ['grid', (d) => (graph(d).gridPos.x = 20), /\{/],
  ['grid', (d) => (graph(d).gridPos.y += 1), /\{/],
  ['blank-panel', (d) => (graph(d).targets = []), /\{/],
  [
    'blank-panel',
    (d) => d.panels.push({ type: 'text', id: 99, title: 't', description: 't', gridPos: { x: 0, y: 99, w: 1, h: 1 } }),
    /\{/,
  ],
  ['panel-description', (d) => delete graph(d).description, /\{/],
  ['unused-variable', (d) => d.templating.list.push({ name: 'zone', type: 'custom' }), /\{/],
  ['undefined-variable', (d) => query(d, `nodejs_heap_size_used_bytes{${SELECTED}, zone="$zone"}`), /templating/],
  ['renderer', (d) => (graph(d).type = 'geomap'), /\{/],
  ['renderer', (d) => (graph(d).transformations = [{ id: 'calculateField' }]), /\{/],
  ['metric-name', (d) => query(d, `nodejs_heap_used_bytes{${SELECTED}}`), /expr/],
  ['query-cost', (d) => query(d, `{${SELECTED}}`), /expr/],
  ['query-cost', (d) => query(d, `max_over_time(rate(up{${SELECTED}}[$__rate_interval])[7d:1m])`), /expr/],
  ['query-cost', (d) => query(d, `max_over_time(up{${SELECTED}}[7d])`), /expr/],
];

suite('each rule', () => {
  assert.deepEqual(lintDashboard(changed(() => {})), []);
  for (const [at, [code, change, expected]] of CASES.entries()) {
    test(`${code} ${at}`, () => {
      const text = changed(change);
      const found = lintDashboard(text).find((finding) => finding.code === code);
      assert.ok(
        found,
        lintDashboard(text)
          .map((finding) => finding.code)
          .join(', '),
      );
      const line = text.split('\n')[found.line - 1] ?? '';
      assert.match(line.slice(found.column - 1), /^\S/, 'the column is that of a value');
      assert.match(line, expected);
      assert.ok(found.message !== '' && found.fix !== '');
    });
  }
  test('all 17 of dashboard-linter are there', () => {
    const codes = new Set(CASES.slice(0, 20).map(([code]) => code));
    assert.equal(codes.size, 17, [...codes].join(', '));
  });
});

test('what is no dashboard is said, not thrown', () => {
  const codes = (text: string): string[] => lintDashboard(text).map(({ code }) => code);
  assert.deepEqual(codes('{'), ['json']);
  assert.deepEqual(codes('[]'), ['schema']);
  assert.deepEqual(codes('{"spec":{"elements":{}}}'), ['schema']);
  assert.deepEqual(codes(`{"panels":${'['.repeat(1000)}${']'.repeat(1000)}}`), ['json']);
  for (const text of [
    '{"panels":[null,1,"a",{"targets":[null,{}]}],"templating":{"list":[null]}}',
    '{"rows":[{"panels":[{}]}]}',
  ])
    assert.ok(codes(text).length > 0);
});

test('exclusions are those of dashboard-linter: by rule, dashboard and panel', () => {
  const text = changed((d) => (graph(d).fieldConfig.defaults.unit = 'seconds'));
  const { title } = graph(GOOD);
  const units = (yaml: string): string[] =>
    lintDashboard(text, readConfiguration(yaml))
      .filter(({ code }) => code === 'panel-units-rule')
      .map(({ severity }) => severity);
  const entry = (panel: string): string =>
    `exclusions:\n  panel-units-rule:\n    reason: because\n    entries:\n      - dashboard: ${JSON.stringify(GOOD?.title)}\n        panel: ${JSON.stringify(panel)}\n`;
  assert.deepEqual(units('exclusions:\n'), ['error']);
  assert.deepEqual(units('exclusions:\n  panel-units-rule:\n'), []);
  assert.deepEqual(units(entry(title)), []);
  assert.deepEqual(units(entry('another')), ['error']);
  assert.deepEqual(units('warnings:\n  panel-units-rule:\n'), ['warning']);
  assert.throws(() => readConfiguration('exclusions:\n\t- a'), /line 2/);
});

test('our own dashboards break no rule, in either build', () => {
  for (const directory of [folder, join(folder, 'share')]) {
    const configuration = readConfiguration(readFileSync(join(directory, '.lint'), 'utf8'));
    const files = readdirSync(directory).filter((name) => name.endsWith('.json'));
    assert.equal(files.length, 12);
    for (const name of files)
      assert.deepEqual(lintDashboard(readFileSync(join(directory, name), 'utf8'), configuration), [], name);
  }
});

test('positions in JSON', () => {
  const text = '{\n  "a\\"b": [1, {"c": "}]"}],\n  "d": -1.5e3 }';
  const positions = jsonPositions(text);
  const at = (path: string): string => text.slice(positions.get(path)).slice(0, 4);
  assert.deepEqual(['a"b', 'a"b/0', 'a"b/1/c', 'd'].map(at), ['[1, ', '1, {', '"}]"', '-1.5']);
  assert.deepEqual(lineAndColumn(text, positions.get('d') ?? 0), { line: 3, column: 8 });
});

test('docs/lint.md has every code', () => {
  const page = readFileSync(new URL('../../docs/lint.md', import.meta.url), 'utf8');
  for (const [code] of CASES) assert.ok(page.includes(`\`${code}\``), code);
});

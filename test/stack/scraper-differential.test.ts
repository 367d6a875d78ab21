/** One configuration, one set of targets that change, vanish and repeat: a real Prometheus and the local stack agree. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { readPrometheusConfig } from '../../lib/stack/config/prometheus-config.ts';
import { available } from '../backends/directory.ts';
import { startPrometheus } from '../backends/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { runningStack } from './running-stack.ts';
import { type ScriptedTarget, scriptedTarget } from './scripted-target.ts';

const RELABEL = `
    - {source_labels: [__name__], regex: 'gone_.*', action: drop}
    - {source_labels: [__name__, a], separator: '@', regex: '(x)@(.*)', target_label: joined, replacement: '\${2}-$1-$$'}
    - {source_labels: [a], regex: 'one', target_label: a_b}
    - {regex: 'long_(.*)', action: labelmap, replacement: 'short_$1'}
    - {regex: 'secret.*', action: labeldrop}
    - {source_labels: [a], target_label: shard, modulus: 7, action: hashmod}
    - {source_labels: [mixed], target_label: lower, action: lowercase}
    - {source_labels: [mixed], target_label: upper, action: uppercase}
    - {source_labels: [left], target_label: right, action: keepequal}
    - {source_labels: [left2], target_label: right2, action: dropequal}
    - {source_labels: [a], regex: 'erased', target_label: a, replacement: ''}`;

function configOf(address: string, directory: string): string {
  const targets = `static_configs: [{targets: ['${address}'], labels: {zone: eu}}]`;
  return `
global:
  scrape_interval: 500ms
  evaluation_interval: 500ms
  external_labels: {cluster: c1}
rule_files: ['${directory}/rules.yml']
scrape_configs:
- job_name: plain
  metrics_path: /plain
  ${targets}
- job_name: honest
  metrics_path: /conflict
  honor_labels: true
  params: {module: [a, b]}
  ${targets}
- job_name: renamed
  metrics_path: /conflict
  ${targets}
- job_name: limited
  metrics_path: /plain
  sample_limit: 2
  ${targets}
- job_name: labels
  metrics_path: /plain
  label_value_length_limit: 3
  ${targets}
- job_name: relabelled
  metrics_path: /relabel
  ${targets}
  metric_relabel_configs:${RELABEL}
- job_name: broken
  metrics_path: /broken
  ${targets}
- job_name: kept
  metrics_path: /plain
  static_configs: [{targets: ['${address}', 'nobody.invalid:1'], labels: {__param_x: 'y', __meta_team: a}}]
  relabel_configs:
  - {source_labels: [__address__], regex: 'nobody.*', action: drop}
  - {regex: '__meta_(.*)', action: labelmap}
- job_name: files
  metrics_path: /plain
  file_sd_configs: [{files: ['${directory}/targets/*.json'], refresh_interval: 500ms}]
- job_name: http
  metrics_path: /plain
  http_sd_configs: [{url: 'http://${address}/sd', refresh_interval: 500ms}]
- job_name: keeponly
  metrics_path: /keep
  ${targets}
  metric_relabel_configs: [{regex: '__name__|job|instance|a', action: labelkeep}, {source_labels: [a], regex: 'one', action: keep}]
- job_name: untyped
  metrics_path: /untyped
  ${targets}
- job_name: timed
  metrics_path: /timed
  honor_timestamps: false
  ${targets}
`;
}

const RULES = `
groups:
- name: numbers
  rules:
  - {record: 'job:x:sum', expr: 'sum by (job) (x{job="plain"})', labels: {level: job, zone: ''}}
  - {record: 'two', expr: 'vector(2) * 3'}
  - {record: 'collides', expr: 'label_replace(x{job="plain"}, "a", "", "", "")', labels: {a: same}}
- name: alerts
  labels: {group: g}
  rules:
  - alert: High
    expr: x{job="plain"} > 10
    for: 1s
    keep_firing_for: 2s
    labels: {severity: '{{ if gt $value 100.0 }}page{{ else }}ticket{{ end }}'}
    annotations:
      plain: 'value {{ $value }} of {{ $labels.a }} {{ $labels.none }} in {{ $externalLabels.cluster }}'
      human: '{{ $value | humanize }} {{ humanize1024 $value }} {{ $value | humanizePercentage }} {{ humanizeDuration $value }}'
      printf: '{{ printf "%.2f %5.1f|%-8s|%q %d %s %v" $value $value $labels.a $labels.job 3 $value 1e7 }}'
      trimmed: "a {{- $labels.a -}} b {{ .Labels.job | toUpper }} {{/* nothing */}}{{ .Value }}"
      logic: '{{ if and (eq $labels.a "one") (lt $value 1e9) }}yes{{ else if ne $labels.a "two" }}no{{ else }}two{{ end }} {{ $labels }}'
      texts: '{{ title $labels.job }} {{ reReplaceAll "o(n)" "<$1>" $labels.a }} {{ match "^t" $labels.a }}'
  - {alert: Absent, expr: 'absent(x{job="plain"})', for: 1h}
  - {alert: Down, expr: 'up == 0', labels: {severity: low}}
`;

/** How Prometheus stores histograms: there is no choice here. */
const NATIVE_HISTOGRAMS = /^__.*_histograms_/;
const VOLATILE = /^(?:scrape_duration_seconds|scrape_series_added)$/;

async function api(url: string, path: string): Promise<any> {
  const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { data?: unknown; error?: string };
  if (answer.data === undefined) throw new Error(answer.error);
  return answer.data;
}

function withoutMoment(answer: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).filter(([name]) => name !== 'evaluationTime' && name !== 'lastEvaluation'),
  );
}

/** All that is there now: series with values, targets, rules and alerts, without what depends on the moment. */
async function pictureOf(url: string): Promise<Record<string, unknown>> {
  const { result } = await api(url, `query?query=${encodeURIComponent('{__name__=~".+"}')}`);
  const series = (result as { metric: Record<string, string>; value: [number, string] }[])
    .filter(({ metric }) => !VOLATILE.test(metric['__name__']!))
    .map(({ metric, value }) => {
      const text = JSON.stringify(Object.entries(metric).sort(([one], [other]) => (one < other ? -1 : 1)));
      return `${text} ${metric['__name__'] === 'ALERTS_FOR_STATE' ? 'since' : value[1]}`;
    })
    .sort();
  const { activeTargets, droppedTargets } = await api(url, 'targets');
  const targets = (activeTargets as any[])
    .map(({ discoveredLabels, labels, scrapePool, scrapeUrl, health, lastError, scrapeInterval, scrapeTimeout }) =>
      JSON.stringify({
        labels: Object.entries(labels).sort(),
        discovered: Object.entries(discoveredLabels)
          .filter(([name]) => !NATIVE_HISTOGRAMS.test(name))
          .sort(),
        scrapePool,
        scrapeUrl,
        health,
        failed: lastError !== '',
        scrapeInterval,
        scrapeTimeout,
      }),
    )
    .sort();
  const dropped = (droppedTargets as any[]).map(({ discoveredLabels }) =>
    Object.entries(discoveredLabels)
      .filter(([name]) => !NATIVE_HISTOGRAMS.test(name))
      .sort(),
  );
  const told = ({ labels, annotations, state, value }: any): unknown => ({ labels, annotations, state, value });
  const byText = (one: unknown, other: unknown) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
  const { groups } = await api(url, 'rules');
  const rules = (groups as any[]).map((group) => ({
    ...withoutMoment(group),
    rules: group.rules.map((rule: any) => ({
      ...withoutMoment(rule),
      ...(rule.alerts !== undefined && { alerts: rule.alerts.map(told).sort(byText) }),
    })),
  }));
  const { alerts } = await api(url, 'alerts');
  return { series, targets, dropped, rules, alerts: (alerts as any[]).map(told).sort(byText) };
}

const BIG = 'x{a="one"} 1234567.25\nx{a="two"} 12\n';

/** What the targets do, step by step; after each, both must come to the same picture. */
const STEPS: readonly [string, (target: ScriptedTarget, directory: string) => void][] = [
  [
    'all is well',
    (target, directory) => {
      target.set('/plain', '# TYPE x gauge\nx{a="one"} 1\nx{a="two"} 2\nx{a="two"} 3\ny 5\n');
      target.set('/conflict', 'x{job="mine",instance="",exported_job="other",zone="us"} 1\n');
      target.set(
        '/relabel',
        'x{a="one",long_name="v",secret_a="s",mixed="AbC",left="1",right="1",left2="1"} 1\ngone_x 1\nx{a="erased",left2="3"} 2\nx{a="z",left="q",left2="4"} 3\nx{a="z",left2="5",right2="5"} 4\n',
      );
      target.set('/broken', 'x 1\ny{a="b" 2\n');
      target.set('/keep', 'x{a="one",b="two"} 1\nx{a="two",b="two"} 1\n');
      target.set('/untyped', { body: 'x 1\n', type: 'application/unknown' });
      target.set('/timed', 'x 1 1000\n');
      target.set('/sd', {
        body: JSON.stringify([{ targets: [target.address], labels: { from: 'sd' } }]),
        type: 'application/json',
      });
      writeFileSync(
        join(directory, 'targets', 'a.json'),
        JSON.stringify([{ targets: [target.address], labels: { from: 'file' } }]),
      );
    },
  ],
  ['alerts fire', (target) => target.set('/plain', BIG)],
  ['a series is gone', (target) => target.set('/plain', 'x{a="two"} 150\n')],
  ['the page fails', (target) => target.set('/plain', { status: 503 })],
  [
    'it is back, and discovered targets are gone',
    (target, directory) => {
      target.set('/plain', 'x{a="one"} 7\n');
      target.set('/sd', { body: '[]', type: 'application/json' });
      writeFileSync(join(directory, 'targets', 'a.json'), '[]');
    },
  ],
];

test('the same series, staleness, targets, rules and alerts as in a real Prometheus', {
  skip: available('prometheus'),
  timeout: 400_000,
}, async (t) => {
  const directory = temporaryDirectory('scraper');
  mkdirSync(join(directory, 'targets'));
  await using target = await scriptedTarget();
  STEPS[0]![1](target, directory);
  writeFileSync(join(directory, 'rules.yml'), RULES);
  const config = configOf(target.address, directory);
  writeFileSync(join(directory, 'prometheus.yml'), config);
  const prometheus = await startPrometheus({ config });
  t.after(() => prometheus.stop());
  const { jobs, rules, externalLabels } = readPrometheusConfig(join(directory, 'prometheus.yml'));
  await using stack = await runningStack({ jobs, rules, externalLabels });
  for (const [name, change] of STEPS) {
    change(target, directory);
    let pictures: readonly Record<string, unknown>[] = [];
    let settled = 0;
    await eventually(
      `agreement when ${name}`,
      async () => {
        pictures = await Promise.all([prometheus.url, `${stack.url}/prometheus`].map(pictureOf));
        settled = isDeepStrictEqual(pictures[0], pictures[1]) ? settled + 1 : 0;
        // Over several scrapes and evaluations: no agreement by chance while both change.
        return settled >= 4 || undefined;
      },
      { timeoutMillis: 60_000, pauseMillis: 400 },
    ).catch((error: unknown) => {
      assert.deepEqual(pictures[1], pictures[0], name);
      throw error;
    });
  }
  assert.ok(target.requests.some(({ query }) => query === 'module=a&module=b'));
});

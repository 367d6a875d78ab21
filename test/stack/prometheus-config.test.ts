import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPrometheusConfig } from '../../lib/stack/config/prometheus-config.ts';
import { readYaml } from '../../lib/stack/config/yaml-subset.ts';
import { discoverTargets } from '../../lib/stack/ingest/scrape-targets.ts';

const directory = mkdtempSync(join(tmpdir(), 'sightline-config-'));
const path = join(directory, 'prometheus.yml');
after(() => rmSync(directory, { recursive: true, force: true }));

function read(text: string) {
  writeFileSync(path, text);
  return readPrometheusConfig(path);
}

test('static and file targets with their labels, path, scheme, interval and relabelling', () => {
  writeFileSync(join(directory, 'more.json'), JSON.stringify([{ targets: ['c:1'], labels: { team: 'x' } }]));
  writeFileSync(join(directory, 'more.yml'), '- targets: [d:2, e:3]\n  labels: {team: y}\n');
  const { jobs } = read(`
# How often
global:
  scrape_interval: 15s # of all jobs
scrape_configs:
  - job_name: "shop"
    metrics_path: /internal/metrics
    scheme: https
    scrape_interval: 1m30s
    params:
      module: [http, "2xx"]
    static_configs:
      - targets: ['a:9470', "b:9470"]
        labels:
          environment: 'it''s'
  - job_name: more
    file_sd_configs:
    - files:
      - mor*.json
      - more.yml
    relabel_configs:
      - source_labels: [__address__]
        regex: e:.*
        action: drop
      - {source_labels: [__meta_filepath], regex: '.*/(.+)', target_label: file}
`);
  const { active, dropped } = discoverTargets(jobs, assert.fail);
  assert.deepEqual(
    active.map(({ url, labels, pool, intervalMillis, timeoutMillis }) => [
      url,
      labels,
      pool,
      intervalMillis,
      timeoutMillis,
    ]),
    [
      [
        'https://a:9470/internal/metrics?module=http&module=2xx',
        { job: 'shop', instance: 'a:9470', environment: "it's" },
        'shop',
        90_000,
        10_000,
      ],
      [
        'https://b:9470/internal/metrics?module=http&module=2xx',
        { job: 'shop', instance: 'b:9470', environment: "it's" },
        'shop',
        90_000,
        10_000,
      ],
      ['http://c:1/metrics', { job: 'more', instance: 'c:1', team: 'x', file: 'more.json' }, 'more', 15_000, 10_000],
      ['http://d:2/metrics', { job: 'more', instance: 'd:2', team: 'y', file: 'more.yml' }, 'more', 15_000, 10_000],
    ],
  );
  assert.deepEqual(
    dropped.map(({ pool, discovered }) => [pool, discovered['__address__']]),
    [['more', 'e:3']],
  );
});

test('what would change the outcome and is not read is an error with its line, never left out in silence', () => {
  const job = 'scrape_configs:\n- job_name: x\n';
  const table: [string, RegExp][] = [
    [`${job}  tls_config: {}\n`, /prometheus\.yml:3: a scrape_config: tls_config is not supported/],
    [`${job}  kubernetes_sd_configs: []\n`, /:3: .*kubernetes_sd_configs is not supported/],
    [`${job}  relabel_configs:\n  - action: shout\n`, /:4: unknown relabel action "shout"/],
    [`${job}  relabel_configs:\n  - regex: '('\n    target_label: a\n`, /:4: error parsing regexp: missing closing \)/],
    [`${job}  relabel_configs:\n  - action: hashmod\n    target_label: a\n`, /:4: .*requires a modulus/],
    [`${job}  metric_relabel_configs:\n  - source_labels: [a]\n`, /:4: .*requires 'target_label'/],
    [`${job}  file_sd_configs:\n  - files: ['a.txt']\n`, /:4: path name "a\.txt" is not valid/],
    [`${job}  http_sd_configs:\n  - url: ftp://x\n`, /:4: URL scheme must be/],
    [`${job}  scrape_interval: soon\n`, /:3: scrape_interval: not a valid duration string: "soon"/],
    [`${job}  scrape_timeout: 2m\n`, /:3: scrape timeout greater than scrape interval/],
    [`${job}  honor_labels: maybe\n`, /:3: honor_labels must be true or false/],
    [`${job}  sample_limit: -1\n`, /:3: sample_limit must be a number/],
    [`${job}  scrape_protocols: [PrometheusProto]\n`, /:3: scrape_protocols: PrometheusProto is not supported/],
    [`${job}- job_name: x\n`, /:3: found multiple scrape configs with job name "x"/],
    ['global:\n  query_log_file: x\n', /:2: global: query_log_file is not supported/],
    ['remote_write: []\n', /:1: the file: remote_write is not supported/],
    ['scrape_configs:\n- static_configs: []\n', /job_name must be a text/],
    ['scrape_configs: 5\n', /:1: scrape_configs must be a list/],
    ['a: &anchor x\n', /:1: &anchor x… is not supported/],
    ['a: {b: c\n', /:1: \{b: c… has no end/],
    ['a: 1\na: 2\n', /:2: key a twice/],
    ['a:\n\tb: 1\n', /:2: got a tab/],
    ['a: 1\n    b: 2\n', /:2: unexpected indentation/],
    ['just text\n', /:1: got "just text", wanted key: value/],
    ['a: "open\n', /:1: got a broken quoted text/],
  ];
  for (const [text, reason] of table) assert.throws(() => read(text), reason, text);
  const { notes } = read('alerting:\n  alertmanagers: []\n');
  assert.match(notes.join('\n'), /prometheus\.yml:1: alerting is not needed/);
});

test('mistakes of rule files are told with file and line', () => {
  const rule = (text: string) => {
    writeFileSync(join(directory, 'bad.rules.yml'), `groups:\n- name: g\n  rules:\n${text}`);
    return () => read('rule_files: ["*.rules.yml"]\n');
  };
  const table: [string, RegExp][] = [
    ['  - alert: A\n    expr: up ==\n', /bad\.rules\.yml:5: could not parse expression: 1:6: parse error/],
    ['  - record: a\n    expr: up[5m]\n', /:5: rule result is not a vector or scalar/],
    ['  - record: a b\n    expr: up\n', /:4: invalid recording rule name/],
    ['  - record: a\n    alert: b\n    expr: up\n', /:4: only one of/],
    ['  - expr: up\n', /:4: one of/],
    ['  - record: a\n    expr: up\n    for: 5m\n', /:6: a rule: for is not supported/],
    [
      '  - alert: A\n    expr: up\n    annotations:\n      text: \'{{ query "up" }}\'\n',
      /:7: annotations: text: query is not supported/,
    ],
    ['  - alert: A\n    expr: up\n    labels:\n      a-b: x\n', /invalid label name: a-b/],
  ];
  for (const [text, reason] of table) assert.throws(rule(text), reason, text);
  assert.equal(rule('  - record: a\n    expr: >-\n      up\n      + 1\n')().rules[0]!.rules[0]!.query, 'up + 1');
});

test('the YAML that such files are written in', () => {
  assert.deepEqual(readYaml('a:\n- b: 1\n  c:\n  - x\n  - "y: #z"\n- d\n-\n  e: ~\nurl: http://h:1/#x\nf: []\ng:\n'), {
    a: [{ b: '1', c: ['x', 'y: #z'] }, 'd', { e: null }],
    url: 'http://h:1/#x',
    f: [],
    g: null,
  });
  assert.deepEqual(
    readYaml(
      'a: |\n  one: 1\n    two # no comment\n\nb: >-\n  folded\n  text\n\n  next\nc: plain\n  goes on # here\nd: {x: [1, "}"], y: {}}\ne: [\n  1,\n  2 # two\n]\nf: "\\u0041\\n"\n',
    ),
    {
      a: 'one: 1\n  two # no comment\n',
      b: 'folded text\nnext',
      c: 'plain goes on',
      d: { x: ['1', '}'], y: {} },
      e: ['1', '2'],
      f: 'A\n',
    },
  );
  const json = { a: ['b', { c: 'd:e', 'f g': null }], empty: [] };
  assert.deepEqual(readYaml(JSON.stringify(json)), json);
  assert.deepEqual(readYaml(JSON.stringify(json, null, 2)), json);
  assert.equal(readYaml(''), null);
  assert.throws(() => readYaml('['.repeat(5000) + ']'.repeat(5000)), /line 1: got more than 64 levels/);
  assert.throws(() => readYaml(`${'- '.repeat(5000)}a\n`), /line 1: got more than 64 levels/);
});

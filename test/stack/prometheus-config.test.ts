import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPrometheusConfig } from '../../lib/stack/ingest/prometheus-config.ts';
import { readYaml } from '../../lib/stack/ingest/yaml-subset.ts';

const directory = mkdtempSync(join(tmpdir(), 'sightline-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function read(text: string) {
  const path = join(directory, 'prometheus.yml');
  writeFileSync(path, text);
  return readPrometheusConfig(path);
}

test('static and file targets with their labels, path and scheme', () => {
  writeFileSync(join(directory, 'more.json'), JSON.stringify([{ targets: ['c:1'], labels: { team: 'x' } }]));
  const targets = read(`
# How often
global:
  scrape_interval: 15s # not ours
scrape_configs:
  - job_name: "shop"
    metrics_path: /internal/metrics
    scheme: https
    static_configs:
      - targets: ['a:9470', "b:9470"]
        labels:
          environment: 'it''s'
  - job_name: more
    file_sd_configs:
    - files:
      - more.json
rule_files: []
`);
  assert.deepEqual(targets, [
    {
      url: 'https://a:9470/internal/metrics',
      labels: { job: 'shop', instance: 'a:9470', environment: "it's" },
      pool: 'shop',
    },
    {
      url: 'https://b:9470/internal/metrics',
      labels: { job: 'shop', instance: 'b:9470', environment: "it's" },
      pool: 'shop',
    },
    { url: 'http://c:1/metrics', labels: { job: 'more', instance: 'c:1', team: 'x' }, pool: 'more' },
  ]);
});

test('what would change the outcome and is not read is an error, never left out in silence', () => {
  const job = 'scrape_configs:\n- job_name: x\n';
  const table: [string, RegExp][] = [
    [`${job}  relabel_configs: []\n`, /job x: relabel_configs is not supported/],
    [`${job}  basic_auth: {}\n`, /job x: basic_auth is not supported/],
    [`${job}  kubernetes_sd_configs: []\n`, /kubernetes_sd_configs is not supported/],
    [`${job}  file_sd_configs:\n  - files: ['*.yml']\n`, /\*\.yml is not supported/],
    ['remote_write: []\n', /remote_write is not supported/],
    ['scrape_configs:\n- static_configs: []\n', /job_name must be a text/],
    ['scrape_configs: 5\n', /scrape_configs must be a list/],
    ['a: &anchor x\n', /line 1: &anchor x… is not supported/],
    ['a: |\n  text\n', /line 1: \|… is not supported/],
    ['a: {b: c}\n', /line 1: \{b: c\}… is not supported/],
    ['a: 1\na: 2\n', /line 2: key a twice/],
    ['a:\n\tb: 1\n', /line 2: got a tab/],
    ['a: 1\n    b: 2\n', /line 2: unexpected indentation/],
    ['just text\n', /line 1: got "just text", wanted key: value/],
    ['a: "open\n', /line 1: got a broken quoted text/],
  ];
  for (const [text, reason] of table) assert.throws(() => read(text), reason, text);
});

test('the YAML that such files are written in', () => {
  assert.deepEqual(readYaml('a:\n- b: 1\n  c:\n  - x\n  - "y: #z"\n- d\n-\n  e: ~\nurl: http://h:1/#x\nf: []\ng:\n'), {
    a: [{ b: '1', c: ['x', 'y: #z'] }, 'd', { e: null }],
    url: 'http://h:1/#x',
    f: [],
    g: null,
  });
  assert.equal(readYaml(''), null);
});

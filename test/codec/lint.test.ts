import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintMetrics } from '../../lib/codec/lint/lint-metrics.ts';

function codes(text: string, format: 'text' | 'openmetrics' = 'text'): string[] {
  const [result] = lintMetrics([{ source: 'page', text, format }]);
  return [...new Set((result?.findings ?? []).map(({ code }) => code))].sort();
}

function gauge(name: string, samples = `${name} 1`): string {
  return `# HELP ${name} Help.\n# TYPE ${name} gauge\n${samples}\n`;
}

const HISTOGRAM = '# HELP h_seconds Help.\n# TYPE h_seconds histogram\n';
const LONG = 'x'.repeat(130);

/** Rule, a page that breaks it and no other. */
const BROKEN: readonly (readonly [code: string, page: string, format?: 'openmetrics'])[] = [
  // No scraper reads these.
  ['line-end', gauge('a').slice(0, -1)],
  ['metric-name', `${gauge('a')}9a 1\n`],
  ['label-name', gauge('a', 'a{9="1"} 1')],
  ['label-twice', gauge('a', 'a{b="1",b="2"} 1')],
  ['label-reserved', gauge('a', 'a{__name__="1"} 1')],
  ['label-value', gauge('a', 'a{b=1} 1')],
  ['escape', gauge('a', 'a{b="\\x"} 1')],
  ['value', gauge('a', 'a one')],
  ['timestamp', gauge('a', 'a 1 1.5')],
  ['spurious', gauge('a', 'a 1 2 3')],
  ['bound', `${HISTOGRAM}h_seconds_bucket{le="x"} 1\n`],
  ['type', '# HELP a Help.\n# TYPE a gouge\n'],
  ['type-twice', `${gauge('a')}# TYPE a gauge\n`],
  ['help-twice', `${gauge('a')}# HELP a Help.\n`],
  ['eof', gauge('a'), 'openmetrics'],
  ['eof', `${gauge('a')}# EOF\na 1\n`, 'openmetrics'],
  ['blank-line', `${gauge('a')}\n# EOF\n`, 'openmetrics'],
  ['comment', `# a comment\n${gauge('a')}# EOF\n`, 'openmetrics'],
  ['counter-suffix', '# HELP a Help.\n# TYPE a counter\na 1\n# EOF\n', 'openmetrics'],
  ['interleaved', `${gauge('a')}${gauge('b')}a{c="d"} 1\n# EOF\n`, 'openmetrics'],
  ['unit-twice', '# UNIT a_bytes bytes\n# UNIT a_bytes bytes\n# EOF\n', 'openmetrics'],
  ['unit-suffix', '# UNIT a_bytes seconds\n# EOF\n', 'openmetrics'],
  ['exemplar', `${gauge('a', 'a 1 # x')}# EOF\n`, 'openmetrics'],
  // promtool.
  ['help', '# TYPE a gauge\na 1\n'],
  ['base-unit', gauge('uptime_hours')],
  ['counter-total', '# HELP jobs Help.\n# TYPE jobs counter\njobs 1\n'],
  ['total-counter', gauge('jobs_total')],
  ['reserved-suffix', gauge('jobs_count')],
  ['le-label', gauge('a', 'a{le="1"} 1')],
  ['quantile-label', gauge('a', 'a{quantile="1"} 1')],
  ['type-in-name', gauge('jobs_gauge')],
  ['colon', gauge('job:jobs')],
  ['camel-case', gauge('jobsDone')],
  ['camel-case', gauge('jobs', 'jobs{orderKind="1"} 1')],
  ['unit-abbreviation', gauge('heap_kb')],
  ['duplicate-series', gauge('a', 'a{b="1"} 1\na{b="1"} 2')],
  [
    'duplicate-series',
    `${HISTOGRAM}h_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_sum 1\nh_seconds_count 1\n`,
  ],
  // OpenMetrics, in either format.
  ['histogram-bound', `${HISTOGRAM}h_seconds_bucket 1\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_count 1\n`],
  ['histogram-inf', `${HISTOGRAM}h_seconds_bucket{le="1"} 1\nh_seconds_count 1\n`],
  ['histogram-order', `${HISTOGRAM}h_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_count 1\n`],
  ['histogram-count', `${HISTOGRAM}h_seconds_bucket{le="+Inf"} 1\nh_seconds_count 2\n`],
  ['counter-value', '# HELP jobs_total Help.\n# TYPE jobs_total counter\njobs_total -1\n'],
  ['info-value', '# HELP a Help.\n# TYPE a info\na_info{b="c"} 2\n# EOF\n', 'openmetrics'],
  ['stateset-value', '# HELP a Help.\n# TYPE a stateset\na{a="c"} 2\n# EOF\n', 'openmetrics'],
  ['stateset-label', '# HELP a Help.\n# TYPE a stateset\na{b="c"} 1\n# EOF\n', 'openmetrics'],
  ['unit-forbidden', '# HELP a_bytes Help.\n# TYPE a_bytes info\n# UNIT a_bytes bytes\n# EOF\n', 'openmetrics'],
  ['quantile', '# HELP a_seconds Help.\n# TYPE a_seconds summary\na_seconds{quantile="2"} 1\n'],
  [
    'exemplar-outside',
    `${HISTOGRAM}h_seconds_bucket{le="1"} 1 # {trace_id="a"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_count 1\n# EOF\n`,
    'openmetrics',
  ],
  ['exemplar-place', `${gauge('a', 'a 1 # {trace_id="a"} 2')}# EOF\n`, 'openmetrics'],
  ['exemplar-length', `# HELP a Help.\n# TYPE a counter\na_total 1 # {b="${LONG}"} 2\n# EOF\n`, 'openmetrics'],
  [
    'name-clash',
    `# HELP a Help.\n# TYPE a counter\na_total 1\n# HELP a_total Help.\n# TYPE a_total unknown\n# EOF\n`,
    'openmetrics',
  ],
  // Ours.
  ['snake-case', gauge('jobs__done')],
  ['unit-abbreviation', gauge('wait_millis')],
  ['created-suffix', gauge('jobs_created')],
  ['label-in-name', gauge('jobs_by_kind', 'jobs_by_kind{kind="a"} 1')],
  ['label', gauge('jobs', 'jobs{Kind="a"} 1')],
  ['cardinality', gauge('jobs', Array.from({ length: 1001 }, (_, at) => `jobs{kind="k${at}"} 1`).join('\n'))],
  ['label-id', gauge('jobs', Array.from({ length: 10 }, (_, at) => `jobs{customer="1000${at}"} 1`).join('\n'))],
  ['label-id', gauge('jobs', Array.from({ length: 10 }, (_, at) => `jobs{path="/orders/${at}"} 1`).join('\n'))],
  ['unknown-own-name', gauge('sightline_journal_size')],
  ['own-type', gauge('sightline_log_lines')],
];

test('each rule is told by the page that breaks it, and by nothing else', () => {
  for (const [code, page, format = 'text'] of BROKEN) {
    const wanted = code === 'own-type' ? ['unknown-own-name'] : [code];
    assert.deepEqual(codes(page, format), wanted, `${code}: ${page.slice(0, 200)}`);
  }
  assert.deepEqual(
    codes(
      '# HELP sightline_log_lines_total Help.\n# TYPE sightline_log_lines_total summary\nsightline_log_lines_total_count 1\n',
    ),
    ['own-type', 'total-counter'],
  );
});

test('line, column and what to do', () => {
  const [result] = lintMetrics([
    { source: 'page', format: 'text', text: `${gauge('a')}${gauge('wait_ms', 'wait_ms{b="1" 1')}` },
  ]);
  assert.deepEqual(
    result?.findings.map(({ line, column, code, metric }) => [line, column, code, metric]),
    [[6, 15, 'label-value', 'wait_ms']],
  );
  const [named] = lintMetrics([{ source: 'page', format: 'text', text: gauge('wait_ms') }]);
  assert.equal(named?.findings[0]?.fix, 'name it wait_seconds');
});

const SERVED = (labels: string) =>
  `# HELP http_server_request_duration_seconds Help.\n# TYPE http_server_request_duration_seconds histogram\nhttp_server_request_duration_seconds_bucket{${labels}le="+Inf"} 1\nhttp_server_request_duration_seconds_count{${labels.slice(0, -1)}} 1\n`;

test('a service that is scraped and sent by StatsD is counted twice: as pages of their own, and federated', () => {
  const service = `${gauge('target_info', 'target_info{service_name="shop"} 1')}${SERVED('url_scheme="http",')}`;
  const exporter = `${gauge('statsd_exporter_loaded_mappings')}${SERVED('environment="prod",instance="server1",job="shop",')}`;
  const other = exporter.replaceAll('job="shop"', 'job="billing"');
  const twice = (...texts: string[]) =>
    lintMetrics(texts.map((text, at) => ({ source: `page${at}`, text, format: 'text' as const })))
      .flatMap(({ findings }) => findings)
      .filter(({ code }) => code === 'both-paths');
  assert.equal(twice(service).length, 0);
  assert.equal(twice(exporter).length, 0);
  assert.equal(twice(service, other).length, 0);
  const [finding, ...more] = twice(service, exporter);
  assert.equal(more.length, 0);
  assert.match(finding?.message ?? '', /service shop is counted twice: .* \/metrics at page0:6/);
  const head = SERVED('').split('\n').slice(0, 2).join('\n');
  const line = (labels: string) => `http_server_request_duration_seconds_count{${labels}} 1\n`;
  const direct = line('environment="prod",instance="10.0.0.1:9470",job="shop"');
  assert.equal(twice(`${head}\n${direct}${line('environment="prod",instance="server1",job="shop"')}`).length, 1);
  assert.equal(
    twice(`${head}\n${direct}${line('exported_instance="server1",exported_job="shop",instance="x:9102",job="statsd"')}`)
      .length,
    1,
  );
  assert.equal(twice(`${head}\n${direct}${line('environment="prod",instance="10.0.0.2:9470",job="shop"')}`).length, 0);
});

test('a message quotes a long line in part', () => {
  const [result] = lintMetrics([{ source: 'x', format: 'text', text: `a_total ${'x'.repeat(100_000)}\n` }]);
  const [finding] = result!.findings;
  assert.match(finding!.message, /^the value is no number: "xxx/);
  assert.equal(finding!.message.length, 500);
});

/**
 * Every query of every panel against the real Prometheus, Elasticsearch and Zipkin, fed by a service that is scraped and
 * one that sends StatsD. A panel is empty only where it says why; the local stack answers alike over the same samples.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONFIG, ruleGroups, rulesFile } from '../../lib/dashboards/index.ts';
import type { Sample } from '../../lib/stack/store/store.ts';
import { available } from '../backends/directory.ts';
import { type Elasticsearch, startElasticsearch } from '../backends/elasticsearch.ts';
import { type Prometheus, startPrometheus } from '../backends/prometheus.ts';
import { type StatsdExporter, startStatsdExporter } from '../backends/statsd-exporter.ts';
import { startZipkin, type Zipkin } from '../backends/zipkin.ts';
import { ask, difference, pointsOf } from '../stack/promql/compare-answers.ts';
import { startQueryServer } from '../stack/promql/query-server.ts';
import { type Child, startChild } from '../support/child.ts';
import { freePort } from '../support/ports.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { elasticsearchHits, prometheusForm, type Range } from './data-source.ts';
import { type Choices, DASHBOARDS, interpolated, type PanelQuery, panelQueries } from './queries.ts';

const MAPPING = fileURLToPath(new URL('../../deploy/statsd/mapping.yml', import.meta.url));
const missing = available('zipkin', 'elasticsearch', 'prometheus', 'statsd-exporter');
/** Seconds; scrapes are a second apart. */
const RATE_INTERVAL = 20;
/** What nothing in this set-up gives: exporters that are not there, and mishaps that did not happen. */
const EMPTY_HERE = [
  /^sightline-backends\/(?:Documents written|Disk free|Refused requests|Events|Queue)\//,
  /^sightline-backends\/Failures\/B/,
  /^sightline-delivery\/(?:Dropped and dead letters|StatsD and pushes|What observation refused)\//,
  /^sightline-statsd\/Refused\//,
];
const IDS = { id: 'the-id-of-this-test', trace: '' };

/** Answers, fails, calls itself and a closed port, logs at every level, and makes garbage. */
const APP = `import express from 'express';
import pino from 'pino';
const log = pino();
const closed = process.argv[2];
const app = express();
app.get('/orders/:id', async (request, response) => {
  log.info({ order: request.params.id }, 'order read');
  response.json(Array.from({ length: 20000 }, (_, n) => ({ n })).length);
});
app.get('/boom', () => { throw new Error('boom'); });
app.get('/calls', async (request, response) => {
  const port = server.address().port;
  await (await fetch('http://127.0.0.1:' + port + '/orders/9')).text();
  await fetch('http://127.0.0.1:' + closed).catch(() => log.warn('nobody there'));
  response.end();
});
const server = app.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

suite('every query of every panel', { skip: missing, timeout: 420_000 }, () => {
  let prometheus: Prometheus;
  let elasticsearch: Elasticsearch;
  let zipkin: Zipkin;
  let statsd: StatsdExporter;
  const children: Child[] = [];
  const traffic = new AbortController();
  let drivers: Promise<unknown> = Promise.resolve();

  before(async () => {
    const dataDirectory = temporaryDirectory('data');
    const rules = join(temporaryDirectory('rules'), 'rules.yml');
    // The same rules, evaluated as often as this test scrapes.
    writeFileSync(
      rules,
      rulesFile(
        ruleGroups(DEFAULT_CONFIG).map((group) => ({ ...group, interval: '1s' })),
        DEFAULT_CONFIG,
      ),
    );
    [zipkin, elasticsearch, statsd] = await Promise.all([
      startZipkin(),
      startElasticsearch(),
      startStatsdExporter(MAPPING),
    ]);
    const target = (url: string): object[] => [{ targets: [new URL(url).host] }];
    prometheus = await startPrometheus({
      targetsDirectory: join(dataDirectory, 'targets'),
      ruleFiles: [rules],
      itself: true,
      jobs: [
        { job_name: 'statsd', honor_labels: true, static_configs: target(statsd.url) },
        { job_name: 'zipkin', metrics_path: '/prometheus', static_configs: target(zipkin.url) },
      ],
    });
    // Strings as keywords, message as text: what the template that Elasticsearch brings for logs-*-* gives ECS fields.
    await elasticsearch.request('PUT', '/_index_template/logs', {
      index_patterns: ['logs-*-*'],
      template: {
        mappings: {
          properties: { message: { type: 'text' }, '@timestamp': { type: 'date' } },
          dynamic_templates: [{ strings: { match_mapping_type: 'string', mapping: { type: 'keyword' } } }],
        },
      },
    });
    const start = async (name: string, env: Record<string, string>): Promise<string> => {
      const child = startChild({
        cwd: createProject({ name, type: 'module', files: { 'app.js': APP }, packages: ['express', 'pino'] }),
        args: ['--import', 'sightline/register', 'app.js', String(await freePort())],
        env: {
          OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin.url}/api/v2/spans`,
          SIGHTLINE_ELASTICSEARCH_URL: elasticsearch.url,
          SIGHTLINE_ENVIRONMENT: 'test',
          SIGHTLINE_HOST: 'server1',
          SIGHTLINE_ADMIN_PORT: '0',
          SIGHTLINE_DATA_DIR: dataDirectory,
          ...env,
        },
        timeoutMillis: 400_000,
      });
      children.push(child);
      const [, port] = await child.line(/listening on (\d+)/);
      return `http://127.0.0.1:${port}`;
    };
    const urls = [
      await start('scraped-shop', {}),
      await start('statsd-shop', {
        SIGHTLINE_METRICS: 'statsd',
        SIGHTLINE_STATSD_URL: statsd.statsdUrl,
        SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      }),
    ];
    const [first] = urls;
    const answer = await fetch(`${first}/calls`, { headers: { 'x-correlation-id': IDS.id } });
    await answer.arrayBuffer();
    drivers = Promise.all(
      urls.map(async (url) => {
        for (let n = 0; !traffic.signal.aborted; n += 1) {
          const path = n % 9 === 8 ? '/boom' : n % 5 === 4 ? '/nowhere' : n % 3 === 2 ? '/calls' : `/orders/${n % 7}`;
          await fetch(url + path).then(
            (response) => response.arrayBuffer(),
            () => undefined,
          );
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    );
    const [span] = await eventually('the trace', async () => {
      const [trace] = await zipkin.traces({ annotationQuery: `correlation.id=${IDS.id}` });
      return trace;
    });
    IDS.trace = span?.traceId ?? '';
  });

  after(async () => {
    traffic.abort();
    await drivers;
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([zipkin, elasticsearch, prometheus, statsd].map((backend) => backend?.stop()));
  });

  const range = (): Range => ({ start: Math.floor(Date.now() / 1000) - 60, end: Math.floor(Date.now() / 1000) });
  const choices = (values: Record<string, string>): Choices => ({
    rateInterval: RATE_INTERVAL,
    range: 60,
    values: { query: '*', ...IDS, ...values },
  });
  /** A job as it is chosen in each dashboard: the services, or the programs around them. */
  const jobOf = ({ dashboard }: PanelQuery, job: string): Record<string, string> =>
    /-(?:backends|statsd)$/.test(dashboard.uid) ? {} : { job };

  /** Whether one query finds something that can be drawn. */
  async function finds({ target }: PanelQuery, chosen: Choices): Promise<boolean> {
    if (target.datasource.type === 'elasticsearch') {
      await elasticsearch.refresh();
      return (await elasticsearchHits(elasticsearch, { target, choices: chosen, range: range(), index: 'logs-*' })) > 0;
    }
    if (target.datasource.type === 'zipkin')
      return (await zipkin.trace(interpolated(String(target['query']), chosen))).length > 0;
    const answer = await ask(prometheus.url, ...prometheusForm(target, chosen, range()));
    assert.equal(answer.status, 'success', answer.error);
    return [...pointsOf(answer).values()].some((value) => Number.isFinite(Number(value)));
  }

  async function empty(queries: readonly PanelQuery[], job: string): Promise<PanelQuery[]> {
    const found: PanelQuery[] = [];
    for (const query of queries) if (!(await finds(query, choices(jobOf(query, job))))) found.push(query);
    return found;
  }

  const explained = ({ panel }: PanelQuery): boolean => (panel.fieldConfig?.defaults.noValue ?? '').length > 3;

  test('a scraped service: data everywhere but where a panel says why not', async (t) => {
    let queries = panelQueries();
    const total = queries.length;
    await eventually(
      'data for every panel',
      async () => {
        queries = await empty(queries, 'scraped-shop');
        const open = queries.filter((query) => !EMPTY_HERE.some((pattern) => pattern.test(query.path)));
        return open.length === 0
          ? true
          : Promise.reject(new Error(`empty: ${open.map(({ path }) => path).join(', ')}`));
      },
      { timeoutMillis: 120_000, pauseMillis: 1000 },
    );
    for (const query of queries) assert.ok(explained(query), `${query.path} is empty and does not say why`);
    t.diagnostic(`${total} queries, ${queries.length} of them empty here, with their reason`);
  });

  test('a service by StatsD and statsd_exporter: the same dashboards, empty only for what the hierarchy cannot carry', async (t) => {
    let queries = panelQueries().filter(({ dashboard }) =>
      ['services', 'service', 'runtime', 'clients', 'slo'].some((name) => dashboard.uid === `sightline-${name}`),
    );
    const total = queries.length;
    await eventually(
      'data for every panel',
      async () => {
        queries = await empty(queries, 'statsd-shop');
        // The limit of the heap does not come by StatsD; the panel has its other lines.
        const open = queries.filter((query) => !explained(query) && query.path !== 'sightline-runtime/Heap/C');
        return open.length === 0
          ? true
          : Promise.reject(new Error(`empty: ${open.map(({ path }) => path).join(', ')}`));
      },
      { timeoutMillis: 120_000, pauseMillis: 1000 },
    );
    t.diagnostic(`${total} queries, ${queries.length} of them empty: ${queries.map(({ path }) => path).join(', ')}`);
  });

  test('variables offer what there is', async () => {
    for (const { uid, templating } of DASHBOARDS) {
      for (const { name, type, definition } of templating.list) {
        if (type !== 'query') continue;
        const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(String(definition)) ?? [];
        assert.equal(label, name);
        const parameters = new URLSearchParams({ 'match[]': interpolated(selector, choices({})) });
        const response = await fetch(`${prometheus.url}/api/v1/label/${label}/values?${parameters}`);
        const { data } = (await response.json()) as { data: string[] };
        assert.ok(data.length > 0, `${uid}: ${definition}`);
        if (label === 'job' && !/-(?:backends|statsd)$/.test(uid)) assert.ok(data.includes('scraped-shop'), uid);
      }
    }
  });

  test('exemplars of the panels that ask for them lead to the trace', async () => {
    const asking = panelQueries().filter(({ target }) => target['exemplar'] === true);
    assert.ok(asking.length >= 4);
    for (const { target, path } of asking) {
      const query = interpolated(String(target['expr']), choices({ job: 'scraped-shop' }));
      const series = await prometheus.exemplars(query);
      if (series.length === 0) assert.match(path, /failed requests/, path);
      const [exemplar] = series.flatMap(({ exemplars }) => exemplars);
      if (exemplar !== undefined) assert.match(exemplar.labels['trace_id'] ?? '', /^[0-9a-f]{32}$/);
    }
  });

  test('the local stack answers every query as Prometheus does, over the same samples', async (t) => {
    const { start, end } = range();
    const dump = await ask(prometheus.url, 'query', { query: `{__name__=~".+"}[90s]`, time: String(end) });
    const samples: Sample[] = dump.data?.result.flatMap(
      ({ metric, values }: { metric: Record<string, string>; values: [number, string][] }) =>
        values.map(([time, value]) => ({
          labels: metric,
          value: Number(value.replace('Inf', 'Infinity')),
          timestamp: Math.round(time * 1000),
        })),
    );
    await using server = await startQueryServer(samples);
    const differences: string[] = [];
    let answered = 0;
    for (const query of panelQueries()) {
      if (query.target.datasource.type !== 'prometheus') continue;
      // The samples that both have: windows that reach back no further.
      const chosen = { ...choices(jobOf(query, 'scraped-shop')), range: 30 };
      // Series that ended are marked so in Prometheus; samples as they are read back do not have the mark.
      if (/\[(?:1h|30d)\]|nodejs_active_resources/.test(String(query.target['expr']))) continue;
      const [path, form] = prometheusForm(query.target, chosen, { start: Math.max(start, end - 30), end });
      const [theirs, ours] = await Promise.all([ask(prometheus.url, path, form), ask(server.url, path, form)]);
      const found = difference(form['query'] ?? '', theirs, ours);
      if (found === undefined) answered += 1;
      else differences.push(`${query.path}: ${found}`);
    }
    assert.deepEqual(server.bugs, []);
    assert.deepEqual(differences, []);
    t.diagnostic(`${answered} queries answered alike over ${samples.length} samples`);
  });
});

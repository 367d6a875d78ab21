/**
 * One unchanged service with the one line against the real Zipkin, Elasticsearch, Prometheus and statsd_exporter.
 * Their own interfaces are asked; nothing of ours reads the answer.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { available } from '../backends/directory.ts';
import { type Elasticsearch, startElasticsearch } from '../backends/elasticsearch.ts';
import { type Prometheus, promtoolCheckMetrics, startPrometheus } from '../backends/prometheus.ts';
import { type StatsdExporter, startStatsdExporter } from '../backends/statsd-exporter.ts';
import { startZipkin, type Zipkin } from '../backends/zipkin.ts';
import { announcedAdmin } from '../support/announced.ts';
import { type Child, startChild } from '../support/child.ts';
import { load, send } from '../support/load.ts';
import { createProject, fixture } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const REQUESTS = 1000;
const MAPPING = fileURLToPath(new URL('../../deploy/statsd/mapping.yml', import.meta.url));
const missing = available('zipkin', 'elasticsearch', 'prometheus', 'promtool', 'statsd-exporter');

suite('one service, the real backends', { skip: missing }, () => {
  let zipkin: Zipkin;
  let elasticsearch: Elasticsearch;
  let prometheus: Prometheus;
  let statsd: StatsdExporter;
  let child: Child;
  let url: string;
  const dataDirectory = temporaryDirectory('data');

  before(async () => {
    [zipkin, elasticsearch, prometheus, statsd] = await Promise.all([
      startZipkin(),
      startElasticsearch(),
      startPrometheus({ targetsDirectory: join(dataDirectory, 'targets') }),
      startStatsdExporter(MAPPING),
    ]);
    child = startChild({
      cwd: createProject({
        name: 'order-service',
        packages: ['express', 'pino'],
        files: { 'app.mjs': fixture('loading/express-5.mjs') },
      }),
      args: ['--import', 'sightline/register', 'app.mjs'],
      env: {
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin.url}/api/v2/spans`,
        SIGHTLINE_ELASTICSEARCH_URL: elasticsearch.url,
        SIGHTLINE_STATSD_URL: statsd.statsdUrl,
        SIGHTLINE_METRICS: 'prometheus,statsd',
        SIGHTLINE_ENVIRONMENT: 'test',
        SIGHTLINE_HOST: 'server1',
        SIGHTLINE_ADMIN_PORT: '0',
        SIGHTLINE_DATA_DIR: dataDirectory,
      },
      timeoutMillis: 300_000,
    });
    const [, port] = await child.line(/listening (\d+)/);
    url = `http://127.0.0.1:${port}`;
  });

  after(async () => {
    child?.kill('SIGKILL');
    await Promise.all([zipkin, elasticsearch, prometheus, statsd].map((backend) => backend?.stop()));
  });

  const lines = async (query: object): Promise<readonly Record<string, any>[]> => {
    await elasticsearch.refresh();
    return elasticsearch.search('logs-order_service-test', query);
  };

  test('one ID is found in the trace, in the log lines, and its trace in an exemplar', async () => {
    const id = 'one-id-through-all-of-it';
    const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': id } });
    assert.equal(answer.headers['x-correlation-id'], id);

    const [trace] = await eventually('the trace in Zipkin', async () => {
      const traces = await zipkin.traces({ annotationQuery: `correlation.id=${id}` });
      return traces.length > 0 ? traces : undefined;
    });
    const [span] = trace ?? [];
    assert.ok(span);
    assert.equal(span.kind, 'SERVER');
    assert.equal(span.name, 'get /orders/:id');
    assert.equal(span.localEndpoint?.serviceName, 'order-service');

    const found = await eventually('the log lines in Elasticsearch', async () => {
      const documents = await lines({ match_phrase: { 'correlation.id': id } });
      return documents.length >= 2 ? documents : undefined;
    });
    assert.equal(found.length, 2);
    for (const line of found) assert.equal(line['trace.id'] ?? line['trace']?.id, span.traceId);
    assert.ok(found.some((line) => line['message'] === 'order read'));

    await eventually('the exemplar in Prometheus', async () => {
      const series = await prometheus.exemplars('http_server_request_duration_seconds_bucket');
      return (
        series.some(({ exemplars }) => exemplars.some(({ labels }) => labels['trace_id'] === span.traceId)) || undefined
      );
    });
    const [target] = await prometheus.targets();
    assert.equal(target?.health, 'up');
    assert.equal(target?.lastError, '');
    assert.equal(target?.labels['job'], 'order-service');
  });

  test('promtool has nothing to say about the exposition', async () => {
    const exposition = await (await fetch(`${await announcedAdmin(dataDirectory)}/metrics`)).text();
    assert.deepEqual(await promtoolCheckMetrics(exposition), { code: 0, output: '' });
  });

  test(`${REQUESTS} requests are ${REQUESTS} spans, access lines, observations and StatsD counts`, async () => {
    const byStatus = 'http_server_request_duration_seconds_count{http_route="/orders/:id"}';
    const before = await eventually(
      'the first request in Prometheus',
      async () => (await prometheus.sum(byStatus)) || undefined,
    );
    const result = await load({
      requests: REQUESTS,
      url: (n) => `${url}/orders/${n}`,
      headers: (n) => ({ 'x-correlation-id': `counted.${n}` }),
    });
    assert.deepEqual(result.statuses, { 200: REQUESTS });

    const total = REQUESTS + before;
    const equals = (what: string, count: () => Promise<number>, wanted: number) =>
      eventually(`${wanted} ${what}`, async () => {
        const got = await count();
        if (got !== wanted) throw new Error(`${got} ${what}`);
        return true;
      });

    await equals(
      'spans',
      async () => {
        const traces = await zipkin.traces({ serviceName: 'order-service', limit: '5000', lookback: '3600000' });
        return traces.flat().filter((span) => span.tags?.['correlation.id']?.startsWith('counted.')).length;
      },
      REQUESTS,
    );
    await equals(
      'access lines',
      async () => {
        await elasticsearch.refresh();
        return elasticsearch.count('logs-order_service-test', { exists: { field: 'http.response.status_code' } });
      },
      total,
    );
    await equals(
      'lines of the app',
      async () => {
        await elasticsearch.refresh();
        return elasticsearch.count('logs-order_service-test', { match_phrase: { message: 'order read' } });
      },
      total,
    );
    await equals('observations', () => prometheus.sum(byStatus), total);
    await equals(
      'StatsD counts',
      async () => {
        const exposition = await statsd.metrics();
        const counts = exposition
          .split('\n')
          .filter((line) => line.startsWith('http_server_request_duration_seconds_count{'));
        return counts
          .filter((line) => line.includes('get_orders_id'))
          .reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
      },
      total,
    );
  });
});

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { HealthRegistry } from '../../lib/admin/health.ts';
import { type Admin, createAdmin } from '../../lib/admin/server.ts';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { HttpMetrics } from '../../lib/metrics/http-metrics.ts';
import { registerOwnMetrics } from '../../lib/metrics/own-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { UserMetrics } from '../../lib/metrics/user-metrics.ts';
import { available } from '../backends/directory.ts';
import { type Prometheus, startPrometheus } from '../backends/prometheus.ts';
import { eventually } from '../support/wait.ts';
import { RESOURCE, SPAN_ID } from './fixtures.ts';

const skip = available('prometheus');
const promClient = createRequire(import.meta.url)('prom-client');
const TENANT = 'a"b\\c\nd{e="f"} 1\rü😀';
const REQUESTS = 1000;
const traceOf = (request: number): string => request.toString(16).padStart(32, '0');

/** Held by the app, as an app does: we hold it weakly. */
const app = new promClient.Registry();
let admin: Admin | undefined;
let prometheus: Prometheus | undefined;
const accepted: (string | undefined)[] = [];
const answered: string[] = [];

before(async () => {
  if (skip !== undefined) return;
  const registry = new MetricRegistry();
  const user = new UserMetrics(new MetricRegistry());
  const exposition = new Exposition({ registry, resource: RESOURCE, others: [user.registry] });
  exposition.startRuntime();
  registerOwnMetrics({ registry });
  new promClient.Counter({ name: 'app_jobs', help: 'A counter without _total.', registers: [app] }).inc(3);
  new promClient.Gauge({ name: 'queue', help: 'x', registers: [app] }).set(1);
  new promClient.Counter({
    name: 'queue_total',
    help: 'One family with the gauge in OpenMetrics.',
    registers: [app],
  }).inc(7);
  exposition.addAppRegistry(app);
  user
    .counter({ name: 'tenants_seen_total', help: 'With "quotes" and \\ and\na second line.', labels: ['tenant'] })
    .inc({ tenant: [TENANT] }, 5);
  const http = new HttpMetrics({ registry });
  for (let request = 1; request <= REQUESTS; request += 1) {
    http.serverStarted('GET', 'http');
    http.serverEnded({
      method: 'GET',
      route: '/orders/:id',
      statusCode: request % 10 === 0 ? 500 : 200,
      scheme: 'http',
      errorType: undefined,
      durationSeconds: (request % 20) / 10,
      traceId: traceOf(request),
      spanId: SPAN_ID,
    });
  }
  admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    portExplicit: true,
    token: undefined,
    health: new HealthRegistry(),
    logLevels: { list: () => ({}), set: () => [] },
    async exposition(accept) {
      accepted.push(accept);
      const page = await exposition.render(accept);
      answered.push(page.contentType);
      return page;
    },
  });
  admin.start();
  const url = await eventually('the admin port', () => admin?.url);
  prometheus = await startPrometheus({ targets: [new URL(url).host] });
});
after(() => Promise.all([prometheus?.stop(), admin?.close()]));

test('a real Prometheus scrapes OpenMetrics without a complaint, counts the same and stores the exemplars', {
  skip,
  timeout: 120_000,
}, async () => {
  const { query, sum, targets, exemplars } = prometheus as Prometheus;
  const target = await eventually('a good scrape', async () =>
    (await targets()).find(({ health }) => health !== 'unknown'),
  );
  assert.deepEqual([target.health, target.lastError], ['up', '']);
  assert.match(accepted[0] ?? '', /openmetrics/);
  assert.equal(answered[0], 'application/openmetrics-text; version=1.0.0; charset=utf-8');

  assert.equal(await sum('http_server_request_duration_seconds_count'), REQUESTS);
  assert.equal(
    await sum('http_server_request_duration_seconds_count{http_response_status_code="500",error_type="500"}'),
    REQUESTS / 10,
  );
  assert.equal(await sum('http_server_request_duration_seconds_bucket{le="1.0"}'), REQUESTS * (11 / 20));
  assert.equal(await sum('http_server_active_requests'), 0);
  const [info] = await query('target_info');
  assert.deepEqual([info?.metric['service_name'], info?.metric['service_version']], ['shop', '1.2.3']);
  const [tenant] = await query('tenants_seen_total');
  assert.deepEqual(
    [tenant?.metric['tenant'], tenant?.value[1]],
    [TENANT, '5'],
    'a hostile label value arrives as it is',
  );
  assert.deepEqual(
    [await sum('app_jobs'), await sum('queue'), await sum('queue_total')],
    [3, 1, 7],
    'names are those of the app',
  );
  assert.ok((await sum('process_resident_memory_bytes')) > 1e6);
  assert.equal(await sum('scrape_samples_scraped'), await sum('scrape_samples_post_metric_relabeling'));

  const stored = await eventually('exemplars', async () => {
    const found = await exemplars('http_server_request_duration_seconds_bucket');
    return found.length > 0 ? found : undefined;
  });
  const ids = stored.flatMap(({ exemplars: ofSeries }) =>
    ofSeries.map(({ labels, value }) => ({
      request: Number.parseInt(labels['trace_id'] ?? '', 16),
      span: labels['span_id'],
      value: Number(value),
    })),
  );
  assert.ok(ids.length >= 8, 'one per bucket that was hit');
  for (const { request, span, value } of ids)
    assert.deepEqual([span, value], [SPAN_ID, (request % 20) / 10], 'each leads to the request that it was made of');
});

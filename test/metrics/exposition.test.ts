import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { HttpMetrics } from '../../lib/metrics/http-metrics.ts';
import { registerOwnMetrics } from '../../lib/metrics/own-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { RollingFacts } from '../../lib/metrics/rolling-facts.ts';
import { UserMetrics } from '../../lib/metrics/user-metrics.ts';
import { CATALOGUE } from '../../lib/model/catalogue.ts';
import { RUNTIME_METRICS, WRONG_TOTALS } from '../../lib/model/runtime-metrics.ts';
import type { DeliveryStatus } from '../../lib/model/telemetry-sink.ts';
import { available } from '../backends/directory.ts';
import { promtoolCheckMetrics } from '../backends/prometheus.ts';
import { RESOURCE, SPAN_ID, TRACE_ID } from './fixtures.ts';
import { parsePage } from './page-parser.ts';

const promClient = createRequire(import.meta.url)('prom-client');

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';

const DELIVERY: DeliveryStatus = {
  logs: { accepted: 10, delivered: 7, sentUnconfirmed: 0, onDisk: 1, deadLettered: 1, dropped: { full: 1 } },
  spans: { accepted: 5, delivered: 3, sentUnconfirmed: 2, onDisk: 0, deadLettered: 0, dropped: {} },
  journalBytes: 4096,
  oldestUnsentSeconds: 1.5,
  deadLetters: { logs: { waiting: 1, expired: 2 }, spans: { waiting: 0, expired: 0 } },
  couriers: { logs: 'failing', spans: 'healthy' },
  lastErrors: { logs: 'refused' },
  statsd: { accepted: 9, sent: 8, dropped: 1 },
  pushes: { accepted: 2, sent: 2, dropped: 0 },
};

/** Everything of the catalogue with at least one series. */
function fullPage(): { exposition: Exposition; registry: MetricRegistry; user: UserMetrics } {
  const registry = new MetricRegistry({ seriesLimit: 50 });
  const rolling = new RollingFacts();
  const user = new UserMetrics(new MetricRegistry({ seriesLimit: 2 }));
  const exposition = new Exposition({
    registry,
    resource: RESOURCE,
    others: [user.registry],
    collectTimeoutMillis: 100,
  });
  registerOwnMetrics({ registry, rolling, deliveryStatus: () => DELIVERY });
  registry.counter(CATALOGUE.logLines).bind(['info']).inc();
  registry.counter(CATALOGUE.uncaughtErrors).bind(['exception']).inc();
  registry.counter(CATALOGUE.correlationIdsRejected).bind([]).inc();
  const http = new HttpMetrics({ registry, rolling });
  http.serverStarted('GET', 'http');
  http.serverEnded({
    method: 'GET',
    route: '/orders/:id',
    statusCode: 200,
    scheme: 'http',
    errorType: undefined,
    durationSeconds: 0.03,
    traceId: TRACE_ID,
    spanId: SPAN_ID,
  });
  http.clientEnded({
    method: 'POST',
    serverAddress: 'api.example.com',
    serverPort: 443,
    statusCode: 503,
    errorType: undefined,
    durationSeconds: 1,
  });
  const orders = user.counter({ name: 'orders_created_total', help: 'Orders created.', labels: ['kind'] });
  for (const kind of ['card', 'cash', 'gift']) orders.inc({ kind });
  orders.inc({ kind: 'card' }, Number.NaN);
  user.histogram({ name: 'basket_size_bytes', help: 'Size of baskets.', buckets: [1, 10], unit: 'bytes' }).observe(3);
  exposition.startRuntime();
  return { exposition, registry, user };
}

test('promtool has nothing to say about the whole page', { skip: available('promtool') }, async () => {
  const { exposition } = fullPage();
  const { body } = await exposition.render(undefined);
  assert.deepEqual(await promtoolCheckMetrics(body), { code: 0, output: '' });
});

test('the whole page is strict in both formats, has the whole catalogue and the same values', async () => {
  const { exposition } = fullPage();
  const text = parsePage((await exposition.render('text/plain')).body, 'text');
  const open = parsePage((await exposition.render(OPENMETRICS)).body, 'openmetrics');
  for (const [key, { prometheus }] of Object.entries(CATALOGUE)) {
    if (key === 'familiesDropped') continue;
    assert.ok(text.get(prometheus), `${prometheus} is on the page`);
  }
  const names = (families: ReturnType<typeof parsePage>): string[] =>
    [...families.values()]
      .flatMap(({ samples }) =>
        samples.map(
          ({ name, labels }) =>
            `${name}${JSON.stringify({ ...labels, ...(labels['le'] === undefined ? {} : { le: Number(labels['le']) }) })}`,
        ),
      )
      .sort();
  assert.deepEqual(
    names(open).filter((name) => !name.includes('nodejs_')),
    names(text).filter((name) => !name.includes('nodejs_')),
  );
  const bucket = open
    .get('http_server_request_duration_seconds')
    ?.samples.find(({ exemplar }) => exemplar !== undefined);
  assert.deepEqual({ ...bucket?.exemplar?.labels }, { trace_id: TRACE_ID, span_id: SPAN_ID });
  assert.equal(bucket?.exemplar?.value, 0.03);
  assert.ok(Math.abs((bucket?.exemplar?.time ?? 0) - Date.now() / 1000) < 60);
  assert.equal(open.get('target')?.type, 'info');
  assert.deepEqual(
    { ...text.get('target_info')?.samples[0]?.labels },
    { service_name: 'shop', service_version: '1.2.3', service_instance_id: 'i-1', deployment_environment_name: 'test' },
  );
});

test('what Sightline says about itself: losses, ledger, couriers', async () => {
  const { exposition } = fullPage();
  const page = parsePage((await exposition.render(undefined)).body, 'text');
  const value = (name: string, labels: Record<string, string>): number | undefined =>
    page
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted))
      ?.value;
  assert.equal(value('sightline_metric_series_over_limit_total', { metric: 'orders_created_total' }), 1);
  assert.equal(value('sightline_metric_values_rejected_total', { metric: 'orders_created_total' }), 1);
  assert.equal(value('orders_created_total', { kind: '__other__' }), 1);
  assert.equal(value('sightline_telemetry_records_total', { signal: 'spans', outcome: 'sent_unconfirmed' }), 2);
  assert.equal(value('sightline_telemetry_records_total', { signal: 'logs', outcome: 'sent_unconfirmed' }), undefined);
  const record = (outcome: string, reason = ''): number | undefined =>
    value('sightline_telemetry_records_total', { signal: 'logs', outcome, reason });
  assert.deepEqual(
    [record('accepted'), record('delivered'), record('dead_lettered'), record('dropped', 'full')],
    [10, 7, 1, 1],
  );
  assert.deepEqual(
    [
      value('sightline_telemetry_courier_up', { signal: 'logs' }),
      value('sightline_telemetry_courier_up', { signal: 'spans' }),
    ],
    [0, 1],
  );
  assert.equal(value('sightline_health_response_time_mean_seconds', {}), 0.03);
});

test('the table of runtime metrics is what prom-client gives', {
  skip: process.platform === 'linux' ? false : 'the table is that of Linux',
}, async () => {
  const registry = new promClient.Registry();
  promClient.collectDefaultMetrics({ register: registry });
  const given = registry
    .getMetricsAsArray()
    .map(({ name, type, help }: { name: string; type: string; help: string }) => ({ prometheus: name, type, help }));
  const table = RUNTIME_METRICS.map(({ prometheus, type, help }) => ({ prometheus, type, help }));
  assert.deepEqual(
    given.filter(({ prometheus }: { prometheus: string }) => !(prometheus in WRONG_TOTALS)),
    table,
  );
  const { exposition } = fullPage();
  const page = parsePage((await exposition.render(undefined)).body, 'text');
  for (const { prometheus, labels } of RUNTIME_METRICS) {
    // No collection and no event-loop sample may have happened yet.
    if (/gc_duration|eventloop_lag_(min|mean|stddev)/.test(prometheus)) continue;
    const family = page.get(prometheus);
    assert.ok(family, `${prometheus} is there`);
    assert.deepEqual(
      family.samples
        .filter((sample) => Object.keys(sample.labels).length > 0)
        .flatMap((sample) => Object.keys(sample.labels).filter((label) => !labels.includes(label))),
      [],
    );
  }
  for (const [wrong, right] of Object.entries(WRONG_TOTALS)) {
    assert.equal(page.get(wrong), undefined);
    assert.ok((page.get(right)?.samples.length ?? 0) > 0, `${right} always has a sum`);
  }
});

test('an app that collects the default metrics itself: promtool still has nothing to say', {
  skip: available('promtool'),
}, async () => {
  const { exposition } = fullPage();
  const app = new promClient.Registry();
  promClient.collectDefaultMetrics({ register: app });
  exposition.addAppRegistry(app);
  assert.deepEqual(await promtoolCheckMetrics((await exposition.render(undefined)).body), { code: 0, output: '' });
});

test('fuzz: whatever an app observes, the page reads back as it was counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 40 }), fc.anything(), fc.nat(1000)), { maxLength: 12 }),
      async (observations) => {
        const user = new UserMetrics(new MetricRegistry({ seriesLimit: 5 }));
        const counter = user.counter({ name: 'things_total', help: 'Things.', labels: ['one', 'two'] });
        for (const [one, two, amount] of observations) counter.inc({ one, two }, amount);
        const exposition = new Exposition({
          registry: new MetricRegistry(),
          resource: RESOURCE,
          others: [user.registry],
        });
        const sum = observations.reduce((total, [, , amount]) => total + amount, 0);
        for (const format of ['text', 'openmetrics'] as const) {
          const page = parsePage((await exposition.render(format === 'text' ? undefined : OPENMETRICS)).body, format);
          const samples = page.get(format === 'text' ? 'things_total' : 'things')?.samples ?? [];
          assert.ok(samples.length <= 6);
          assert.equal(
            samples.reduce((total, { value }) => total + value, 0),
            sum,
          );
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('a big page gives the event loop its turns', async () => {
  const registry = new MetricRegistry();
  const family = registry.histogram({ ...CATALOGUE.httpServerRequestDuration });
  for (let route = 0; route < 2000; route += 1) family.bind(['GET', `/r${route}`, 200, 'http', '']).observe(0.1);
  const exposition = new Exposition({ registry, resource: RESOURCE });
  let turns = 0;
  let done = false;
  const spin = (): void => {
    turns += 1;
    if (!done) setImmediate(spin);
  };
  setImmediate(spin);
  const { body } = await exposition.render(undefined);
  done = true;
  assert.ok(turns >= 7, `${turns} turns`);
  assert.equal(parsePage(body, 'text').get('http_server_request_duration_seconds')?.samples.length, 2000 * 17);
});

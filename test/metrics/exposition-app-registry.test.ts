import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { definition, RESOURCE, TRACE_ID } from './fixtures.ts';
import { parsePage } from './page-parser.ts';

const promClient = createRequire(import.meta.url)('prom-client');
/** Registries that an app holds: we hold them weakly, and a collection in the middle of a test would lose them. */
const held: any[] = [];

function appRegistry(...options: unknown[]): any {
  const registry = new promClient.Registry(...options);
  held.push(registry);
  return registry;
}

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';

test('the app registry joins: types, help, default labels, exemplars, all instruments', async () => {
  const exposition = new Exposition({ registry: new MetricRegistry(), resource: RESOURCE });
  const registry = appRegistry(promClient.Registry.OPENMETRICS_CONTENT_TYPE);
  registry.setDefaultLabels({ region: 'eu', 'not-a-label': 'x' });
  const counter = new promClient.Counter({
    name: 'app_jobs',
    help: 'Jobs "done".\nAll of them.',
    labelNames: ['kind'],
    registers: [registry],
    enableExemplars: true,
  });
  counter.inc({ labels: { kind: 'mail' }, value: 2, exemplarLabels: { trace_id: TRACE_ID } });
  new promClient.Gauge({ name: 'app_depth', help: 'Depth.', registers: [registry] }).set(-3);
  const histogram = new promClient.Histogram({
    name: 'app_wait_seconds',
    help: 'Wait.',
    labelNames: ['q'],
    buckets: [0.1, 1],
    registers: [registry],
  });
  histogram.observe({ q: 'a' }, 0.05);
  histogram.observe({ q: 'a' }, 5);
  const summary = new promClient.Summary({
    name: 'app_size',
    help: 'Size.',
    percentiles: [0.5],
    registers: [registry],
  });
  summary.observe(4);
  exposition.addAppRegistry(registry);
  exposition.addAppRegistry(registry);
  const open = parsePage((await exposition.render(OPENMETRICS)).body, 'openmetrics');
  assert.equal(open.get('app_jobs')?.help, 'Jobs "done".\nAll of them.');
  const [jobs] = open.get('app_jobs')?.samples ?? [];
  assert.deepEqual(
    [jobs?.name, jobs?.value, { ...jobs?.labels }, { ...jobs?.exemplar?.labels }],
    ['app_jobs_total', 2, { kind: 'mail', region: 'eu' }, { trace_id: TRACE_ID }],
  );
  const text = parsePage((await exposition.render(undefined)).body, 'text');
  assert.equal(text.get('app_jobs_total')?.samples[0]?.value, 2, 'one name in both formats');
  assert.equal(text.get('app_depth')?.samples[0]?.value, -3);
  assert.deepEqual(
    text
      .get('app_wait_seconds')
      ?.samples.map(({ name, labels, value }) => [name.slice('app_wait_seconds'.length), labels['le'], value]),
    [
      ['_bucket', '0.1', 1],
      ['_bucket', '1', 1],
      ['_bucket', '+Inf', 2],
      ['_sum', undefined, 5.05],
      ['_count', undefined, 2],
    ],
  );
  assert.deepEqual(
    text.get('app_size')?.samples.map(({ labels, value }) => [labels['quantile'], value]),
    [
      ['0.5', 4],
      [undefined, 4],
      [undefined, 1],
    ],
  );
});

test('names that are taken: the first stays, the rest is counted, the page stays legal', async () => {
  const registry = new MetricRegistry();
  const histogram = registry.histogram(definition('histogram', 'lat_seconds', [], [1]));
  histogram.bind([]).observe(0.5);
  registry.gauge(definition('gauge', 'queue')).bind([]).set(1);
  const exposition = new Exposition({ registry, resource: RESOURCE });
  const app = appRegistry();
  new promClient.Counter({
    name: 'lat_seconds_count',
    help: 'Collides with the count of the histogram.',
    registers: [app],
  }).inc(99);
  new promClient.Gauge({ name: 'target_info', help: 'Ours.', registers: [app] }).set(99);
  new promClient.Counter({ name: 'sightline_metric_families_dropped_total', help: 'Ours, too.', registers: [app] }).inc(
    99,
  );
  new promClient.Counter({
    name: 'queue_total',
    help: 'One family with the gauge in OpenMetrics.',
    registers: [app],
  }).inc(7);
  const merged = promClient.Registry.merge([app, new promClient.Registry()]);
  exposition.addAppRegistry(app);
  held.push(merged);
  exposition.addAppRegistry(merged);
  const text = parsePage((await exposition.render(undefined)).body, 'text');
  assert.equal(text.get('lat_seconds_count'), undefined);
  assert.equal(text.get('target_info')?.samples[0]?.value, 1);
  assert.deepEqual(
    text.get('sightline_metric_families_dropped_total')?.samples.map(({ labels, value }) => [labels['reason'], value]),
    [['duplicate', 3]],
  );
  const open = parsePage((await exposition.render(OPENMETRICS)).body, 'openmetrics');
  assert.deepEqual([open.get('queue')?.type, open.get('queue_total')?.type], ['gauge', 'unknown']);
});

test('collect() of the app throws, rejects, hangs, answers nonsense: the page comes in time, without those', async () => {
  // The limit is an unref'd timer: the process of a test has nothing else to do.
  const alive = setInterval(() => {}, 1000);
  const exposition = new Exposition({ registry: new MetricRegistry(), resource: RESOURCE, collectTimeoutMillis: 50 });
  const app = appRegistry();
  let hung = 0;
  let release: () => void = () => {};
  const gauge = (name: string, collect: () => unknown): unknown =>
    new promClient.Gauge({ name, help: 'x', registers: [app], collect });
  gauge('throws', () => {
    throw new Error('collect');
  });
  gauge('rejects', () => Promise.reject(new Error('collect')));
  gauge('hangs', () => {
    hung += 1;
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  new promClient.Gauge({ name: 'fine', help: 'x', registers: [app] }).set(1);
  app.registerMetric({
    name: 'nonsense',
    get: () => ({
      name: 'nonsense',
      type: 'gauge',
      help: 1,
      get values() {
        throw new Error('getter');
      },
    }),
  });
  app.registerMetric({ name: 'bad name', get: () => ({ name: 'bad name', type: 'gauge', help: 'x', values: [] }) });
  exposition.addAppRegistry(app);
  exposition.addAppRegistry({
    getMetricsAsArray: () => {
      throw new Error('registry');
    },
  });
  const reasons = async (): Promise<Record<string, number>> => {
    const page = parsePage((await exposition.render(undefined)).body, 'text');
    assert.equal(page.get('fine')?.samples[0]?.value, 1);
    assert.equal(page.get('hangs'), undefined);
    return Object.fromEntries(
      page
        .get('sightline_metric_families_dropped_total')
        ?.samples.map(({ labels, value }) => [labels['reason'], value]) ?? [],
    );
  };
  assert.deepEqual(await reasons(), { failed: 2, timeout: 1, invalid: 2 });
  assert.deepEqual(await reasons(), { failed: 4, timeout: 2, invalid: 4 });
  assert.equal(hung, 1, 'not called again while it hangs');
  release();
  await new Promise((resolve) => setImmediate(resolve));
  const again = exposition.render(undefined);
  release();
  await again;
  assert.equal(hung, 2, 'called again once it has come back');
  clearInterval(alive);
});

test('injection through label values of the app registry (client_js#791)', async () => {
  const exposition = new Exposition({ registry: new MetricRegistry(), resource: RESOURCE });
  const app = appRegistry();
  const counter = new promClient.Counter({ name: 'app_total', help: 'x', labelNames: ['tenant'], registers: [app] });
  counter.inc({ tenant: ['a"} 1\ninjected_metric{a="b"} 1\n'] });
  counter.inc({ tenant: { toString: () => 'x"} 1\ninjected{a="b"} 1' } });
  exposition.addAppRegistry(app);
  const page = parsePage((await exposition.render(undefined)).body, 'text');
  assert.deepEqual(
    [...page.keys()].filter((name) => name.startsWith('injected')),
    [],
  );
  assert.equal(page.get('app_total')?.samples[0]?.labels['tenant'], 'a"} 1\ninjected_metric{a="b"} 1\n');
});

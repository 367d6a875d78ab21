import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { kOwn } from '../../lib/core/symbols.ts';
import { onRequire } from '../../lib/instruments/module-hooks.ts';
import { instrumentPromClient } from '../../lib/instruments/prom-client.ts';
import { Exposition } from '../../lib/metrics/exposition.ts';
import type { ForeignRegistry } from '../../lib/metrics/foreign-families.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { RESOURCE } from '../metrics/fixtures.ts';
import { parsePage } from '../metrics/page-parser.ts';

const noted: ForeignRegistry[] = [];
const exposition = new Exposition({ registry: new MetricRegistry(), resource: RESOURCE });
let stop: (() => void) | undefined;
instrumentPromClient({
  onRequire: (predicate, callback) => {
    stop = onRequire(predicate, callback);
  },
  onRegistry(registry) {
    noted.push(registry);
    exposition.addAppRegistry(registry);
  },
});
after(() => stop?.());

test('the real prom-client: global registry, own registry, ES import; the app sees no difference', async () => {
  // As an ES module first: what a CommonJS package looks like to `import`.
  const imported = await import('prom-client');
  const client = createRequire(import.meta.url)('prom-client');
  assert.equal(imported.Registry, client.Registry);
  const own = new client.Registry();
  new client.Counter({ name: 'app_jobs_total', help: 'Jobs.' }).inc(3);
  new client.Gauge({ name: 'app_depth', help: 'Depth.', registers: [own] }).set(2);
  assert.ok(noted.includes(client.register) && noted.includes(own));
  assert.equal(client.Registry.prototype.registerMetric.length, 1);
  assert.throws(() => new client.Counter({ name: 'app_jobs_total', help: 'Again.' }), /already been registered/);
  assert.match(await client.register.metrics(), /app_jobs_total 3/);
  const page = parsePage((await exposition.render(undefined)).body, 'text');
  assert.equal(page.get('app_jobs_total')?.samples[0]?.value, 3);
  assert.equal(page.get('app_depth')?.samples[0]?.value, 2);
});

test('our own runtime registry is not taken for one of the app', async () => {
  const before = noted.length;
  exposition.startRuntime();
  assert.equal(noted.length, before);
  const page = parsePage((await exposition.render(undefined)).body, 'text');
  assert.ok(page.has('process_resident_memory_bytes'));
  assert.equal(page.has('sightline_metric_families_dropped_total'), false, 'nothing collides');
});

test('which modules are picked', () => {
  let predicate: ((id: string, parent: string) => boolean) | undefined;
  instrumentPromClient({
    onRequire: (given) => {
      predicate = given;
    },
    onRegistry: () => {},
  });
  for (const id of [
    'prom-client',
    '@prometheus-io/client',
    '/app/node_modules/prom-client/index.js',
    '/app/node_modules/@prometheus-io/client/index.js',
    'C:\\app\\node_modules\\prom-client\\index.js',
  ]) {
    assert.equal(predicate?.(id, ''), true, id);
  }
  for (const id of [
    'express',
    'my-prom-client',
    'prom-client-x',
    './prom-client',
    '/app/node_modules/prom-client/lib/registry.js',
    '@prometheus-io/codemirror-promql',
  ]) {
    assert.equal(predicate?.(id, ''), false, id);
  }
});

test('a library that looks different is left alone; wrapped twice is wrapped once; a failing listener does not reach the app', () => {
  let callback: ((exports: unknown, details: unknown) => void) | undefined;
  let calls = 0;
  instrumentPromClient({
    onRequire: (_, given) => {
      callback = given;
    },
    onRegistry: () => {
      calls += 1;
      throw new Error('listener of this test');
    },
  });
  for (const exports of [undefined, null, {}, { Registry: class {} }, { Registry: 7 }]) callback?.(exports, {});
  class Registry {
    readonly metrics: unknown[] = [];
    registerMetric(metric: unknown): string {
      this.metrics.push(metric);
      return 'result';
    }
    getMetricsAsArray(): unknown[] {
      return this.metrics;
    }
  }
  const early = new Registry();
  early.registerMetric('early');
  callback?.({ Registry, register: early }, {});
  callback?.({ Registry }, {});
  assert.equal(calls, 1, 'what was registered before is noted');
  const registry = new Registry();
  assert.equal(registry.registerMetric('metric'), 'result');
  assert.deepEqual(registry.metrics, ['metric']);
  assert.equal(calls, 2);
  const own = Object.assign(new Registry(), { [kOwn]: true });
  own.registerMetric('metric');
  assert.equal(calls, 2);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetricsPush } from '../../lib/bootstrap/metrics-push.ts';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import type { MetricsPage, TelemetrySink } from '../../lib/model/telemetry-sink.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

function pushing() {
  const pages: MetricsPage[] = [];
  const exposition = new Exposition({ registry: new MetricRegistry(), resource: RESOURCE });
  const sink = { push: (page: MetricsPage) => void pages.push(page) } as unknown as TelemetrySink;
  return { pages, exposition, push: createMetricsPush({ exposition, sink, endMillis: 100 }) };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('every 15 seconds, until it is stopped', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { pages, push } = pushing();
  const listeners = process.listenerCount('beforeExit');
  push.start();
  t.mock.timers.tick(14_999);
  await settled();
  assert.equal(pages.length, 0);
  t.mock.timers.tick(1);
  await settled();
  t.mock.timers.tick(15_000);
  await settled();
  assert.deepEqual(
    pages.map(({ replace, body }) => [replace, body.includes('target_info{')]),
    [
      [true, true],
      [true, true],
    ],
  );
  push.stop();
  t.mock.timers.tick(60_000);
  push.atExit();
  await settled();
  assert.equal(pages.length, 2);
  assert.equal(process.listenerCount('beforeExit'), listeners);
});

test('a collect() of the app that hangs costs the deadline; what can be had at once is pushed', async () => {
  const { pages, exposition, push } = pushing();
  const registry = { getMetricsAsArray: () => [{ name: 'slow', get: () => new Promise(() => {}) }] };
  exposition.addAppRegistry(registry);
  await push.now(20, true);
  assert.deepEqual(
    pages.map(({ replace }) => replace),
    [false],
  );
  push.atExit();
  assert.equal(pages.length, 2, 'the whole page was not handed over, so the exit adds its last values');
});

test('after the last whole page the exit has nothing to add', async () => {
  const { pages, push } = pushing();
  await push.now(1000, false);
  push.atExit();
  assert.deepEqual(
    pages.map(({ replace }) => replace),
    [true, false],
  );
  await push.now(1000, true);
  push.atExit();
  assert.equal(pages.length, 3);
});

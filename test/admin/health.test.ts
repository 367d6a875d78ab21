import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthRegistry } from '../../lib/admin/health.ts';
import { MAX_CHECKS, RESULT_CACHE_MILLIS } from '../../lib/admin/health-checks.ts';
import { healthPage } from '../../lib/admin/health-page.ts';
import { active, ObservationContext, ROOT, runIn } from '../../lib/context/context.ts';
import { RollingFacts } from '../../lib/metrics/rolling-facts.ts';
import type { DeliveryStatus } from '../../lib/model/telemetry-sink.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const DELIVERED: DeliveryStatus = {
  logs: { accepted: 3, delivered: 3, sentUnconfirmed: 0, onDisk: 0, deadLettered: 0, dropped: {} },
  spans: { accepted: 3, delivered: 3, sentUnconfirmed: 0, onDisk: 0, deadLettered: 0, dropped: {} },
  journalBytes: 0,
  oldestUnsentSeconds: 0,
  couriers: { logs: 'healthy', spans: 'idle' },
  lastErrors: {},
};

function registry(): { health: HealthRegistry; later(millis: number): void } {
  let now = 1000;
  return { health: new HealthRegistry({ clock: { monotonicMillis: () => now } }), later: (millis) => (now += millis) };
}

test('what a check may say', async () => {
  const { health } = registry();
  health.check('void', () => {});
  health.check('async', async () => {});
  health.check('yes', () => true);
  health.check('no', () => false);
  health.check('throws', () => {
    throw new TypeError('no route to db.internal');
  });
  health.check('rejects', () => Promise.reject('text'));
  health.check('warns', () => ({ status: 'warn', observedValue: 91, observedUnit: 'percent', output: 'nearly full' }), {
    componentType: 'system',
  });
  health.check('not critical', () => false, { critical: false });
  health.check('nonsense', () => ({ status: 'great' }) as never);
  const results = await health.results();
  assert.deepEqual(
    results.map(({ name, status, output }) => [name, status, output]),
    [
      ['void', 'pass', undefined],
      ['async', 'pass', undefined],
      ['yes', 'pass', undefined],
      ['no', 'fail', 'the check said false'],
      ['throws', 'fail', 'TypeError: no route to db.internal'],
      ['rejects', 'fail', 'text'],
      ['warns', 'warn', 'nearly full'],
      ['not critical', 'warn', 'the check said false'],
      ['nonsense', 'pass', undefined],
    ],
  );
  const warns = results.find(({ name }) => name === 'warns');
  assert.deepEqual([warns?.observedValue, warns?.observedUnit, warns?.componentType], [91, 'percent', 'system']);
  assert.deepEqual([results[0]?.observedUnit, results[0]?.componentType], ['ms', 'datastore']);
});

test('a result is good for a second; askers at the same time share one run', async () => {
  const { health, later } = registry();
  let runs = 0;
  health.check('db', async () => {
    runs += 1;
  });
  await Promise.all([health.results(), health.results(), health.page()]);
  later(RESULT_CACHE_MILLIS - 1);
  await health.results();
  assert.equal(runs, 1);
  later(1);
  await health.results();
  assert.equal(runs, 2);
});

test('a check that hangs fails in time and is not called again until it has come back', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { health, later } = registry();
  let runs = 0;
  let release: () => void = () => {};
  health.check(
    'db',
    () => {
      runs += 1;
      return new Promise<void>((resolve) => (release = resolve));
    },
    { timeoutMs: 200 },
  );
  const first = health.results();
  context.mock.timers.tick(200);
  assert.deepEqual(
    (await first).map(({ status, output }) => [status, output]),
    [['fail', 'no answer within 200 ms']],
  );
  later(5000);
  assert.match((await health.results())[0]?.output ?? '', /still running after 200 ms/);
  assert.equal(runs, 1);
  release();
  await new Promise((resolve) => setImmediate(resolve));
  const second = health.results();
  release();
  assert.equal((await second)[0]?.status, 'pass');
  assert.equal(runs, 2);
});

test('checks run outside of the request that asks', async () => {
  const { health } = registry();
  let seen: unknown;
  health.check('db', () => {
    seen = active().correlationId;
  });
  await runIn(new ObservationContext(undefined, 'of-the-probe', undefined, undefined), () => health.results());
  assert.equal(seen, ROOT.correlationId);
});

test('a check can be replaced and taken away; mistakes are coded; their number is bounded', async () => {
  const { health } = registry();
  const removeFirst = health.check('db', () => false);
  const removeSecond = health.check('db', () => true);
  removeFirst();
  assert.deepEqual(
    (await health.results()).map(({ status }) => status),
    ['pass'],
    'the first cannot take away the second',
  );
  removeSecond();
  assert.deepEqual(await health.results(), []);
  for (const [name, check] of [
    ['', () => {}],
    ['db', 'no function'],
    [7, () => {}],
  ] as [never, never][])
    assert.throws(() => health.check(name, check), { code: 'SIGHTLINE_E_OPTION' });
  for (let n = 0; n < MAX_CHECKS; n += 1) health.check(`c${n}`, () => {});
  assert.throws(() => health.check('one more', () => {}), { code: 'SIGHTLINE_E_OPTION' });
  assert.ok(
    health.check('c0', () => {}),
    'known names can still be replaced',
  );
});

test('gates: open until closed, all must be open', () => {
  const { health } = registry();
  assert.deepEqual(health.readiness(), [{ name: 'app', open: true }]);
  health.ready(false);
  health.ready(true, 'cache');
  health.ready('yes' as never, 'odd');
  assert.deepEqual(health.readiness(), [
    { name: 'app', open: false },
    { name: 'cache', open: true },
    { name: 'odd', open: false },
  ]);
  health.ready(true);
  assert.equal(health.readiness()[0]?.open, true);
});

test('the page: draft-inadarei-api-health-check, four rolling facts, the ledger', async () => {
  const { health } = registry();
  const rolling = new RollingFacts();
  rolling.setConnections(() => 3);
  rolling.record(0.1, 200);
  rolling.record(0.1, 503);
  health.join({ resource: RESOURCE, deliveryStatus: () => DELIVERED, rolling });
  health.check('postgres', () => {});
  const page = await health.page();
  assert.equal(page.status, 'pass');
  assert.deepEqual([page.releaseId, page.serviceId, page.description], ['1.2.3', 'i-1', 'Health of shop']);
  assert.deepEqual(Object.keys(page.checks), [
    'http:responseTime',
    'http:connections',
    'http:badRequests',
    'telemetry:delivery',
    'postgres',
  ]);
  for (const details of Object.values(page.checks)) {
    assert.ok(Array.isArray(details) && details.length > 0);
    for (const detail of details)
      assert.ok(
        !Number.isNaN(Date.parse(detail.time)) &&
          ['pass', 'warn', 'fail'].includes(detail.status) &&
          detail.observedUnit !== undefined,
      );
  }
  const facts = (key: string) =>
    page.checks[key]?.map(({ componentId, observedValue, observedUnit }) => [componentId, observedValue, observedUnit]);
  const [mean, p95] = facts('http:responseTime') ?? [];
  assert.deepEqual(mean, ['mean', 100, 'ms']);
  assert.ok(p95?.[0] === 'p95' && Math.abs((p95[1] as number) - 100) <= 2);
  assert.deepEqual(facts('http:connections'), [[undefined, 3, 'connections']]);
  assert.deepEqual(facts('http:badRequests'), [
    ['4xx', 0, 'requests'],
    ['5xx', 1, 'requests'],
  ]);
});

test('delivery is at most warn; a critical check decides', () => {
  const failing: DeliveryStatus = {
    ...DELIVERED,
    couriers: { logs: 'failing', spans: 'healthy' },
    lastErrors: { logs: 'connect ECONNREFUSED' },
    logs: { ...DELIVERED.logs, onDisk: 9 },
  };
  const page = healthPage({ resource: RESOURCE, checks: [], delivery: failing, rolling: undefined });
  assert.equal(page.status, 'warn');
  const [logs, spans] = page.checks['telemetry:delivery'] ?? [];
  assert.deepEqual(
    [logs?.status, logs?.observedValue, logs?.output, logs?.['accepted'], spans?.status],
    ['warn', 9, 'connect ECONNREFUSED', 3, 'pass'],
  );
  const lost: DeliveryStatus = { ...DELIVERED, spans: { ...DELIVERED.spans, dropped: { full: 1 } } };
  assert.equal(healthPage({ resource: RESOURCE, checks: [], delivery: lost, rolling: undefined }).status, 'warn');
  const check = {
    name: 'db',
    componentType: 'datastore',
    critical: true,
    status: 'fail' as const,
    observedValue: 1,
    observedUnit: 'ms',
    time: new Date(),
    output: 'x',
  };
  assert.equal(
    healthPage({ resource: RESOURCE, checks: [check], delivery: failing, rolling: undefined }).status,
    'fail',
  );
  assert.equal(healthPage({ resource: RESOURCE, checks: [], delivery: undefined, rolling: undefined }).status, 'pass');
});

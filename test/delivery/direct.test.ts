import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { active, isTracingSuppressed } from '../../lib/context/context.ts';
import { ObservationContextManager } from '../../lib/context/context-manager.ts';
import { findStockPackages, STOCK_VERSIONS } from '../../lib/delivery/direct/stock-packages.ts';
import { suppressed } from '../../lib/delivery/direct/suppressed.ts';
import { SightlineError } from '../../lib/errors.ts';
import { type Ended, runChild } from '../support/child.ts';
import type { Receiver } from '../support/receiver.ts';
import { counts, RESOURCE, receiverFor } from './sink-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/delivery/direct.mjs', import.meta.url));
const SOURCE = new URL('../../lib/delivery/direct/direct-delivery.ts', import.meta.url).href;

function run(
  receiver: Pick<Receiver, 'elasticsearchUrl' | 'zipkinUrl' | 'statsdUrl'>,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const options = {
    resource: RESOURCE,
    logs: { url: receiver.elasticsearchUrl, stream: 'logs-shop-production' },
    spans: { url: receiver.zipkinUrl },
    statsd: { url: receiver.statsdUrl },
  };
  return runChild({
    args: [PROGRAM],
    env: { DIRECT: SOURCE, OPTIONS: JSON.stringify(options), ...env },
    timeoutMillis: 60_000,
  });
}

function statusOf(ended: Ended) {
  return JSON.parse(ended.stdout.trim().split('\n').at(-1)!);
}

test('the stock packages carry spans, logs and StatsD, and a flush is enough', async (t) => {
  const receiver = await receiverFor(t);
  const ended = await run(receiver);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, '');
  const status = statusOf(ended);
  assert.deepEqual(status.logs, counts({ accepted: 50, delivered: 50 }));
  assert.deepEqual(status.spans, counts({ accepted: 50, delivered: 50 }));
  assert.deepEqual(
    receiver.documents.map((line) => line['number']),
    Array.from({ length: 50 }, (_, at) => at),
  );
  assert.equal(receiver.documents[0]!['_index'], 'logs-shop-production');
  assert.deepEqual(receiver.statsd, ['a.b:1|c']);
  assert.equal(receiver.spans.length, 50);
  const child = receiver.spans.find(({ parentId }) => parentId !== undefined)!;
  assert.equal(child.traceId, '0af7651916cd43dd8448eb211c80319c');
  assert.equal(child.parentId, 'b7ad6b7169203331');
  assert.equal(child.kind, 'SERVER');
  assert.equal(child.localEndpoint?.serviceName, 'shop');
  assert.equal(child.tags?.['correlation.id'], 'order-7');
  assert.equal(child.tags?.['service.version'], '1.2.3');
  const root = receiver.spans.find(({ parentId }) => parentId === undefined)!;
  assert.notEqual(root.traceId, child.traceId);
  assert.equal(child.tags?.['process.command_args'], undefined, 'no detectors');
});

test('their own traffic is neither traced nor under a request', async (t) => {
  const receiver = await receiverFor(t);
  // The fixture subscribes to the channels that our instruments use and notes the contexts they would see.
  const ended = await run(receiver, { SPY: '1' });
  const seen = statusOf(ended).seen;
  assert.ok(seen.length >= 2, JSON.stringify(seen));
  for (const { suppressed: isSuppressed, correlationId } of seen) {
    assert.equal(isSuppressed, true);
    assert.equal(correlationId, undefined);
  }
});

test('backends that are down: the app lives, the loss is counted, the end keeps its deadline', async () => {
  const down = 'http://127.0.0.1:1';
  const ended = await run(
    { elasticsearchUrl: down, zipkinUrl: down, statsdUrl: 'udp://127.0.0.1:1' },
    { OTEL_LOG_LEVEL: 'none' },
  );
  assert.equal(ended.code, 0, ended.stderr);
  const status = statusOf(ended);
  assert.equal(status.logs.accepted, 50);
  assert.equal(status.spans.accepted, 50);
  for (const signal of ['logs', 'spans']) {
    const dropped = Object.values<number>(status[signal].dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(dropped, 50, JSON.stringify(status[signal]));
    assert.equal(status[signal].onDisk, 0);
  }
  assert.equal(ended.stdout.trim().split('\n').length, 1, 'nothing but ours on standard output');
});

test('a refused batch does not end shipping for good', async (t) => {
  const receiver = await receiverFor(t);
  receiver.fail(/_bulk/, { status: 413 });
  const ended = await run(receiver, { AGAIN: '1' });
  assert.equal(ended.code, 0, ended.stderr);
  const { logs } = statusOf(ended);
  assert.equal(logs.accepted, 100);
  assert.equal(logs.delivered, 50);
  assert.deepEqual(logs.dropped, { backend_error: 50 });
});

test('a package that is missing: the error names the one command', () => {
  const empty = `${mkdtempSync(join(tmpdir(), 'sightline-empty-'))}/`;
  assert.throws(
    () =>
      findStockPackages(
        ['@opentelemetry/sdk-node', '@opentelemetry/exporter-zipkin', 'pino-elasticsearch', 'hot-shots'],
        [empty],
      ),
    (error) =>
      error instanceof SightlineError &&
      error.code === 'SIGHTLINE_E_PEER_MISSING' &&
      error.message.endsWith(
        'run: npm install @opentelemetry/sdk-node@0.301.0 @opentelemetry/exporter-zipkin@3.1.0 pino-elasticsearch@9.0.0 hot-shots@17.1.1',
      ),
  );
});

test('the versions are those of package.json', () => {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.deepEqual({ ...STOCK_VERSIONS }, peerDependencies);
});

test('suppressed', () => {
  assert.equal(isTracingSuppressed(active()), false);
  assert.equal(
    suppressed(() => isTracingSuppressed(active())),
    true,
  );
  assert.ok(new ObservationContextManager());
});

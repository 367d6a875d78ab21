/** The rules of tracing hold in direct mode as with the journal: seen at the receiver of the stock exporter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runChild } from '../support/child.ts';
import { counts, RESOURCE, receiverFor } from './sink-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/delivery/direct.mjs', import.meta.url));
const SOURCE = new URL('../../lib/delivery/direct/direct-delivery.ts', import.meta.url).href;

type Request = readonly [method: string, path: string, failed: boolean];

async function send(t: Parameters<typeof receiverFor>[0], requests: readonly Request[], env: NodeJS.ProcessEnv) {
  const receiver = await receiverFor(t);
  const options = { resource: RESOURCE, spans: { url: receiver.zipkinUrl } };
  const ended = await runChild({
    args: [PROGRAM],
    env: { DIRECT: SOURCE, OPTIONS: JSON.stringify(options), REQUESTS: JSON.stringify(requests), ...env },
  });
  assert.equal(ended.code, 0, ended.stderr);
  const status = JSON.parse(ended.stdout.trim().split('\n').at(-1)!);
  return { spans: receiver.spans, names: receiver.spans.map(({ name }) => name), status };
}

test('rules by route: recorded, counted and told to the next service alike', async (t) => {
  const requests: Request[] = [
    ['GET', '/orders/7', false],
    ['GET', '/internal/queue', false],
    ['POST', '/orders/7', true],
  ];
  const { names, status } = await send(t, requests, { ROUTES: 'POST /orders/:id=0,/internal/*=0' });
  assert.deepEqual(names, ['below /orders/7', 'GET /orders/7']);
  assert.deepEqual(status.told, [
    { name: 'GET /orders/7', sampled: true },
    { name: 'GET /internal/queue', sampled: false },
    { name: 'POST /orders/7', sampled: false },
  ]);
  assert.deepEqual(status.spans, counts({ accepted: 2, delivered: 2 }));
});

test('a sampler that is given in code and does not follow parents: what is below a request follows its rule', async (t) => {
  const requests: Request[] = [
    ['GET', '/a', false],
    ['GET', '/b', false],
  ];
  const { names } = await send(t, requests, {
    SAMPLER: 'always_off',
    ROUTES: '/a=1',
    OTEL_TRACES_SAMPLER: 'always_on',
  });
  assert.deepEqual(names, ['below /a', 'GET /a']);
});

test('failed requests are kept whole, although the next service was told no', async (t) => {
  const requests: Request[] = [
    ['GET', '/fine', false],
    ['GET', '/bad', true],
  ];
  const { names, spans, status } = await send(t, requests, { SAMPLER: 'always_off', KEEP: 'errors' });
  assert.deepEqual(names, ['below /bad', 'GET /bad']);
  assert.equal(spans[0]?.parentId, spans[1]?.id);
  assert.deepEqual(
    status.told.map(({ sampled }: { sampled: boolean }) => sampled),
    [false, false],
  );
  assert.deepEqual(status.spans, counts({ accepted: 2, delivered: 2 }));
});

test('spans leave without secrets and within the limits', async (t) => {
  const { spans } = await send(t, [['GET', '/bad', true]], { LENGTH: '40' });
  const text = JSON.stringify(spans);
  assert.doesNotMatch(text, /canary-/);
  assert.equal(spans.find(({ name }) => name === 'below /bad')?.tags?.['long']?.length, 40);
  assert.equal(spans.find(({ name }) => name === 'GET /bad')?.tags?.['error'], 'password=[redacted]');
});

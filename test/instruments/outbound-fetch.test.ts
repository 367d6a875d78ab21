import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { freePort } from '../support/ports.ts';
import { calling, count, HEADERS } from './calling.ts';

const { recorded, port, requests, ended } = await calling();

const undiciFixture = npmFixture('undici-7');

describe('fetch and undici', () => {
  test('one CLIENT span, headers once', async () => {
    assert.equal(await fetch(`http://127.0.0.1:${port}/x?token=s`).then((r) => r.text()), 'body');
    await ended(1);
    const [span] = recorded.client();
    assert.equal(span.ends, 1);
    assert.equal(span.attributes['url.full'], `http://127.0.0.1:${port}/x?token=[redacted]`);
    assert.equal(span.attributes['http.response.status_code'], 200);
    assert.equal(recorded.clientMetrics[0].serverPort, port);
    for (const name of HEADERS) assert.equal(count(requests[0].raw, name), 1, name);
    assert.ok(requests[0].headers['traceparent']?.toString().includes(span.spanContext().spanId));
  });

  test('each hop of a redirect is a request of its own', async () => {
    await fetch(`http://127.0.0.1:${port}/redirect`).then((r) => r.text());
    await ended(2);
    assert.deepEqual(
      recorded.clientMetrics.map((metric) => metric.statusCode),
      [302, 200],
    );
    for (const { raw } of requests) assert.equal(count(raw, 'traceparent'), 1);
  });

  test('every bad end ends once', async () => {
    const closed = await freePort();
    await assert.rejects(fetch(`http://127.0.0.1:${closed}/`));
    await ended(1);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/drop`));
    await ended(2);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/half`).then((r) => r.text()));
    await ended(3);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/hang`, { signal: AbortSignal.timeout(20) }));
    await ended(4);
    const types = recorded.clientMetrics.map((metric) => metric.errorType);
    assert.equal(types[0], 'ECONNREFUSED');
    assert.ok(
      types.every((type) => typeof type === 'string' && type !== '_OTHER'),
      JSON.stringify(types),
    );
    assert.ok(recorded.client().every((span) => span.ends === 1 && span.status.code === 2));
  });

  test('a copy of undici from the registry is observed too', { skip: undiciFixture.missing }, async () => {
    const { request: undiciRequest } = createRequire(`${undiciFixture.directory}/x.js`)('undici');
    const { body } = await undiciRequest(`http://127.0.0.1:${port}/u`, { headers: { 'x-correlation-id': 'own' } });
    await body.text();
    await ended(1);
    assert.equal(recorded.client().length, 1);
    assert.equal(requests[0].headers['x-correlation-id'], 'own');
    assert.equal(count(requests[0].raw, 'x-correlation-id'), 1);
    assert.equal(count(requests[0].raw, 'traceparent'), 1);
  });
});

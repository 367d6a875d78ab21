import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';
import { ask, rawConnection } from './recorder.ts';
import { ok, serving } from './serving.ts';

const { recorded, serve, ended } = serving();

describe('one request', () => {
  test('leaves a span, a histogram observation with exemplar and an access line', async () => {
    const port = await serve(ok);
    const answer = await ask(port, '/orders/7?token=secret&a=1', { headers: { 'user-agent': 'probe/1' } });
    await ended(1);
    const [span] = recorded.server();
    assert.equal(recorded.server().length, 1);
    assert.equal(span.ends, 1);
    assert.equal(span.name, 'GET', 'never the raw path');
    assert.deepEqual(span.attributes, {
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'url.query': 'token=[redacted]&a=1',
      'correlation.id': span.spanContext().traceId,
      'http.response.status_code': 200,
      'network.protocol.version': '1.1',
      'server.address': '127.0.0.1',
      'server.port': port,
      'client.address': '127.0.0.1',
      'user_agent.original': 'probe/1',
    });
    const { durationSeconds, endMillis, ...metric } = recorded.serverMetrics[0] as Record<string, number>;
    assert.ok(durationSeconds > 0 && endMillis > 0);
    assert.deepEqual(metric, {
      method: 'GET',
      route: '',
      statusCode: 200,
      scheme: 'http',
      errorType: undefined,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
    });
    assert.equal(recorded.access.length, 1);
    assert.equal(recorded.access[0].scope.path, '/orders/7');
    assert.ok(Number.isInteger(recorded.access[0].end.durationNanos));
    assert.equal(recorded.errors.length, 0);
    assert.equal(recorded.active, 0);
    assert.equal(answer.headers['x-correlation-id'], span.spanContext().traceId, 'without an ID the trace ID serves');
    assert.equal(answer.headers['x-request-id'], undefined);
  });

  test('continues the trace and keeps the ID of its caller', async () => {
    const port = await serve(ok);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await ask(port, '/', { headers: { traceparent, 'x-correlation-id': 'order-1' } });
    await ended(1);
    assert.equal(recorded.server()[0].parent?.spanId, 'b7ad6b7169203331');
    assert.equal(recorded.server()[0].attributes['correlation.id'], 'order-1');
    assert.equal(answer.headers['x-correlation-id'], 'order-1');
  });

  test('an ID that came as x-request-id goes back under both names', async () => {
    const port = await serve(ok);
    const answer = await ask(port, '/', { headers: { 'x-request-id': 'r-1' } });
    assert.equal(answer.headers['x-correlation-id'], 'r-1');
    assert.equal(answer.headers['x-request-id'], 'r-1');
  });

  test('an ID that is not acceptable is counted, replaced and never echoed', async () => {
    const port = await serve(ok);
    const answer = await ask(port, '/', { headers: { 'x-correlation-id': 'a b<script>' } });
    await ended(1);
    assert.equal(recorded.rejected, 1);
    assert.equal(answer.headers['x-correlation-id'], recorded.server()[0].spanContext().traceId);
    assert.ok(!JSON.stringify(answer.rawHeaders).includes('script'));
  });

  test('an unknown method is _OTHER, and its span is called HTTP', async () => {
    const port = await serve(ok);
    await ask(port, '/', { method: 'PROPFIND' });
    await ended(1);
    assert.equal(recorded.serverMetrics[0].method, '_OTHER');
    assert.equal(recorded.server()[0].name, 'HTTP');
    assert.equal(recorded.server()[0].attributes['http.request.method_original'], 'PROPFIND');
  });

  test('proxy headers are not believed', async () => {
    const port = await serve(ok);
    await ask(port, '/', { headers: { 'x-forwarded-proto': 'https', 'x-forwarded-for': '9.9.9.9' } });
    await ended(1);
    assert.equal(recorded.server()[0].attributes['url.scheme'], 'http');
    assert.equal(recorded.server()[0].attributes['client.address'], '127.0.0.1');
  });

  test('a span that is not sampled gives no exemplar, and its IDs all the same', async () => {
    recorded.sampling = false;
    const port = await serve(ok);
    const answer = await ask(port, '/');
    await ended(1);
    recorded.sampling = true;
    assert.equal(recorded.serverMetrics[0].traceId, undefined);
    assert.deepEqual(recorded.server()[0].attributes, {});
    assert.equal(recorded.access.length, 1);
    assert.match(String(answer.headers['x-correlation-id']), /^[0-9a-f]{32}$/);
  });

  test('the name that the app gave the span stays', async () => {
    const port = await serve((_request, response) => {
      active().span?.updateName('checkout');
      response.end();
    });
    await ask(port, '/');
    await ended(1);
    assert.equal(recorded.server()[0].name, 'checkout');
  });

  test('ignored paths have an ID and are counted, without span and access line', async () => {
    const port = await serve(ok);
    for (const path of ['/livez', '/livez?verbose', '/static/a.js']) {
      const answer = await ask(port, path, { headers: { 'x-correlation-id': 'probe' } });
      assert.equal(answer.headers['x-correlation-id'], 'probe');
    }
    await ended(3);
    assert.equal(recorded.spans.length, 0);
    assert.equal(recorded.access.length, 0);
    await ask(port, '/livez/x');
    await ended(4);
    assert.equal(recorded.spans.length, 1, 'exact means exact');
  });

  test('a server of our own is not observed', async () => {
    const server = Object.assign(createServer(), { [kOwn]: true });
    const port = await serve(ok, server);
    const answer = await ask(port, '/');
    assert.equal(answer.headers['x-correlation-id'], undefined);
    assert.equal(recorded.serverMetrics.length, 0);
  });
});

test('connections of listening servers are counted, our own ones left out', async () => {
  const port = await serve(ok);
  const own = Object.assign(createServer(ok), { [kOwn]: true });
  const ownPort = await serve(ok, own);
  const connections = [rawConnection(port), rawConnection(port), rawConnection(ownPort)];
  await eventually('two connections', () => (recorded.instruments.connections() === 2 ? true : undefined), {
    pauseMillis: 2,
  });
  for (const connection of connections) connection.destroy();
  await eventually('none', () => (recorded.instruments.connections() === 0 ? true : undefined), { pauseMillis: 2 });
});

test('a request that is over lets go of its objects, whoever still holds the scope', async () => {
  const scopes: unknown[] = [];
  const port = await serve((_request, response) => {
    scopes.push(active().request);
    response.end();
  });
  await ask(port, '/');
  await ended(1);
  const scope = scopes[0] as Record<string, unknown>;
  assert.deepEqual([scope.request, scope.response, scope.socket], [undefined, undefined, undefined]);
});

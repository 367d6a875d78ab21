import assert from 'node:assert/strict';
import http, { Agent, createServer, get, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { propagation } from '@opentelemetry/api';
import { active, ROOT, runIn } from '../../lib/context/context.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { calling, count, HEADERS } from './calling.ts';

const { recorded, port, requests, ended, send } = await calling();

describe('http', () => {
  test('one CLIENT span, one observation, headers once', async () => {
    assert.equal(await send({ path: '/a?token=secret' }), 'body');
    await ended(1);
    const [span] = recorded.client();
    assert.equal(recorded.client().length, 1);
    assert.equal(span.name, 'GET');
    assert.equal(span.ends, 1);
    assert.deepEqual(span.attributes, {
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': port,
      'url.full': `http://127.0.0.1:${port}/a?token=[redacted]`,
      'correlation.id': span.spanContext().traceId,
      'http.response.status_code': 200,
    });
    const { durationSeconds, endMillis, ...metric } = recorded.clientMetrics[0] as Record<string, number>;
    assert.ok(durationSeconds > 0 && endMillis > 0);
    assert.deepEqual(metric, {
      method: 'GET',
      serverAddress: '127.0.0.1',
      serverPort: port,
      statusCode: 200,
      errorType: undefined,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
    });
    const [{ headers, raw }] = requests;
    assert.equal(headers['traceparent'], `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
    assert.equal(headers['x-correlation-id'], span.spanContext().traceId);
    for (const name of HEADERS) assert.equal(count(raw, name), 1, name);
  });

  test('every way to ask for it: get, url and options, an array of headers, Expect, ClientRequest itself', async () => {
    const ways: Record<string, () => Promise<unknown>> = {
      get: () => new Promise((resolve) => get(`http://127.0.0.1:${port}/get`, (r) => r.resume().on('end', resolve))),
      'default import': () =>
        new Promise((resolve) => http.get({ port, host: '127.0.0.1' }, (r) => r.resume().on('end', resolve))),
      'flat array': () => send({ headers: ['Host', 'h', 'A', '1'] as never }),
      'nested array': () =>
        send({
          headers: [
            ['Host', 'h'],
            ['A', '1'],
          ] as never,
        }),
      expect: () => send({ method: 'POST', headers: { Expect: '100-continue', 'content-length': '2' } }, 'ab'),
      'expect in an array': () =>
        send(
          { method: 'POST', headers: ['Host', 'h', 'Expect', '100-continue', 'Content-Length', '2'] as never },
          'ab',
        ),
      ClientRequest: () =>
        new Promise((resolve) =>
          new http.ClientRequest(`http://127.0.0.1:${port}/`, (r) => void r.resume().on('end', resolve)).end(),
        ),
      'agent false': () => send({ agent: false }),
      'kept alive': () => send({ agent: new Agent({ keepAlive: true, timeout: 1000 }) }),
      'a body in pieces': () =>
        new Promise((resolve) => {
          const outgoing = request(
            { port, host: '127.0.0.1', method: 'PUT' },
            (r) => void r.resume().on('end', resolve),
          );
          outgoing.write('a');
          setImmediate(() => outgoing.end('b'));
        }),
      flushHeaders: () =>
        new Promise((resolve) => {
          const outgoing = request({ port, host: '127.0.0.1' }, (r) => void r.resume().on('end', resolve));
          outgoing.flushHeaders();
          outgoing.end();
        }),
    };
    let done = 0;
    for (const [name, way] of Object.entries(ways)) {
      await way();
      done += 1;
      await ended(done);
      assert.equal(recorded.client().length, done, name);
      const span = recorded.client()[done - 1];
      const { headers, raw } = requests[done - 1];
      for (const header of HEADERS) assert.equal(count(raw, header), 1, `${name}: ${header}`);
      assert.ok(headers['traceparent']?.toString().includes(span.spanContext().spanId), name);
      assert.equal(recorded.clientMetrics[done - 1].serverPort, port, name);
      assert.equal(span.ends, 1, name);
    }
  });

  test('what the app has set itself stays, in every form', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const forms: (() => Promise<unknown>)[] = [
      () => send({ headers: { Traceparent: traceparent, 'X-Correlation-Id': 'mine' } }),
      () => send({ headers: ['Host', 'h', 'TraceParent', traceparent, 'X-CORRELATION-ID', 'mine'] as never }),
      () =>
        send({
          headers: [
            ['Host', 'h'],
            ['traceparent', traceparent],
            ['x-correlation-id', 'mine'],
          ] as never,
        }),
      () => send({ method: 'POST', headers: { expect: '100-continue', traceparent, 'x-correlation-id': 'mine' } }, 'x'),
      () =>
        fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent, 'x-correlation-id': 'mine' } }).then((r) =>
          r.text(),
        ),
    ];
    for (const form of forms) await form();
    for (const { headers, raw } of requests) {
      assert.equal(headers['traceparent'], traceparent);
      assert.equal(headers['x-correlation-id'], 'mine');
      assert.equal(count(raw, 'traceparent'), 1);
      assert.equal(count(raw, 'x-correlation-id'), 1);
      assert.equal(count(raw, 'b3'), 0, 'no second trace context beside the app’s');
    }
    await ended(forms.length);
  });

  test('b3 of the app keeps our traceparent away', async () => {
    await send({ headers: { 'X-B3-TraceId': '463ac35c9f6413ad48485a3953bb6124', 'X-B3-SpanId': 'a2fb4a1d1a96d312' } });
    assert.equal(requests[0].headers['traceparent'], undefined);
    assert.match(String(requests[0].headers['x-correlation-id']), /^[0-9a-f]{32}$/);
  });

  test('the parent is what runs, the ID that of the work', async () => {
    await correlation.run('job-7', async () => {
      await send({});
      await fetch(`http://127.0.0.1:${port}/`).then((r) => r.text());
    });
    assert.deepEqual(
      requests.map(({ headers }) => headers['x-correlation-id']),
      ['job-7', 'job-7'],
    );
    const server = createServer(async (_incoming, response) => {
      await send({});
      await fetch(`http://127.0.0.1:${port}/`).then((r) => r.text());
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    requests.length = 0;
    recorded.clear();
    await runIn(ROOT, () =>
      send({ port: (server.address() as AddressInfo).port, headers: { 'x-correlation-id': 'inbound-1' } }),
    );
    server.close();
    await ended(3);
    const [served] = recorded.server();
    const inner = recorded.client().filter((span) => span.parent?.spanId === served.spanContext().spanId);
    assert.equal(inner.length, 2);
    assert.deepEqual(
      requests.map(({ headers }) => headers['x-correlation-id']),
      ['inbound-1', 'inbound-1'],
    );
  });

  test('work of an ignored path tells the next hop not to sample', async () => {
    const server = createServer(async (_incoming, response) => {
      await send({});
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await send({
      port: (server.address() as AddressInfo).port,
      path: '/livez',
      agent: Object.assign(new Agent(), { [kOwn]: true }),
    });
    server.close();
    const [span] = recorded.client();
    assert.equal(span.parent?.traceFlags, 0);
    assert.equal(requests[0].headers['x-correlation-id'], span.parent?.traceId);
  });

  test('to excluded hosts nothing goes; the span is there', async () => {
    const server = Object.assign(
      createServer((incoming, response) => response.end(JSON.stringify(incoming.headers))),
      { [kOwn]: true },
    );
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, '::1', resolve));
    const { port: other } = server.address() as AddressInfo;
    const viaHttp = JSON.parse(await send({ host: '::1', port: other }));
    const viaFetch = (await fetch(`http://[::1]:${other}/`).then((r) => r.json())) as Record<string, string>;
    server.closeAllConnections();
    server.close();
    for (const headers of [viaHttp, viaFetch]) for (const name of HEADERS) assert.equal(headers[name], undefined, name);
    await ended(2);
    for (const span of recorded.client()) assert.equal(span.attributes['url.full'], `http://[::1]:${other}/`);
  });

  test('baggage goes to hosts that look near, once', async () => {
    const baggage = propagation.createBaggage({ tenant: { value: 'a' } });
    await runIn(active().withBaggage(baggage), async () => {
      await send({});
      await send({ headers: { baggage: 'mine=1' } });
    });
    assert.deepEqual(
      requests.map(({ headers }) => headers['baggage']),
      ['tenant=a', 'mine=1'],
    );
  });
});

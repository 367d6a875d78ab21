import assert from 'node:assert/strict';
import http, { Agent, createServer, get, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { propagation } from '@opentelemetry/api';
import { active, ROOT, runIn } from '../../lib/context/context.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { createHostPolicy } from '../../lib/context/hosts.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { npmFixture } from '../backends/npm.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/wait.ts';
import { record } from './recorder.ts';

const undiciFixture = npmFixture('undici-7');

// Everyone but the IPv6 loopback, which is as good as a stranger here.
const recorded = record({ hostPolicy: createHostPolicy({ propagate: ['*', '!::1'] }) });
let target: Server;
let port = 0;
let requests: { headers: IncomingHttpHeaders; raw: string[] }[] = [];

before(async () => {
  target = Object.assign(
    createServer((incoming, response) => {
      requests.push({ headers: incoming.headers, raw: incoming.rawHeaders });
      const path = incoming.url ?? '/';
      if (path.startsWith('/drop')) incoming.socket.destroy();
      else if (path.startsWith('/half')) {
        response.writeHead(200, { 'content-length': '9' }).write('half');
        setTimeout(() => incoming.socket.destroy(), 5);
      } else if (path.startsWith('/hang')) return;
      else if (path.startsWith('/status/')) response.writeHead(Number(path.slice(8))).end('x');
      else if (path.startsWith('/redirect')) response.writeHead(302, { location: '/end' }).end();
      else incoming.resume().on('end', () => response.end('body'));
    }),
    { [kOwn]: true },
  );
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  port = (target.address() as AddressInfo).port;
});
after(() => {
  target.closeAllConnections();
  target.close();
  recorded.instruments.stop();
});
afterEach(() => {
  recorded.clear();
  requests = [];
  assert.equal(internalErrors(), 0, 'no bug of ours was caught');
});

const ended = (count: number) =>
  eventually(`${count} ended client requests`, () => (recorded.clientMetrics.length >= count ? true : undefined), {
    pauseMillis: 2,
  });

/** Sends by `http.request` and reads the answer. */
function send(options: http.RequestOptions, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    outgoing.on('error', reject).end(body);
  });
}

function count(raw: readonly string[], name: string): number {
  return raw.filter((value, index) => index % 2 === 0 && value.toLowerCase() === name).length;
}

const HEADERS = ['traceparent', 'b3', 'x-correlation-id'];

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
    requests = [];
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

  test('a response event runs where the request was made, on a reused connection too', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const seen: (string | undefined)[] = [];
    const one = (id: string) =>
      correlation.run(
        id,
        () =>
          new Promise<void>((resolve) => {
            request({ port, host: '127.0.0.1', agent }, (response) => {
              seen.push(active().correlationId);
              response.on('data', () => seen.push(active().correlationId));
              response.on('end', () => {
                seen.push(active().correlationId);
                resolve();
              });
            }).end();
          }),
      );
    await Promise.all([one('a'), one('b')]);
    agent.destroy();
    assert.deepEqual(seen, ['a', 'a', 'a', 'b', 'b', 'b']);
  });

  test('4xx and 5xx are errors of a client', async () => {
    await send({ path: '/status/404' });
    await send({ path: '/status/503' });
    await ended(2);
    assert.deepEqual(
      recorded.clientMetrics.map((metric) => metric.errorType),
      ['404', '503'],
    );
    assert.ok(recorded.client().every((span) => span.status.code === 2 && span.ends === 1));
  });

  test('every bad end ends once, and says which', async () => {
    const closed = await freePort();
    const ends: [string, () => Promise<unknown>, Record<string, unknown>][] = [
      [
        'refused',
        () => send({ port: closed }),
        { errorType: 'ECONNREFUSED', statusCode: undefined, serverPort: closed },
      ],
      ['hang up', () => send({ path: '/drop' }), { errorType: 'ECONNRESET', statusCode: undefined }],
      ['half a response', () => send({ path: '/half' }), { errorType: 'aborted', statusCode: 200 }],
      [
        'aborted by signal',
        () => send({ path: '/hang', signal: AbortSignal.timeout(20) }),
        { errorType: 'ABORT_ERR', statusCode: undefined },
      ],
      [
        'timeout',
        () =>
          new Promise((_resolve, reject) => {
            const outgoing = request({ port, host: '127.0.0.1', path: '/hang', timeout: 20 });
            outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('slow'), { code: 'ETIMEDOUT' })));
            outgoing.on('error', reject).end();
          }),
        { errorType: 'ETIMEDOUT', statusCode: undefined },
      ],
      [
        'destroyed at once',
        () =>
          new Promise((_resolve, reject) => {
            const outgoing = request({ port, host: '127.0.0.1' });
            outgoing.on('error', reject).destroy();
          }),
        { errorType: 'ECONNRESET', statusCode: undefined },
      ],
      [
        'no such host',
        () => send({ host: 'nowhere.invalid' }),
        { serverAddress: 'nowhere.invalid', statusCode: undefined },
      ],
    ];
    let done = 0;
    for (const [name, act, expected] of ends) {
      await assert.rejects(act(), name);
      done += 1;
      await ended(done);
      const metric = recorded.clientMetrics[done - 1];
      for (const [key, value] of Object.entries(expected)) assert.equal(metric[key], value, `${name}: ${key}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(recorded.clientMetrics.length, done);
    assert.ok(recorded.client().every((span) => span.ends === 1 && span.status.code === 2));
  });

  test('a response that nobody listens for, HEAD and 204 end', async () => {
    request({ port, host: '127.0.0.1' }).end();
    await send({ method: 'HEAD' });
    await send({ path: '/status/204' });
    await ended(3);
    assert.ok(recorded.client().every((span) => span.ends === 1 && span.status.code === 0));
  });

  test('an upgrade ends with its 101', async () => {
    const server = Object.assign(createServer(), { [kOwn]: true });
    server.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const outgoing = request({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      headers: { connection: 'Upgrade', upgrade: 'x' },
    });
    outgoing.on('upgrade', (_response, socket) => socket.destroy());
    outgoing.end();
    await ended(1);
    server.close();
    assert.equal(recorded.clientMetrics[0].statusCode, 101);
    assert.equal(recorded.clientMetrics[0].errorType, undefined);
  });

  test('our own agent and suppressed work are not observed', async () => {
    const agent = Object.assign(new Agent(), { [kOwn]: true });
    await send({ agent });
    const suppressed = active().setValue(Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true);
    await runIn(suppressed, async () => {
      await send({});
      await fetch(`http://127.0.0.1:${port}/`).then((r) => r.text());
    });
    assert.equal(recorded.spans.length, 0);
    for (const { raw } of requests) for (const name of HEADERS) assert.equal(count(raw, name), 0);
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

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { active } from '../../lib/context/context.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';
import { askOver, http2Serving, pem } from './http2-serving.ts';
import { seen } from './serving.ts';

const { recorded, atEnd, ended, listen, compat, streams, session } = http2Serving();
const thisFile = fileURLToPath(import.meta.url);

describe('one request over HTTP/2', () => {
  test('compatibility API: span, observation, access line, header', async () => {
    const port = await compat((_request, response) => void response.end('ok'));
    const answer = await askOver(session(port), { ':path': '/orders/7?token=s&a=1', 'user-agent': 'probe/1' });
    await ended(1);
    const [span] = recorded.server();
    assert.equal(recorded.server().length, 1);
    assert.equal(span.ends, 1);
    assert.equal(span.name, 'GET');
    assert.deepEqual(span.attributes, {
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'url.query': 'token=[redacted]&a=1',
      'correlation.id': span.spanContext().traceId,
      'http.response.status_code': 200,
      'network.protocol.version': '2',
      'server.address': 'localhost',
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
    assert.equal(recorded.active, 0);
    assert.equal(answer.body, 'ok');
    assert.equal(answer.headers['x-correlation-id'], span.spanContext().traceId);
  });

  test('stream API: continues the trace, keeps the ID, trailers arrive', async () => {
    const port = await streams((stream) => {
      stream.respond({ ':status': 201, 'content-type': 'text/plain' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(seen());
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await askOver(session(port), { ':path': '/s', traceparent, 'x-request-id': 'order-1' });
    await ended(1);
    assert.deepEqual([answer.body, answer.headers[':status']], ['order-1', 201]);
    assert.equal(answer.headers['content-type'], 'text/plain');
    assert.equal(answer.headers['x-correlation-id'], 'order-1');
    assert.equal(answer.headers['x-request-id'], 'order-1');
    assert.equal(answer.trailers?.['grpc-status'], '0');
    assert.equal(recorded.server()[0].parent?.spanId, 'b7ad6b7169203331');
    assert.equal(recorded.serverMetrics[0].statusCode, 201);
  });

  test('both APIs on one server make one span a request', async () => {
    const server = createServer((_request, response) => void response.end('x'));
    server.on('stream', () => {});
    server.on('session', (one) => one.on('stream', () => assert.equal(seen(), 'both')));
    await askOver(session(await listen(server)), { ':path': '/', 'x-correlation-id': 'both' });
    await ended(1);
    assert.equal(recorded.server().length, 1);
  });

  test('files, HEAD, no body, a status alone', async () => {
    const port = await streams((stream, headers) => {
      if (headers[':path'] === '/file') stream.respondWithFile(thisFile, { 'content-type': 'text/plain' });
      else if (headers[':path'] === '/missing')
        stream.respondWithFile(
          '/nowhere',
          {},
          { onError: () => stream.respond({ ':status': 404 }, { endStream: true }) },
        );
      else stream.respond(undefined, { endStream: true });
    });
    const client = session(port);
    const file = await askOver(client, { ':path': '/file', 'x-correlation-id': 'f' });
    assert.equal(file.body, readFileSync(thisFile, 'utf8'));
    assert.equal(file.headers['x-correlation-id'], 'f');
    await ended(1);
    const missing = await askOver(client, { ':path': '/missing', 'x-correlation-id': 'm' });
    assert.equal(missing.headers['x-correlation-id'], 'm');
    await ended(2);
    assert.equal((await askOver(client, { ':method': 'HEAD', ':path': '/' })).headers[':status'], 200);
    await ended(3);
    assert.deepEqual(
      recorded.serverMetrics.map(({ statusCode, errorType }) => [statusCode, errorType]),
      [
        [200, undefined],
        [404, undefined],
        [200, undefined],
      ],
    );
    assert.ok(recorded.server().every((span) => span.ends === 1));
  });

  test('an ID that the app has set itself wins, in both APIs', async () => {
    const port = await compat((request, response) => {
      if (request.url === '/object') response.writeHead(200, { 'X-Correlation-ID': 'mine' });
      else response.setHeader('X-Correlation-Id', 'mine');
      response.end();
    });
    const client = session(port);
    assert.equal((await askOver(client, { ':path': '/object' })).headers['x-correlation-id'], 'mine');
    assert.equal((await askOver(client, { ':path': '/set' })).headers['x-correlation-id'], 'mine');
    const other = await streams((stream) => stream.respond({ 'X-Correlation-Id': 'mine' }, { endStream: true }));
    assert.equal((await askOver(session(other), { ':path': '/' })).headers['x-correlation-id'], 'mine');
  });

  test('what the app passed to respond() is not changed; what Node refuses it refuses', async () => {
    const codes: unknown[] = [];
    const given = { ':status': 200 };
    const port = await streams((stream) => {
      for (const attempt of [
        () => stream.respond('text' as never),
        () => stream.respond({ ':status': 101 }),
        () => stream.respond({ connection: 'close' }),
        () => stream.respond(given),
        () => stream.respond(given),
      ]) {
        try {
          attempt();
        } catch (error) {
          codes.push((error as { code?: string }).code);
        }
      }
      stream.end();
    });
    await askOver(session(port), { ':path': '/' });
    assert.deepEqual(given, { ':status': 200 });
    assert.equal(codes.length, 4);
    assert.equal(codes.at(-1), 'ERR_HTTP2_HEADERS_SENT');
    assert.ok(codes.includes('ERR_HTTP2_INVALID_CONNECTION_HEADERS') && codes.includes('ERR_INVALID_ARG_TYPE'));
  });

  test('ignored paths and servers of our own', async () => {
    const port = await compat((_request, response) => void response.end());
    assert.equal(
      (await askOver(session(port), { ':path': '/livez', 'x-correlation-id': 'p' })).headers['x-correlation-id'],
      'p',
    );
    await ended(1);
    assert.deepEqual([recorded.spans.length, recorded.access.length], [0, 0]);
    const own = await listen(
      Object.assign(
        createServer((_request, response) => void response.end()),
        { [kOwn]: true },
      ),
    );
    assert.equal((await askOver(session(own), { ':path': '/' })).headers['x-correlation-id'], undefined);
    assert.equal(recorded.serverMetrics.length, 1);
  });
});

describe('context over HTTP/2', () => {
  for (const api of ['compat', 'stream'] as const) {
    test(`${api}: late bodies, timers and the end keep the request, for streams side by side`, async () => {
      const handle = (source: Readable, finish: (text: string) => void): void => {
        const places: (string | undefined)[] = [seen()];
        source.on('data', () => {
          places.push(seen());
          setTimeout(() => places.push(seen()), 0);
        });
        source.on('end', () => {
          places.push(seen());
          setTimeout(() => finish(JSON.stringify([...new Set([...places, seen()])])), 3);
        });
      };
      const port =
        api === 'compat'
          ? await compat((request, response) => handle(request, (text) => void response.end(text)))
          : await streams((stream) => handle(stream, (text) => void stream.end(text)));
      const client = session(port);
      const asked = ['a', 'b', 'c'].map((id) => {
        const stream = client.request({ ':path': '/', ':method': 'POST', 'x-correlation-id': id });
        return { id, stream };
      });
      for (const { stream } of asked) stream.write('1');
      await new Promise((resolve) => setTimeout(resolve, 15));
      for (const { id, stream } of asked) {
        const body = await new Promise<string>((resolve) => {
          let text = '';
          stream.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          stream.on('end', () => resolve(text));
          stream.end('2');
        });
        assert.deepEqual(JSON.parse(body), [id]);
      }
      await ended(3);
      assert.deepEqual(recorded.access.map(({ scope }) => scope.correlationId).toSorted(), ['a', 'b', 'c']);
    });
  }

  test('nothing of a request is left on its session', async () => {
    const server = createServer();
    const left: unknown[] = [];
    server.on('session', (one) => {
      one.on('ping', () => left.push(active().request));
      one.on('close', () => left.push(active().request));
    });
    server.on('stream', (stream) => stream.respond({}, { endStream: true }));
    const client = session(await listen(server));
    await askOver(client, { ':path': '/' });
    await new Promise((resolve) => client.ping(resolve));
    client.destroy();
    await eventually('the close', () => (left.length === 2 ? true : undefined), { pauseMillis: 2 });
    assert.deepEqual(left, [undefined, undefined]);
  });
});

describe('secure, with HTTP/1 beside', () => {
  test('both protocols: one span each, scheme, version, context, header', async () => {
    const server = createSecureServer({ key: pem('key'), cert: pem('cert'), allowHTTP1: true }, (request, response) => {
      request.on('data', () => {});
      request.on('end', () => void response.end(seen() ?? ''));
    });
    const port = await listen(server);
    const two = await askOver(
      session(port, 'https'),
      { ':path': '/two', ':method': 'POST', 'x-correlation-id': 'h2' },
      'x',
    );
    assert.deepEqual([two.body, two.headers['x-correlation-id']], ['h2', 'h2']);
    const one = await new Promise<{ body: string; id: unknown }>((resolve, reject) => {
      const outgoing = httpsRequest(
        {
          host: '127.0.0.1',
          port,
          path: '/one',
          method: 'POST',
          ca: pem('cert'),
          servername: 'localhost',
          headers: { 'x-correlation-id': 'h1' },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('end', () => resolve({ body, id: response.headers['x-correlation-id'] }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end('x');
    });
    assert.deepEqual(one, { body: 'h1', id: 'h1' });
    await ended(2);
    assert.deepEqual(
      recorded
        .server()
        .map((span) => [span.attributes['url.scheme'], span.attributes['network.protocol.version'], span.ends]),
      [
        ['https', '2', 1],
        ['https', '1.1', 1],
      ],
    );
    assert.ok(recorded.instruments.connections() >= 1);
  });
});

test('Fastify over HTTP/2: route and error', async () => {
  const { fastify } = await import('fastify');
  const app = fastify({ http2: true } as object) as any;
  app.get('/items/:id', async () => 'item');
  app.get('/fails/:id', async function readsBadly() {
    throw new Error('thrown');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  atEnd(() => void app.close());
  const client = session((app.server.address() as AddressInfo).port);
  assert.equal((await askOver(client, { ':path': '/items/7' })).body, 'item');
  assert.equal((await askOver(client, { ':path': '/fails/7' })).headers[':status'], 500);
  await ended(2);
  assert.deepEqual(
    recorded.serverMetrics.map(({ route, statusCode }) => [route, statusCode]),
    [
      ['/items/:id', 200],
      ['/fails/:id', 500],
    ],
  );
  assert.equal(recorded.server()[0].name, 'GET /items/:id');
  assert.equal((recorded.server()[1].exceptions[0] as { message: string }).message, 'thrown');
  assert.equal(recorded.errors.length, 1);
});

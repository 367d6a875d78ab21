import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline, Transform, Writable } from 'node:stream';
import { after, afterEach, describe, test } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { markErrorLogged } from '../../lib/context/request-scope.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';
import { ask, rawConnection, record } from './recorder.ts';

const recorded = record();
const servers: Server[] = [];

after(() => recorded.instruments.stop());
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  recorded.clear();
  assert.equal(internalErrors(), 0, 'no bug of ours was caught');
});

async function serve(handler: RequestListener, server: Server = createServer()): Promise<number> {
  server.on('request', handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const ok: RequestListener = (_request, response) => void response.end('ok');
const seen = () => active().request?.correlationId;
const ended = (count: number) =>
  eventually(`${count} ended requests`, () => (recorded.serverMetrics.length >= count ? true : undefined), {
    pauseMillis: 2,
  });

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

describe('the head of the response', () => {
  const id = { headers: { 'x-correlation-id': 'ID-1' } };
  /** Each form of `writeHead`, and what the client must see beside the ID. */
  const forms: Record<string, { write: (response: ServerResponse) => unknown; expect: Record<string, unknown> }> = {
    'flat array': { write: (r) => r.writeHead(201, ['a', '1', 'a', '2']), expect: { a: '1, 2' } },
    'nested array': {
      write: (r) =>
        r.writeHead(201, [
          ['set-cookie', 'x=1'],
          ['set-cookie', 'y=2'],
        ] as never),
      expect: { 'set-cookie': ['x=1', 'y=2'] },
    },
    object: { write: (r) => r.writeHead(201, { a: '1', b: ['2', '3'] }), expect: { a: '1', b: '2, 3' } },
    'null-prototype object': {
      write: (r) => r.writeHead(201, Object.assign(Object.create(null), { a: '1' })),
      expect: { a: '1' },
    },
    'Map and Headers, which have no own keys': {
      write: (r) => r.writeHead(201, new Map([['a', '1']]) as never),
      expect: { a: undefined },
    },
    reason: { write: (r) => r.writeHead(201, 'Made', { a: '1' }), expect: { a: '1' } },
    'reason and array': { write: (r) => r.writeHead(201, 'Made', ['a', '1']), expect: { a: '1' } },
    'status alone': { write: (r) => r.writeHead(201), expect: {} },
    'setHeader before an object': {
      write: (r) => {
        r.setHeader('a', '0');
        r.setHeader('c', '3');
        r.writeHead(201, { a: '1' });
      },
      expect: { a: '1', c: '3' },
    },
    'setHeader before a flat array': {
      write: (r) => {
        r.setHeader('a', '0');
        r.writeHead(201, ['a', '1', 'a', '2']);
      },
      expect: { a: '1, 2' },
    },
    implicit: {
      write: (r) => {
        r.statusCode = 201;
        r.setHeader('a', '1');
      },
      expect: { a: '1' },
    },
    flushHeaders: {
      write: (r) => {
        r.statusCode = 201;
        r.flushHeaders();
      },
      expect: {},
    },
    // Removed in Node 26.
    ...('writeHeader' in ServerResponse.prototype && {
      writeHeader: {
        write: (r: ServerResponse) =>
          (r as unknown as { writeHeader(status: number, headers: object): void }).writeHeader(201, { a: '1' }),
        expect: { a: '1' },
      },
    }),
  };

  for (const [name, { write, expect }] of Object.entries(forms)) {
    test(`${name}: gets the ID and nothing else changes`, async () => {
      const port = await serve((_request, response) => {
        const before = response.getHeaderNames();
        write(response);
        assert.ok(!response.getHeaderNames().includes('x-correlation-id'), 'not visible to the app');
        assert.ok(before.length <= response.getHeaderNames().length);
        response.end('body');
      });
      const answer = await ask(port, '/', id);
      assert.equal(answer.status, 201);
      assert.equal(answer.body, 'body');
      assert.equal(answer.headers['x-correlation-id'], 'ID-1');
      for (const [header, value] of Object.entries(expect)) assert.deepEqual(answer.headers[header], value);
      assert.equal(answer.rawHeaders.filter((value) => value.toLowerCase() === 'x-correlation-id').length, 1);
    });
  }

  const own: Record<string, (response: ServerResponse) => unknown> = {
    setHeader: (r) => r.setHeader('X-Correlation-ID', 'mine'),
    'flat array': (r) => r.writeHead(200, ['X-CORRELATION-ID', 'mine']),
    'nested array': (r) => r.writeHead(200, [['x-Correlation-id', 'mine']] as never),
    object: (r) => r.writeHead(200, { 'X-Correlation-Id': 'mine' }),
  };
  for (const [name, write] of Object.entries(own)) {
    test(`an ID that the app has set itself by ${name} wins`, async () => {
      const port = await serve((_request, response) => {
        write(response);
        response.end();
      });
      const answer = await ask(port, '/', id);
      const names = answer.rawHeaders.filter((_value, index) => index % 2 === 0).map((value) => value.toLowerCase());
      assert.equal(answer.headers['x-correlation-id'], 'mine');
      assert.equal(names.filter((value) => value === 'x-correlation-id').length, 1);
    });
  }

  test('what writeHead refuses it refuses as without us', async () => {
    const codes: unknown[] = [];
    const port = await serve((_request, response) => {
      for (const attempt of [
        () => response.writeHead(42),
        () => response.writeHead(200, ['odd']),
        () => response.writeHead(200, { 'bad name': '1' }),
        () => response.writeHead(200, 'bad\nreason'),
      ]) {
        try {
          attempt();
        } catch (error) {
          codes.push((error as { code?: string }).code);
        }
      }
      response.statusMessage = 'OK';
      response.writeHead(200);
      assert.throws(() => response.writeHead(200), { code: 'ERR_HTTP_HEADERS_SENT' });
      response.end();
    });
    await ask(port, '/', id);
    assert.deepEqual(codes.slice(0, 2), ['ERR_HTTP_INVALID_STATUS_CODE', 'ERR_INVALID_ARG_VALUE']);
    assert.ok(codes.includes('ERR_INVALID_CHAR'));
  });

  test('100, 102 and 103 go out untouched and the answer behind them has the ID', async () => {
    const port = await serve((_request, response) => {
      response.writeContinue();
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('x');
    });
    const connection = rawConnection(port);
    connection.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nx-correlation-id: ID-1\r\n\r\n');
    await connection.closed;
    const parts = connection.text().split('\r\n\r\n');
    assert.match(parts[0], /^HTTP\/1\.1 100 Continue$/);
    assert.match(parts[1], /^HTTP\/1\.1 102 Processing$/);
    assert.match(parts[2], /^HTTP\/1\.1 103 Early Hints\r\nLink: /);
    assert.match(parts[3], /^HTTP\/1\.1 200 OK\r\n[\s\S]*x-correlation-id: ID-1/);
    assert.equal(connection.text().match(/x-correlation-id/g)?.length, 1);
  });

  test('the server that answers for Node itself (no Host, failed expectation) gives the ID too', async () => {
    const port = await serve(ok);
    for (const head of [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: tea\r\n\r\n',
    ]) {
      const connection = rawConnection(port);
      connection.write(head);
      await connection.closed;
      assert.match(connection.text(), /^HTTP\/1\.1 4\d\d [\s\S]*x-correlation-id: [0-9a-f]{32}/);
    }
    await ended(2);
  });
});

describe('context', () => {
  test('timers, immediates, ticks, awaits, streams and late bodies keep the request', async () => {
    const port = await serve(async (request, response) => {
      const places: Record<string, string | undefined> = {};
      const note = (place: string): void => {
        places[place] = seen();
      };
      note('handler');
      await null;
      note('await');
      await new Promise((resolve) => setTimeout(resolve, 1));
      note('timer');
      await new Promise((resolve) => setImmediate(resolve));
      note('immediate');
      await new Promise<void>((resolve) => process.nextTick(resolve));
      note('tick');
      request.on('data', () => {
        note('data');
        setTimeout(() => note('timer started in data'), 0);
      });
      request.on('end', () => {
        note('end');
        setTimeout(() => {
          response.on('finish', () => note('finish'));
          response.on('close', () => note('close'));
          response.end(JSON.stringify(places));
        }, 2);
      });
    });
    const connection = rawConnection(port);
    for (const name of ['one', 'two']) {
      connection.write(`POST / HTTP/1.1\r\nHost: h\r\nx-correlation-id: ${name}\r\nContent-Length: 4\r\n\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 15));
      connection.write('ab');
      await new Promise((resolve) => setTimeout(resolve, 5));
      connection.write('cd');
      const text = await connection.until(new RegExp(`${name}[\\s\\S]*"end":"[^"]*"`));
      const places = JSON.parse(text.slice(text.lastIndexOf('{'), text.lastIndexOf('}') + 1)) as Record<string, string>;
      assert.deepEqual([...new Set(Object.values(places))], [name], JSON.stringify(places));
      assert.ok('data' in places && 'timer started in data' in places);
    }
    connection.destroy();
  });

  test('for await and async iteration over a late body keep it', async () => {
    const port = await serve(async (request, response) => {
      const ids: unknown[] = [];
      for await (const _chunk of request) ids.push(seen());
      ids.push(seen());
      response.end(JSON.stringify(ids));
    });
    const connection = rawConnection(port);
    connection.write(
      'POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nx-correlation-id: it\r\nContent-Length: 2\r\n\r\n',
    );
    await new Promise((resolve) => setTimeout(resolve, 15));
    connection.write('ab');
    await connection.closed;
    assert.match(connection.text(), /\["it","it"\]$/);
  });

  test('pipeline and drain keep it', async () => {
    const port = await serve((request, response) => {
      const ids: unknown[] = [];
      const upper = new Transform({
        transform(chunk, _encoding, done) {
          ids.push(seen());
          done(null, chunk);
        },
      });
      const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
      pipeline(request, upper, sink, () => {
        ids.push(seen());
        response.on('drain', () => {
          ids.push(seen());
          response.end(`|${ids.join()}`);
        });
        assert.equal(response.write('x'.repeat(4_000_000)), false);
      });
    });
    const answer = await ask(port, '/', { method: 'POST', body: 'b', headers: { 'x-correlation-id': 'pipe' } });
    assert.equal(answer.body.split('|')[1], 'pipe,pipe,pipe');
  });

  test('a context that the app made within the request is not replaced by the event', async () => {
    const port = await serve((request, response) => {
      const inner = active().withCorrelationId('inner');
      request.on('data', () => {});
      request.on('custom', () => response.end(active().correlationId));
      import('../../lib/context/context.ts').then(({ runIn }) => runIn(inner, () => request.emit('custom')));
    });
    assert.equal((await ask(port, '/', { headers: { 'x-correlation-id': 'outer' } })).body, 'inner');
  });

  test('100-continue keeps it, with and without a listener', async () => {
    for (const event of ['request', 'checkContinue']) {
      const server = createServer();
      const handler = (request: IncomingMessage, response: ServerResponse): void => {
        if (event === 'checkContinue') response.writeContinue();
        request.resume().on('end', () => response.end(seen()));
      };
      if (event === 'checkContinue') server.on('checkContinue', handler);
      const port = await serve(event === 'request' ? handler : ok, server);
      const connection = rawConnection(port);
      connection.write(
        'POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nx-correlation-id: cont\r\nContent-Length: 1\r\n\r\n',
      );
      await connection.until(/100 Continue\r\n\r\n/);
      connection.write('x');
      await connection.closed;
      assert.match(connection.text(), /cont$/);
    }
  });

  test('nothing of a request is left on its connection: next head, clientError', async () => {
    const server = createServer();
    const errors: unknown[] = [];
    server.on('clientError', (_error: Error, socket: Socket) => {
      errors.push(seen(), active().span);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const port = await serve((_request, response) => void response.end(`<${seen()}>`), server);
    const connection = rawConnection(port);
    connection.write('GET / HTTP/1.1\r\nHost: h\r\nx-correlation-id: first\r\n\r\n');
    await connection.until(/<first>/);
    connection.write('GET / HTTP/1.1\r\nHost: h\r\nx-correlation-id: second\r\n\r\n');
    await connection.until(/<second>/);
    connection.write('nonsense\r\n\r\n');
    await connection.closed;
    assert.deepEqual(errors, [undefined, undefined]);
  });

  test('a server whose emit somebody replaced keeps it', async () => {
    const server = createServer();
    const original = Object.getPrototypeOf(Server.prototype).emit as (...args: unknown[]) => boolean;
    server.emit = function emit(this: Server, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    } as never;
    const port = await serve((_request, response) => void response.end(seen()), server);
    assert.equal((await ask(port, '/', { headers: { 'x-correlation-id': 'kept' } })).body, 'kept');
  });

  test('a derived server class keeps it', async () => {
    class Mine extends Server {
      override emit(...args: unknown[]): boolean {
        return super.emit(...(args as [string]));
      }
    }
    const port = await serve((_request, response) => void response.end(seen()), new Mine());
    assert.equal((await ask(port, '/', { headers: { 'x-correlation-id': 'kept' } })).body, 'kept');
  });
});

describe('ends exactly once', () => {
  test('kept alive: as many ends as requests, one close listener a socket', async () => {
    let listeners = 0;
    const port = await serve((request, response) => {
      listeners = request.socket.listenerCount('close');
      response.end('x');
    });
    const connection = rawConnection(port);
    let first = 0;
    for (let count = 1; count <= 20; count += 1) {
      connection.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await ended(count);
      if (count === 1) first = listeners;
    }
    assert.equal(listeners, first);
    connection.destroy();
    await eventually('the close', () => (recorded.instruments.connections() === 0 ? true : undefined), {
      pauseMillis: 2,
    });
    assert.equal(recorded.serverMetrics.length, 20);
    assert.ok(recorded.server().every((span) => span.ends === 1));
    assert.equal(recorded.active, 0);
  });

  test('pipelined: each request has its own ID and end, in whatever order they are answered', async () => {
    const held: ServerResponse[] = [];
    const port = await serve((_request, response) => {
      held.push(response);
      if (held.length === 3) for (const one of held.toReversed()) one.end(`<${seen()}>`);
    });
    const connection = rawConnection(port);
    connection.write(
      ['a', 'b', 'c'].map((id) => `GET /${id} HTTP/1.1\r\nHost: h\r\nx-correlation-id: ${id}\r\n\r\n`).join(''),
    );
    const text = await connection.until(/x-correlation-id: c/);
    assert.deepEqual(
      [...text.matchAll(/x-correlation-id: (\w)/g)].map((match) => match[1]),
      ['a', 'b', 'c'],
    );
    await ended(3);
    connection.destroy();
    assert.deepEqual(recorded.access.map(({ scope }) => scope.correlationId).toSorted(), ['a', 'b', 'c']);
    assert.ok(recorded.server().every((span) => span.ends === 1));
  });

  test('aborted before, during and after the head: no status, error_type, one end', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/head') response.writeHead(200).write('part');
      else if (request.url === '/body') request.on('data', () => {});
    });
    for (const [head, wait] of [
      ['GET /none HTTP/1.1\r\nHost: h\r\n\r\n', undefined],
      ['GET /head HTTP/1.1\r\nHost: h\r\n\r\n', /part/],
      ['POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc', undefined],
    ] as const) {
      const count = recorded.serverMetrics.length;
      const connection = rawConnection(port);
      connection.write(head);
      if (wait !== undefined) await connection.until(wait);
      else await eventually('the request', () => (recorded.active === 1 ? true : undefined), { pauseMillis: 2 });
      connection.destroy();
      await ended(count + 1);
    }
    for (const metric of recorded.serverMetrics) {
      assert.equal(metric.statusCode, undefined);
      assert.equal(metric.errorType, 'aborted');
    }
    assert.ok(recorded.server().every((span) => span.ends === 1 && span.status.code === 2));
    assert.equal(recorded.access.length, 3);
    assert.equal(recorded.errors.length, 0, 'an abort is no error of the app');
    assert.equal(recorded.active, 0);
  });

  test('pipelined and aborted: all that are open end, answered ones do not end again', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/1') response.end('one');
    });
    const connection = rawConnection(port);
    connection.write(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    await connection.until(/one/);
    await eventually('three requests', () => (recorded.server().length === 3 ? true : undefined), { pauseMillis: 2 });
    connection.destroy();
    await ended(3);
    assert.deepEqual(recorded.serverMetrics.map((metric) => metric.statusCode).toSorted(), [200, undefined, undefined]);
    assert.equal(recorded.active, 0);
  });

  test('a response that the app destroys is aborted', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200).write('x');
      setImmediate(() => response.destroy());
    });
    await assert.rejects(ask(port, '/'));
    await ended(1);
    assert.equal(recorded.serverMetrics[0].errorType, 'aborted');
  });

  test('streamed: ends when the last byte was handed over', async () => {
    let end = (): void => {};
    const port = await serve((_request, response) => {
      response.write('a');
      end = () => response.end('b');
    });
    const answer = ask(port, '/');
    await eventually('the request', () => (recorded.active === 1 ? true : undefined), { pauseMillis: 2 });
    assert.equal(recorded.serverMetrics.length, 0);
    end();
    assert.equal((await answer).body, 'ab');
    await ended(1);
    assert.equal(recorded.serverMetrics[0].statusCode, 200);
  });

  test('the process dies: the request ends as failed, and not again when it finishes after all', async () => {
    const port = await serve((_request, response) => {
      const scope = active().request;
      assert.ok(scope);
      recorded.instruments.failRequest(scope, new TypeError('gone'));
      response.end();
    });
    await ask(port, '/');
    assert.equal(recorded.serverMetrics.length, 1);
    assert.equal(recorded.serverMetrics[0].errorType, 'TypeError');
    assert.equal(recorded.server()[0].exceptions.length, 1);
    assert.equal(recorded.errors.length, 0, 'the fatal line of the process tells it');
    assert.equal(recorded.access.length, 1);
  });
});

describe('failures', () => {
  test('a 5xx makes the span failed and is its own error_type; a 4xx does not', async () => {
    const port = await serve((request, response) => void response.writeHead(Number(request.url?.slice(1))).end());
    await ask(port, '/503');
    await ask(port, '/404');
    await ended(2);
    const [failed, missing] = recorded.server();
    assert.equal(failed.status.code, 2);
    assert.equal(failed.attributes['error.type'], '503');
    assert.equal(recorded.serverMetrics[0].errorType, '503');
    assert.equal(missing.status.code, 0);
    assert.equal(recorded.serverMetrics[1].errorType, undefined);
    assert.equal(recorded.errors.length, 0);
  });

  test('an error that a framework noted is on the span, cleaned, and one error line; not when the app logged it', async () => {
    const port = await serve((request, response) => {
      const scope = active().request;
      assert.ok(scope);
      scope.error = new RangeError('password hunter2');
      scope.route = '/x/:id';
      if (request.url === '/logged') markErrorLogged(scope.error as object);
      response.writeHead(request.url === '/400' ? 400 : 500).end();
    });
    await ask(port, '/quiet');
    await ask(port, '/logged');
    await ask(port, '/400');
    await ended(3);
    const [quiet, logged, client] = recorded.server();
    assert.equal(quiet.name, 'GET /x/:id');
    assert.equal(quiet.attributes['http.route'], '/x/:id');
    const exception = quiet.exceptions[0] as { name: string; message: string; stack: string };
    assert.equal(exception.name, 'RangeError');
    assert.equal(exception.message, 'password [redacted]');
    assert.ok(!exception.stack.includes('hunter2'));
    assert.equal(logged.exceptions.length, 1);
    assert.equal(client.exceptions.length, 0);
    assert.equal(recorded.errors.length, 1);
  });

  test('what a framework says of a client that went away is no error of the app', async () => {
    const port = await serve(() => {
      const scope = active().request;
      assert.ok(scope);
      scope.error = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    });
    const connection = rawConnection(port);
    connection.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually('the request', () => (recorded.active === 1 ? true : undefined), { pauseMillis: 2 });
    connection.destroy();
    await ended(1);
    assert.deepEqual([recorded.errors.length, recorded.server()[0].exceptions.length], [0, 0]);
  });

  test('hostile thrown values do not hurt', async () => {
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('getter');
      },
    });
    const values = [
      hostile,
      Symbol('s'),
      'text',
      0,
      Object.create(null),
      new Proxy(
        {},
        {
          get() {
            throw new Error('trap');
          },
        },
      ),
    ];
    const port = await serve((_request, response) => {
      const scope = active().request;
      assert.ok(scope);
      scope.error = values.shift();
      response.writeHead(500).end();
    });
    const count = values.length;
    for (let index = 0; index < count; index += 1) assert.equal((await ask(port, '/')).status, 500);
    await ended(count);
    assert.ok(recorded.server().every((span) => span.ends === 1 && span.exceptions.length === 1));
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

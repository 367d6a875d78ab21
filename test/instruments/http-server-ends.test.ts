import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { markErrorLogged } from '../../lib/context/request-scope.ts';
import { eventually } from '../support/wait.ts';
import { ask, rawConnection } from './recorder.ts';
import { seen, serving } from './serving.ts';

const { recorded, serve, ended } = serving();

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

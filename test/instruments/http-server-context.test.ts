import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline, Transform, Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { ask, rawConnection } from './recorder.ts';
import { ok, seen, serving } from './serving.ts';

const { serve } = serving();

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
      void import('../../lib/context/context.ts').then(({ runIn }) => runIn(inner, () => request.emit('custom')));
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

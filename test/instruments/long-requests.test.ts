import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { eventually } from '../support/wait.ts';
import { rawConnection } from './recorder.ts';
import { serving } from './serving.ts';

const { recorded, serve, ended } = serving();

const active = (count: number) =>
  eventually(`${count} open requests`, () => (recorded.active === count ? true : undefined), { pauseMillis: 2 });

describe('very long requests', () => {
  const events = (held: ServerResponse[]) => (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    held.push(response);
  };

  test('server-sent events: in the gauge in between, one span at the end', async () => {
    const held: ServerResponse[] = [];
    const connection = rawConnection(await serve(events(held)));
    connection.write('GET /events HTTP/1.1\r\nHost: h\r\nx-correlation-id: sse\r\n\r\n');
    const head = await connection.until(/data: 1/);
    assert.match(head, /x-correlation-id: sse\r\n/);
    assert.deepEqual([recorded.active, recorded.server().length, recorded.server()[0].ends], [1, 1, 0]);
    assert.deepEqual([recorded.serverMetrics.length, recorded.access.length], [0, 0]);
    held[0].end('data: 2\n\n');
    await connection.until(/data: 2/);
    await ended(1);
    connection.destroy();
    assert.deepEqual([recorded.active, recorded.server()[0].ends, recorded.serverMetrics[0].statusCode], [0, 1, 200]);
  });

  test('server-sent events that the client leaves: aborted, once, and no error of the app', async () => {
    const held: ServerResponse[] = [];
    const connection = rawConnection(await serve(events(held)));
    connection.write('GET /events HTTP/1.1\r\nHost: h\r\n\r\n');
    await connection.until(/data: 1/);
    connection.destroy();
    await ended(1);
    held[0].end();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(recorded.serverMetrics.length, 1);
    assert.deepEqual([recorded.active, recorded.serverMetrics[0].errorType, recorded.errors.length], [0, 'aborted', 0]);
  });

  test('a download that the client reads slowly is open until its last byte', async () => {
    // More than the buffers of both sides take.
    const size = 48_000_000;
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': size });
      response.end(Buffer.alloc(size));
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await active(1);
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([recorded.active, recorded.serverMetrics.length], [1, 0]);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
    await ended(1);
    assert.ok(bytes > size);
    assert.equal(recorded.serverMetrics[0].statusCode, 200);
  });
});

test('2 000 sockets: all counted, each request ends once, nothing is left of them', { timeout: 60_000 }, async () => {
  const count = 2000;
  const port = await serve((request, response) => {
    if (request.url === '/held') response.writeHead(200).write('x');
    else response.end('ok');
  }, createServer());
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const wave = Array.from(
      { length: 200 },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket.on('error', () => {}).resume()));
          socket.once('error', reject);
        }),
    );
    sockets.push(...(await Promise.all(wave)));
  }
  await eventually('the connections', () => (recorded.instruments.connections() === count ? true : undefined));
  for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  await ended(count);
  for (const socket of sockets) socket.write('GET /held HTTP/1.1\r\nHost: h\r\n\r\n');
  await active(count);
  for (const socket of sockets) socket.destroy();
  await ended(2 * count);
  assert.equal(recorded.active, 0);
  assert.equal(recorded.serverMetrics.filter(({ errorType }) => errorType === 'aborted').length, count);
  assert.ok(recorded.server().every((span) => span.ends === 1));
  await eventually('the close', () => (recorded.instruments.connections() === 0 ? true : undefined));
});

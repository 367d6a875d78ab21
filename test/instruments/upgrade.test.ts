import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { kOwn } from '../../lib/core/symbols.ts';
import { npmFixture } from '../backends/npm.ts';
import { eventually } from '../support/wait.ts';
import { ask, rawConnection } from './recorder.ts';
import { ok, seen, serving } from './serving.ts';

const { recorded, serve, ended } = serving();

const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
const asks = (path: string, id = 'up-1') =>
  `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nx-correlation-id: ${id}\r\n\r\n`;

/** Reads and ends when the client does, since the socket is half open otherwise; survives a reset. */
function upgrading(listener: (request: IncomingMessage, socket: Duplex) => void): Promise<number> {
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {}).on('end', () => void socket.end());
    socket.resume();
    listener(request, socket);
  });
  return serve(ok, server);
}

const began = () => eventually('the begin', () => (recorded.active === 1 ? true : undefined), { pauseMillis: 2 });

describe('upgrade', () => {
  test('the span is the handshake: it ends with the 101 that the app writes, and nothing is added to it', async () => {
    const port = await upgrading((_request, socket) => {
      assert.equal(seen(), 'up-1');
      setTimeout(() => socket.write(HEAD), 5);
    });
    const connection = rawConnection(port);
    connection.write(asks('/chat?room=1'));
    await began();
    assert.equal(await connection.until(/\r\n\r\n$/), HEAD);
    await ended(1);
    const [span] = recorded.server();
    assert.equal(span.name, 'GET');
    assert.deepEqual([span.attributes['http.response.status_code'], span.status.code], [101, 0]);
    assert.equal(span.attributes['url.path'], '/chat');
    assert.equal(recorded.serverMetrics[0].statusCode, 101);
    assert.equal(recorded.access[0].scope.correlationId, 'up-1');
    assert.equal(recorded.active, 0);
    connection.destroy();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(recorded.serverMetrics.length, 1);
    assert.equal(span.ends, 1);
  });

  test('what comes later on the socket has the ID, and two sockets have their own', async () => {
    const port = await upgrading((_request, socket) => {
      socket.write(HEAD);
      socket.on('data', () => setTimeout(() => socket.write(`<${seen()}>`), 1));
    });
    for (const id of ['one', 'two']) {
      const connection = rawConnection(port);
      connection.write(asks('/', id));
      await connection.until(/\r\n\r\n/);
      connection.write('x');
      await connection.until(new RegExp(`<${id}>`));
      connection.destroy();
    }
  });

  test('the socket has its own methods again once the head is written', async () => {
    let socket: Duplex | undefined;
    const port = await upgrading((_request, given) => {
      socket = given;
      given.write('HTTP/1.1 102 Processing\r\n\r\n');
      assert.ok(Object.hasOwn(given, 'write'));
      given.write(Buffer.from(HEAD));
      assert.ok(!Object.hasOwn(given, 'write') && !Object.hasOwn(given, 'end'));
    });
    const connection = rawConnection(port);
    connection.write(asks('/'));
    await ended(1);
    assert.equal(recorded.serverMetrics[0].statusCode, 101);
    assert.ok(socket);
    connection.destroy();
  });

  test('refused by the app with end(), destroyed, and closed by the client before an answer', async () => {
    const port = await upgrading((request, socket) => {
      if (request.url === '/refused') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      else if (request.url === '/destroyed') socket.destroy();
    });
    for (const path of ['/refused', '/destroyed', '/left']) {
      const count = recorded.serverMetrics.length;
      const connection = rawConnection(port);
      connection.write(asks(path));
      if (path === '/left') {
        await began();
        connection.destroy();
      }
      await connection.closed;
      await ended(count + 1);
    }
    assert.deepEqual(
      recorded.serverMetrics.map(({ statusCode, errorType }) => [statusCode, errorType]),
      [
        [403, undefined],
        [undefined, 'aborted'],
        [undefined, 'aborted'],
      ],
    );
    assert.ok(recorded.server().every((span) => span.ends === 1));
    assert.equal(recorded.active, 0);
  });

  test('without a listener it is a request like others; own servers are left alone', async () => {
    const port = await serve(ok);
    const connection = rawConnection(port);
    connection.write(asks('/plain'));
    await connection.until(/200 OK/);
    await ended(1);
    assert.equal(recorded.serverMetrics[0].statusCode, 200);
    connection.destroy();
    const own = Object.assign(createServer(), { [kOwn]: true });
    own.on('upgrade', (_request, socket) => void socket.on('error', () => {}).end(HEAD));
    const other = rawConnection(await serve(ok, own));
    other.write(asks('/own'));
    await other.closed;
    assert.equal(recorded.serverMetrics.length, 1);
  });

  test('over TLS, on a server that has seen no request before', async () => {
    const pem = (name: string) =>
      readFileSync(new URL(`../fixtures/instruments/localhost-${name}.pem`, import.meta.url));
    const server = createSecureServer({ key: pem('key'), cert: pem('cert') });
    server.on('upgrade', (_request, socket) => void socket.on('error', () => {}).end(HEAD));
    const port = await serve(ok, server as unknown as Server);
    const tls = await import('node:tls');
    const socket = tls.connect({ port, host: '127.0.0.1', ca: pem('cert'), servername: 'localhost' });
    socket.on('error', () => {});
    socket.write(asks('/'));
    await ended(1);
    socket.destroy();
    assert.equal(recorded.server()[0].attributes['url.scheme'], 'https');
    assert.equal(recorded.serverMetrics[0].statusCode, 101);
  });
});

describe('CONNECT', () => {
  test('a proxy: the tunnel carries its bytes, the span is the handshake', async () => {
    const target = await serve((_request, response) => void response.end('through'));
    const proxy = createServer();
    proxy.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      assert.equal(seen(), 'tunnel');
      const [host, port] = String(request.url).split(':');
      const upstream: Socket = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => {});
      client.on('error', () => {});
    });
    const connection = rawConnection(await serve(ok, proxy));
    connection.write(`CONNECT 127.0.0.1:${target} HTTP/1.1\r\nHost: h\r\nx-correlation-id: tunnel\r\n\r\n`);
    await connection.until(/Established\r\n\r\n$/);
    await ended(1);
    assert.equal(recorded.server()[0].name, 'CONNECT');
    assert.equal(recorded.serverMetrics[0].statusCode, 200);
    connection.write('GET /inner HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await connection.closed;
    assert.match(connection.text(), /through$/);
    await ended(2);
    assert.equal(recorded.access[1].scope.path, '/inner');
    assert.notEqual(recorded.access[1].scope.correlationId, 'tunnel', 'not the context of the tunnel');
  });
});

const ws = npmFixture('ws');
test('ws: messages both ways, its listeners run in the handshake’s context', { skip: ws.missing }, async () => {
  const { WebSocketServer, WebSocket } = createRequire(`${ws.directory}/x.js`)('ws');
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  const ids: (string | undefined)[] = [];
  sockets.on('connection', (socket: any) => {
    ids.push(seen());
    socket.on('message', (data: Buffer) => {
      ids.push(seen());
      socket.send(`echo ${data}`);
    });
    socket.on('close', () => ids.push(seen()));
  });
  const port = await serve(ok, server);
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { 'x-correlation-id': 'ws-1' } });
  const texts: string[] = [];
  client.on('message', (data: Buffer) => {
    texts.push(String(data));
    if (texts.length === 1) client.send('b'.repeat(5000));
    else client.close();
  });
  client.on('open', () => client.send('a'));
  await new Promise((resolve) => client.on('close', resolve));
  await eventually('the server side', () => (ids.length === 4 ? true : undefined), { pauseMillis: 2 });
  assert.deepEqual(texts, ['echo a', `echo ${'b'.repeat(5000)}`]);
  assert.deepEqual(ids, ['ws-1', 'ws-1', 'ws-1', 'ws-1']);
  assert.equal(recorded.serverMetrics.filter(({ statusCode }) => statusCode === 101).length, 1);
  assert.equal((await ask(port, '/beside')).status, 200);
  sockets.close();
});

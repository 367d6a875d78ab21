import assert from 'node:assert/strict';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { active, runIn } from '../../lib/context/context.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { freePort } from '../support/ports.ts';
import { calling, count, HEADERS } from './calling.ts';

const { recorded, port, requests, ended, send } = await calling();

describe('http', () => {
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
});

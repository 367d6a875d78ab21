import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import { eventually } from '../support/wait.ts';
import { record } from './recorder.ts';

const recorded = record();
const read = (name: string) => readFileSync(new URL(`../fixtures/instruments/localhost-${name}.pem`, import.meta.url));
const server = createServer({ key: read('key'), cert: read('cert') }, (incoming, response) => {
  const late: (string | undefined)[] = [];
  incoming.on('data', () => late.push(active().request?.correlationId));
  incoming.on('end', () => response.end(late.join()));
});

after(() => {
  server.closeAllConnections();
  server.close();
  recorded.instruments.stop();
  assert.equal(internalErrors(), 0);
});

test('https, in and out: scheme, default headers, context, one end each', async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { body, header } = await new Promise<{ body: string; header: unknown }>((resolve, reject) => {
    const outgoing = request(
      {
        host: 'localhost',
        port,
        method: 'POST',
        path: '/s',
        ca: read('cert'),
        headers: { 'x-correlation-id': 'tls-1' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ body: text, header: response.headers['x-correlation-id'] }));
      },
    );
    outgoing.on('error', reject);
    outgoing.flushHeaders();
    setTimeout(() => outgoing.end('late'), 15);
  });
  assert.equal(body, 'tls-1');
  assert.equal(header, 'tls-1');
  await eventually('both ends', () =>
    recorded.serverMetrics.length + recorded.clientMetrics.length === 2 ? true : undefined,
  );
  assert.equal(recorded.serverMetrics[0].scheme, 'https');
  assert.equal(recorded.server()[0].attributes['url.scheme'], 'https');
  assert.equal(recorded.client()[0].attributes['url.full'], `https://localhost:${port}/s`);
  assert.equal(recorded.server()[0].parent?.spanId, recorded.client()[0].spanContext().spanId);
  assert.ok(recorded.spans.every((span) => span.ends === 1));
});

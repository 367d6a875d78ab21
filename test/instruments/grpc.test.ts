/** gRPC by the real @grpc/grpc-js, server and client in one process; nothing of it is patched. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { http2Serving } from './http2-serving.ts';
import type { RecordedSpan } from './recorder.ts';

const { recorded, ended, listen, session } = http2Serving();
const fixture = npmFixture('grpc');
const proto = fileURLToPath(new URL('../fixtures/support/shop.proto', import.meta.url));

function rpcOf(span: RecordedSpan): unknown[] {
  const { attributes } = span;
  return [span.name, attributes['rpc.grpc.status_code'], attributes['error.type'], span.status.code];
}

describe('gRPC', { skip: fixture.missing ?? false }, () => {
  let stub: any;
  let server: any;
  let grpc: any;
  before(async () => {
    const load = createRequire(`${fixture.directory}/x.js`);
    grpc = load('@grpc/grpc-js');
    const { shop } = grpc.loadPackageDefinition(load('@grpc/proto-loader').loadSync(proto));
    server = new grpc.Server();
    // `Deleted` of the client is not among the methods of the server.
    server.addService(shop.Orders.service, {
      Read: (call: any, done: any) => done(null, { id: String(call.metadata.get('x-correlation-id')) }),
      Broken: () => {
        throw new RangeError('broken');
      },
      Missing: (_call: unknown, done: any) => done({ code: grpc.status.NOT_FOUND, message: 'no hunter2 such öre' }),
      Watch: (call: any) => {
        for (const id of ['a', 'b']) call.write({ id });
        if (call.request.id !== 'forever') call.end();
      },
    });
    const port = await new Promise<number>((resolve) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_e: unknown, bound: number) =>
        resolve(bound),
      ),
    );
    stub = new shop.Orders(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  });
  after(() => {
    stub?.close();
    server?.forceShutdown();
  });

  const unary = (method: string, request: object): Promise<any> =>
    new Promise((resolve) => stub[method](request, (error: unknown, answer: unknown) => resolve(error ?? answer)));

  /** Waits for both sides of one call. */
  async function both(): Promise<[RecordedSpan, RecordedSpan]> {
    await ended(1);
    const [client] = recorded.client();
    const [span] = recorded.server();
    assert.ok(client !== undefined && span !== undefined);
    assert.equal(span.parent?.spanId, client.spanContext().spanId);
    return [client, span];
  }

  test('a call: one trace, one ID, names and status of both sides', async () => {
    const { id } = await unary('Read', { id: '7' });
    const [client, span] = await both();
    assert.equal(id, span.spanContext().traceId);
    assert.deepEqual(rpcOf(client), ['shop.Orders/Read', 0, undefined, 0]);
    assert.deepEqual(rpcOf(span), ['shop.Orders/Read', 0, undefined, 0]);
    const { 'rpc.system': system, 'rpc.service': service, 'rpc.method': method } = span.attributes;
    assert.deepEqual([system, service, method], ['grpc', 'shop.Orders', 'Read']);
    assert.equal(recorded.serverMetrics[0].route, '/shop.Orders/Read');
  });

  test('a status that is an answer fails the client alone; its message is cleaned', async () => {
    await unary('Missing', { id: '7' });
    const [client, span] = await both();
    assert.deepEqual(rpcOf(client), ['shop.Orders/Missing', 5, 'NOT_FOUND', 2]);
    assert.equal(client.status.message, 'no [redacted] such öre');
    assert.deepEqual(rpcOf(span), ['shop.Orders/Missing', 5, undefined, 0]);
  });

  test('a handler that throws fails both', async () => {
    await unary('Broken', { id: '7' });
    const [client, span] = await both();
    assert.deepEqual(rpcOf(client), ['shop.Orders/Broken', 2, 'UNKNOWN', 2]);
    assert.deepEqual(rpcOf(span), ['shop.Orders/Broken', 2, 'UNKNOWN', 2]);
    assert.equal(recorded.serverMetrics[0].errorType, 'UNKNOWN');
  });

  test('a method that the server does not have is no route', async () => {
    server.unregister('/shop.Orders/Missing');
    await unary('Missing', { id: '7' });
    const [, span] = await both();
    assert.deepEqual(rpcOf(span), ['POST', 12, 'UNIMPLEMENTED', 2]);
    assert.equal(recorded.serverMetrics[0].route, '');
  });

  test('a stream ends with its status', async () => {
    const call = stub.Watch({ id: '7' });
    const seen: string[] = [];
    await new Promise((resolve) => call.on('data', (order: any) => seen.push(order.id)).on('end', resolve));
    const [client, span] = await both();
    assert.deepEqual(seen, ['a', 'b']);
    assert.deepEqual(rpcOf(client), ['shop.Orders/Watch', 0, undefined, 0]);
    assert.deepEqual(rpcOf(span), ['shop.Orders/Watch', 0, undefined, 0]);
  });

  test('a cancelled call is aborted on both sides, and ends', async () => {
    const call = stub.Watch({ id: 'forever' });
    call.on('error', () => {});
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    const [client, span] = await both();
    assert.equal(client.attributes['error.type'], 'aborted');
    assert.equal(span.attributes['error.type'], 'aborted');
  });
});

test('what only says that it is gRPC, and answers without a status, is HTTP', async () => {
  const plain = createServer((_request, response) => response.end('hello'));
  const client = session(await listen(plain));
  const stream = client.request({ ':path': '/a.B/c', 'content-type': 'application/grpc' });
  await new Promise((resolve) => stream.resume().on('close', resolve));
  await ended(1);
  assert.equal(recorded.server()[0].name, 'GET');
  assert.deepEqual([recorded.serverMetrics[0].route, recorded.serverMetrics[0].statusCode], ['', 200]);
});

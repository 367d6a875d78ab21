import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StatsdStream, type StatsdStreamOptions } from '../../lib/delivery/worker/statsd-stream.ts';
import { createStatsdTransport } from '../../lib/delivery/worker/statsd-transport.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

async function receiver(t: TestContext, where: { port: number } | { path: string }) {
  const sockets = new Set<Socket>();
  let text = Buffer.alloc(0);
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (chunk) => (text = Buffer.concat([text, chunk]))).on('error', () => {});
  });
  server.listen('path' in where ? where.path : { port: where.port, host: '127.0.0.1' });
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  t.after(stop);
  return { text: () => text, stop, port: ((server.address() as AddressInfo | null) ?? { port: 0 }).port };
}

function stream(t: TestContext, options: Pick<StatsdStreamOptions, 'address'> & Partial<StatsdStreamOptions>) {
  const tally = { handled: 0, failed: 0 };
  const states: (string | undefined)[] = [];
  const sender = new StatsdStream({
    framing: 'lines',
    retryBaseMillis: 5,
    onState: (code) => states.push(code),
    onOutcome(handled, failed) {
      tally.handled += handled;
      tally.failed += failed;
    },
    ...options,
  });
  t.after(() => sender.close());
  return { sender, tally, states };
}

test('tcp: packets end with a line end, also those that came before the connection', async (t) => {
  const server = await receiver(t, { port: 0 });
  const { sender, tally } = stream(t, { address: { host: 'localhost', port: server.port } });
  sender.send(['a:1|c\nb:2|c', 'c:3|c']);
  await eventually('the packets', () => (tally.handled === 2 ? true : undefined));
  sender.send(['d:4|c']);
  await eventually('the text', () => (server.text().toString() === 'a:1|c\nb:2|c\nc:3|c\nd:4|c\n' ? true : undefined));
  assert.equal(tally.failed, 0);
});

test('a stream socket of DogStatsD: each packet has its length before it', async (t) => {
  const path = join(temporaryDirectory('statsd-stream'), 's.sock');
  const server = await receiver(t, { path });
  const { sender } = stream(t, { address: { path }, framing: 'length-prefix' });
  sender.send(['ä:1|c', 'b:1|c']);
  await eventually('the frames', () => (server.text().length === 19 ? true : undefined));
  assert.equal(server.text().readUInt32LE(0), 6);
  assert.equal(server.text().subarray(4, 10).toString(), 'ä:1|c');
  assert.equal(server.text().readUInt32LE(10), 5);
});

test('nobody listens: a bounded number waits, the rest is counted; a server that comes gets what waits', async (t) => {
  const port = await freePort();
  const { sender, tally, states } = stream(t, { address: { host: '127.0.0.1', port } });
  sender.send(Array.from({ length: 1500 }, (_, at) => `a:${at}|c`));
  assert.deepEqual(tally, { handled: 500, failed: 500 });
  await eventually('a refusal', () => (states.includes('ECONNREFUSED') ? true : undefined));
  const server = await receiver(t, { port });
  await eventually('all that waited', () => (tally.handled === 1500 ? true : undefined));
  assert.equal(tally.failed, 500);
  await eventually('the text', () => (server.text().toString().endsWith('a:999|c\n') ? true : undefined));
});

test('a server that goes and comes back is found again', async (t) => {
  const port = await freePort();
  const first = await receiver(t, { port });
  const { sender, tally, states } = stream(t, { address: { host: '127.0.0.1', port } });
  sender.send(['a:1|c']);
  await eventually('the first', () => (tally.handled === 1 ? true : undefined));
  await first.stop();
  await eventually('the loss', () => (states.length > 1 ? true : undefined));
  sender.send(['b:1|c']);
  const second = await receiver(t, { port });
  await eventually('the second', () => (second.text().toString() === 'b:1|c\n' ? true : undefined));
});

test('a peer that does not read costs a bounded amount of memory', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.pause().on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { sender, tally, states } = stream(t, {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  sender.send(['a:1|c']);
  await eventually('the connection', () => (states.includes(undefined) ? true : undefined));
  const packet = `a:1|c|#x:${'y'.repeat(8000)}`;
  for (let at = 0; at < 3000 && tally.failed === 0; at += 1) {
    sender.send([packet]);
    if (at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(tally.failed > 0, 'dropped and counted');
});

test('a datagram socket is told apart, with what to do', async (t) => {
  const path = join(temporaryDirectory('statsd-datagram'), 'd.sock');
  const child = spawn('python3', [
    '-c',
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("up",flush=True)\nsys.stdin.read()',
    path,
  ]);
  const failed = once(child, 'error').then(() => 'no python3');
  t.after(() => child.kill());
  const up = await Promise.race([once(child.stdout, 'data'), failed]);
  if (up === 'no python3') {
    t.skip('no python3 to open a datagram socket with; install python3');
    return;
  }
  const sentences: string[] = [];
  const transport = createStatsdTransport({
    url: `unix://${path}`,
    lengthPrefix: true,
    onOutcome() {},
    onTrouble: (sentence) => sentences.push(sentence),
  });
  t.after(() => transport.close());
  transport.send(['a:1|c']);
  await eventually('the sentence', () => (sentences.length > 0 ? true : undefined));
  assert.match(sentences[0] ?? '', /datagram socket .* wanted a stream socket/);
});

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { StatsdSender } from '../../lib/delivery/worker/statsd-sender.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/wait.ts';

function senderTo(url: string) {
  const tally = { handled: 0, failed: 0 };
  let now = 0;
  const sender = new StatsdSender({
    url,
    nowMillis: () => now,
    onOutcome(handled, failed) {
      tally.handled += handled;
      tally.failed += failed;
    },
  });
  return { sender, tally, later: (millis: number) => (now += millis) };
}

test('datagrams arrive as they are, also those that came before the address was known', async (t) => {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const packets: string[] = [];
  socket.on('message', (message) => packets.push(message.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { sender, tally } = senderTo(`udp://localhost:${socket.address().port}`);
  t.after(() => sender.close());
  sender.send(['a:1|c', 'b:2|ms\nc:3|g']);
  sender.send(['d:4|c']);
  await eventually('the packets', () => (packets.length === 3 && tally.handled === 3 ? true : undefined));
  assert.deepEqual(packets, ['a:1|c', 'b:2|ms\nc:3|g', 'd:4|c']);
  assert.equal(tally.failed, 0);
});

test('a closed port is noticed and counted', async (t) => {
  const { sender, tally } = senderTo(`udp://127.0.0.1:${await freePort()}`);
  t.after(() => sender.close());
  for (let at = 0; at < 20; at += 1) {
    sender.send(['a:1|c']);
    await eventually('the outcome', () => (tally.handled === at + 1 ? true : undefined), { pauseMillis: 1 });
  }
  // The machine may answer several packets at once.
  await eventually('a refusal', () => (tally.failed > 0 ? true : undefined));
  assert.ok(tally.failed <= tally.handled);
});

test('a name that does not exist is asked for once, not for each packet', async (t) => {
  const { sender, tally, later } = senderTo('udp://does-not-exist.invalid:8125');
  t.after(() => sender.close());
  sender.send(['a:1|c', 'b:1|c']);
  await eventually('the failure', () => (tally.failed === 2 ? true : undefined));
  sender.send(['c:1|c']);
  assert.deepEqual(tally, { handled: 3, failed: 3 }, 'failed at once');
  later(10_001);
  sender.send(['d:1|c']);
  assert.equal(tally.handled, 3, 'asked for again');
  await eventually('the second failure', () => (tally.failed === 4 ? true : undefined));
});

test('what waits for the address is bounded', async (t) => {
  const { sender, tally } = senderTo('udp://does-not-exist.invalid:8125');
  t.after(() => sender.close());
  sender.send(Array.from({ length: 1500 }, () => 'a:1|c'));
  assert.deepEqual(tally, { handled: 500, failed: 500 });
  await eventually('the failure', () => (tally.failed === 1500 ? true : undefined));
});

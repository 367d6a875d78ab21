import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type Lookup, StatsdSender } from '../../lib/delivery/worker/statsd-sender.ts';
import { createStatsdTransport } from '../../lib/delivery/worker/statsd-transport.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/wait.ts';

function senderTo(host: string, port: number, lookup?: Lookup) {
  const tally = { handled: 0, failed: 0 };
  const states: string[] = [];
  let now = 0;
  const sender = new StatsdSender({
    host,
    port,
    ...(lookup !== undefined && { lookup }),
    onState: (code) => states.push(code),
    nowMillis: () => now,
    onOutcome(handled, failed) {
      tally.handled += handled;
      tally.failed += failed;
    },
  });
  return { sender, tally, states, later: (millis: number) => (now += millis) };
}

test('datagrams arrive as they are, also those that came before the address was known', async (t) => {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const packets: string[] = [];
  socket.on('message', (message) => packets.push(message.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { sender, tally } = senderTo('localhost', socket.address().port);
  t.after(() => sender.close());
  sender.send(['a:1|c', 'b:2|ms\nc:3|g']);
  sender.send(['d:4|c']);
  await eventually('the packets', () => (packets.length === 3 && tally.handled === 3 ? true : undefined));
  assert.deepEqual(packets, ['a:1|c', 'b:2|ms\nc:3|g', 'd:4|c']);
  assert.equal(tally.failed, 0);
});

test('a closed port is noticed and counted', async (t) => {
  const { sender, tally, states } = senderTo('127.0.0.1', await freePort());
  t.after(() => sender.close());
  for (let at = 0; at < 20; at += 1) {
    sender.send(['a:1|c']);
    await eventually('the outcome', () => (tally.handled === at + 1 ? true : undefined), { pauseMillis: 1 });
  }
  // The machine may answer several packets at once.
  await eventually('a refusal', () => (tally.failed > 0 ? true : undefined));
  assert.ok(tally.failed <= tally.handled);
  assert.equal(states[0], 'ECONNREFUSED');
});

test('a name that does not exist is asked for once, not for each packet', async (t) => {
  const { sender, tally, states, later } = senderTo('does-not-exist.invalid', 8125);
  t.after(() => sender.close());
  sender.send(['a:1|c', 'b:1|c']);
  await eventually('the failure', () => (tally.failed === 2 ? true : undefined));
  sender.send(['c:1|c']);
  assert.deepEqual(tally, { handled: 3, failed: 3 }, 'failed at once');
  assert.deepEqual(states.length, 1);
  later(10_001);
  sender.send(['d:1|c']);
  assert.equal(tally.handled, 3, 'asked for again');
  await eventually('the second failure', () => (tally.failed === 4 ? true : undefined));
});

test('what waits for the address is bounded', async (t) => {
  const { sender, tally } = senderTo('does-not-exist.invalid', 8125);
  t.after(() => sender.close());
  sender.send(Array.from({ length: 1500 }, () => 'a:1|c'));
  assert.deepEqual(tally, { handled: 500, failed: 500 });
  await eventually('the failure', () => (tally.failed === 1500 ? true : undefined));
});

/** A receiver on a loopback address, and what it got. */
async function receiver(t: TestContext, address: string, type: 'udp4' | 'udp6' = 'udp4', port = 0) {
  const socket = createSocket(type);
  const packets: string[] = [];
  socket.on('message', (message) => packets.push(message.toString()));
  socket.bind(port, address);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { packets, port: socket.address().port };
}

test('a name is asked for once a minute; an address that moved is found, one that is not found any more stays', async (t) => {
  const first = await receiver(t, '127.0.0.1');
  const second = await receiver(t, '127.0.0.2', 'udp4', first.port);
  const answers = ['127.0.0.1', '127.0.0.2', undefined, '127.0.0.1'];
  let asked = 0;
  let answer = (): void => {};
  const { sender, tally, states, later } = senderTo('statsd.example', first.port, (host, done) => {
    assert.equal(host, 'statsd.example');
    const address = answers[asked];
    asked += 1;
    answer = () => {
      if (address === undefined) done(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), []);
      else done(null, [{ address, family: 4 }]);
    };
  });
  t.after(() => sender.close());
  const sent = async (name: string, to: { packets: string[] }): Promise<void> => {
    sender.send([name]);
    await eventually(name, () => (to.packets.includes(name) ? true : undefined), { pauseMillis: 2 });
  };
  sender.send(['a:1|c']);
  answer();
  await eventually('the first', () => (first.packets.length === 1 ? true : undefined), { pauseMillis: 2 });
  for (let at = 0; at < 50; at += 1) await sent(`a${at}:1|c`, first);
  assert.equal(asked, 1, 'one question for many packets');

  later(60_000);
  await sent('b:1|c', first);
  assert.equal(asked, 2, 'asked anew, and sent to where it went before meanwhile');
  answer();
  for (let at = 0; second.packets.length === 0; at += 1) {
    sender.send([`c${at}:1|c`]);
    await new Promise((resolve) => setImmediate(resolve));
  }

  later(60_000);
  await sent('d:1|c', second);
  answer();
  await sent('e:1|c', second);
  assert.deepEqual(states, ['EAI_AGAIN']);
  assert.equal(asked, 3, 'what was not found is not asked for with each packet');
  later(10_000);
  await sent('f:1|c', second);
  assert.equal(asked, 4);
  assert.equal(tally.failed, 0);
});

test('a name with addresses of both families goes to IPv4, one of IPv6 alone to that', async (t) => {
  const four = await receiver(t, '127.0.0.1');
  const both: Lookup = (_host, done) =>
    done(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
  const { sender } = senderTo('localhost', four.port, both);
  t.after(() => sender.close());
  sender.send(['a:1|c']);
  await eventually('the packet', () => (four.packets.length === 1 ? true : undefined));
  let six: { packets: string[]; port: number };
  try {
    six = await receiver(t, '::1', 'udp6');
  } catch {
    t.skip('no IPv6 on this machine; enable ::1');
    return;
  }
  const only = senderTo('six.example', six.port, (_host, done) => done(null, [{ address: '::1', family: 6 }]));
  t.after(() => only.sender.close());
  only.sender.send(['b:1|c']);
  await eventually('the packet', () => (six.packets[0] === 'b:1|c' ? true : undefined));
});

test('an address that is none says so and drops what it is given', async (t) => {
  for (const url of [
    'udp:',
    'udp://127.0.0.1:0',
    'tcp://127.0.0.1:0',
    'unix:',
    'unix:///%ZZ/s.sock',
    `unix:///${'x'.repeat(5000)}`,
  ]) {
    const sentences: string[] = [];
    const transport = createStatsdTransport({ url, onOutcome() {}, onTrouble: (sentence) => sentences.push(sentence) });
    t.after(() => transport.close());
    transport.send(['a:1|c']);
    await eventually(url, () => (sentences.length > 0 ? true : undefined));
    assert.match(sentences[0] ?? '', /^StatsD: .* packets \([A-Z_]+\)/);
  }
});

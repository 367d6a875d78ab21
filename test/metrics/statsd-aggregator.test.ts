import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  MAX_PACKET_BYTES,
  MAX_TIMINGS_PER_NAME,
  PULL_EVERY_INTERVALS,
  StatsdAggregator,
} from '../../lib/metrics/statsd-aggregator.ts';
import { eventually } from '../support/wait.ts';

function aggregator(): StatsdAggregator {
  return new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 });
}

function lines(one: StatsdAggregator): string[] {
  return one.flush().flatMap((packet) => packet.split('\n'));
}

/** How many events a line stands for, as statsd_exporter counts them. */
function weight(line: string): number {
  const rate = /\|@([0-9.]+)$/.exec(line)?.[1];
  return rate === undefined ? 1 : Math.trunc(1 / Number(rate));
}

test('counters add up, gauges keep the last, timings stay apart', () => {
  const one = aggregator();
  for (let n = 0; n < 1000; n += 1) one.counter('a.b.ok').add();
  one.counter('a.b.float').add(0.1);
  one.counter('a.b.float').add(0.2);
  one.gauge('a.g').set(1);
  one.gauge('a.g').set(2.5);
  one.gauge('a.minus').set(-3);
  one.timings('a.t').record(12.3456);
  one.timings('a.t').record(7);
  one.values('a.h').record(4096);
  assert.deepEqual(lines(one), [
    'a.b.ok:1000|c',
    'a.b.float:0.3|c',
    'a.g:2.5|g',
    'a.minus:0|g',
    'a.minus:-3|g',
    'a.t:12.3456|ms',
    'a.t:7|ms',
    'a.h:4096|h',
  ]);
  assert.deepEqual(one.flush(), [], 'nothing new, nothing sent');
  one.counter('a.b.ok').add(2);
  assert.deepEqual(lines(one), ['a.b.ok:2|c']);
  one.close();
});

test('values that are no numbers never reach the wire, and names cannot carry a second metric', () => {
  const one = aggregator();
  for (const value of [Number.NaN, Infinity, -Infinity, '1|c\nevil:5|g', undefined, null, 5n]) {
    one.counter('c').add(value as number);
    one.gauge('g').set(value as number);
    one.timings('t').record(value as number);
  }
  one.counter('c').add(-1);
  // `undefined` is the default amount of add().
  assert.deepEqual(lines(one), ['c:1|c']);
  one.counter('x:1|c\nevil').add();
  assert.deepEqual(lines(one), ['x_1_c_evil:1|c']);
  one.close();
});

test('the exact count of any number of timings, in a bounded number of lines', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (count) => {
      const one = aggregator();
      const timings = one.timings('t');
      for (let n = 0; n < count; n += 1) timings.record(n);
      const sent = lines(one);
      one.close();
      assert.equal(
        sent.reduce((total, line) => total + weight(line), 0),
        count,
      );
      assert.ok(sent.length <= MAX_TIMINGS_PER_NAME + 1);
    }),
    { numRuns: 300 },
  );
});

test('up to 64 timings leave as they are, in order; beyond, as a sample', () => {
  const one = aggregator();
  for (let n = 0; n < MAX_TIMINGS_PER_NAME; n += 1) one.timings('t').record(n);
  assert.deepEqual(
    lines(one),
    Array.from({ length: MAX_TIMINGS_PER_NAME }, (_, n) => `t:${n}|ms`),
  );
  for (let n = 0; n <= MAX_TIMINGS_PER_NAME; n += 1) one.timings('t').record(n);
  assert.deepEqual(lines(one), [
    ...Array.from({ length: MAX_TIMINGS_PER_NAME / 2 }, (_, n) => `t:${2 * n + 1}|ms|@0.5`),
    't:64|ms',
  ]);
  one.close();
});

test('packets stay within the limit and lose no line', () => {
  const one = aggregator();
  for (let n = 0; n < 500; n += 1) one.counter(`prod.server1.shop.handlers.get_route_${n}.ok`).add(n + 1);
  const packets = one.flush();
  assert.ok(packets.every((packet) => Buffer.byteLength(packet) <= MAX_PACKET_BYTES));
  assert.ok(packets.length < 25, 'and are filled');
  assert.equal(packets.flatMap((packet) => packet.split('\n')).length, 500);
  one.close();
});

test('the timer starts with the first observation, sends, pulls every tenth time and survives its callbacks', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const sent: string[][] = [];
  const one = new StatsdAggregator({
    send: (packets) => {
      sent.push([...packets]);
      throw new Error('send of this test');
    },
  });
  let pulls = 0;
  one.onPull(() => {
    throw new Error('pull of this test');
  });
  one.onPull(() => {
    pulls += 1;
    one.gauge('runtime').set(pulls);
  });
  context.mock.timers.tick(5000);
  assert.equal(sent.length, 0);
  one.counter('a').add();
  context.mock.timers.tick(1000);
  assert.deepEqual(sent, [['a:1|c']]);
  context.mock.timers.tick(1000 * (PULL_EVERY_INTERVALS - 1));
  assert.equal(pulls, 1);
  assert.deepEqual(sent, [['a:1|c'], ['runtime:1|g']]);
  one.close();
  one.counter('a').add();
  context.mock.timers.tick(5000);
  assert.equal(sent.length, 2);
  assert.deepEqual(one.flush(), ['a:1|c'], 'what came after stays for a last flush');
});

test('sums and values beyond every number stay finite on the wire, and cost nobody else a line', () => {
  const one = aggregator();
  one.counter('a.huge').add(1.7e308);
  one.counter('a.huge').add(1.7e308);
  one.timings('a.t').record(1.7e308);
  one.counter('a.other').add(2);
  const [huge = '', timing = '', other = ''] = lines(one);
  assert.match(huge, /^a\.huge:\d{309}\|c$/);
  assert.match(timing, /^a\.t:\d{309}\|ms$/);
  assert.equal(other, 'a.other:2|c');
});

test('a flush that fails kills neither the timer nor the app', async () => {
  let sent = 0;
  const one = new StatsdAggregator({ send: () => (sent += 1), intervalMillis: 1 });
  const original = one.flush.bind(one);
  let failed = 0;
  one.flush = () => {
    if (failed > 0) return original();
    failed += 1;
    throw new Error('a bug of ours');
  };
  one.counter('a').add();
  await eventually('the flush after it', () => (sent > 0 ? true : undefined), { pauseMillis: 2 });
  one.close();
});

test('a negative gauge whose two lines are larger than a packet leaves as two packets', () => {
  const one = aggregator();
  one.gauge({ head: 'depth', tail: `|#queue:${'q'.repeat(900)}`, packed: true }).set(-3);
  const packets = one.flush();
  assert.deepEqual(
    packets.map((packet) => packet.slice(0, 10)),
    ['depth:0|g|', 'depth:-3|g'],
  );
  for (const packet of packets) assert.ok(Buffer.byteLength(packet) <= MAX_PACKET_BYTES);
});

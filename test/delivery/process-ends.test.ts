import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import type { DeliveryStatus } from '../../lib/model/telemetry-sink.ts';
import { type ChildOptions, type Ended, runChild, startChild } from '../support/child.ts';
import { NODE_NEWEST, NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { assertBalanced, counts, receiverFor, sinkOptions } from './sink-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/delivery/append.mjs', import.meta.url));
const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;
/** What the other versions of Node run: they do not all strip types. */
const BUILT = new URL('../../dist/delivery/journal-sink.js', import.meta.url);
const CLOSED_PORT = 'http://127.0.0.1:1';
const DOWN = { elasticsearchUrl: CLOSED_PORT, zipkinUrl: CLOSED_PORT, statsdUrl: 'udp://127.0.0.1:1' };

function child(options: JournalSinkOptions, env: NodeJS.ProcessEnv, node: NodeRuntime = NODE_OWN): ChildOptions {
  const { onNotice: _, ...plain } = options;
  return {
    node,
    args: [PROGRAM],
    env: { SINK: node === NODE_OWN ? SOURCE : BUILT.href, OPTIONS: JSON.stringify(plain), ...env },
    timeoutMillis: 60_000,
  };
}

function statusOf(ended: Ended): DeliveryStatus {
  return JSON.parse(ended.stdout.trim().split('\n').at(-1)!).status;
}

const numbers = (length: number): number[] => Array.from({ length }, (_, at) => at);

for (const node of [NODE_OLDEST, NODE_OWN, NODE_NEWEST]) {
  const skip = node.missing ?? (node !== NODE_OWN && !existsSync(BUILT) ? 'not built; npm run build' : undefined);
  test(`Node ${node.version}: records of a process that was killed are delivered by the next one`, {
    skip,
  }, async (t) => {
    const receiver = await receiverFor(t);
    const options = sinkOptions(receiver);
    // Killed before its worker has started: nothing was sent.
    const killed = await runChild(child(options, { COUNT: '300', END: 'kill' }, node));
    assert.equal(killed.signal, 'SIGKILL');
    assert.equal(receiver.documents.length, 0);
    const next = await runChild(child(options, { FIRST: '300', COUNT: '10', END: 'adopt', EXPECT: '310' }, node));
    assert.equal(next.code, 0, next.stderr);
    assert.deepEqual(
      receiver.documents.map((line) => line['number']).sort((a, b) => a - b),
      numbers(310),
    );
    assert.equal(new Set(receiver.spans.map(({ id }) => id)).size, 310);
    assert.equal(receiver.conflicts(), 0);
    const status = statusOf(next);
    assertBalanced(status);
    assert.deepEqual(status.logs, counts({ accepted: 310, delivered: 310 }));
    assert.deepEqual(status.spans, counts({ accepted: 310, delivered: 310 }));
    const [service] = readdirSync(options.directory);
    assert.deepEqual(readdirSync(join(options.directory, service!)), [], 'nothing is left behind');
  });

  test(`Node ${node.version}: an exit with a backlog delivers it and keeps its code`, { skip }, async (t) => {
    const receiver = await receiverFor(t);
    const options = sinkOptions(receiver);
    const ended = await runChild(child(options, { COUNT: '50', END: 'exit', DRAIN: '10000', STATSD: 'a.b:1|c' }, node));
    assert.equal(ended.code, 7, ended.stderr);
    assert.equal(ended.stderr, '');
    assert.deepEqual(
      receiver.documents.map((line) => line['number']),
      numbers(50),
    );
    assert.equal(receiver.spans.length, 50);
    assert.deepEqual(receiver.statsd, ['a.b:1|c']);
    assert.deepEqual(statusOf(ended).logs, counts({ accepted: 50, delivered: 50 }));
    const [service] = readdirSync(options.directory);
    assert.deepEqual(readdirSync(join(options.directory, service!)), []);
  });
}

test('an empty loop and a thrown error end as they would, with everything delivered', async (t) => {
  const receiver = await receiverFor(t);
  const options = sinkOptions(receiver);
  const natural = await runChild(child(options, { COUNT: '20', END: '', DRAIN: '10000' }));
  assert.equal(natural.code, 0);
  assert.equal(receiver.documents.length, 20);
  const thrown = await runChild(child(options, { FIRST: '20', COUNT: '20', END: 'throw', DRAIN: '10000' }));
  assert.equal(thrown.code, 1);
  assert.match(thrown.stderr, /deliberate/);
  assert.deepEqual(
    receiver.documents.map((line) => line['number']),
    numbers(40),
  );
});

test('backends that are down hold no exit up and lose nothing', async () => {
  const options = sinkOptions(DOWN);
  // The first attempt fails at once; a drain of ten seconds must not wait for another.
  const before = performance.now();
  const ended = await runChild(child(options, { COUNT: '20', END: 'exit', DRAIN: '30000' }));
  assert.ok(performance.now() - before < 20_000);
  assert.equal(ended.code, 7);
  assert.deepEqual(statusOf(ended).logs, counts({ accepted: 20, onDisk: 20 }));
});

test('an orderly close with backends down gives the journal back, and the next process delivers it', async (t) => {
  const receiver = await receiverFor(t);
  const options = sinkOptions(receiver);
  const faults = Array.from({ length: 100 }, () => ({ status: 503 }));
  receiver.fail(/_bulk/, ...faults);
  receiver.fail(/spans/, ...faults);
  const first = await runChild(child(options, { COUNT: '20', END: 'close', CLOSE: '300' }));
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(statusOf(first).spans, counts({ accepted: 20, onDisk: 20 }));
  const [service] = readdirSync(options.directory);
  assert.match(readdirSync(join(options.directory, service!)).join(), /^released~[0-9a-f]{16}$/);
  receiver.heal();
  const second = await runChild(child(options, { END: 'adopt', EXPECT: '20' }));
  assert.equal(second.code, 0);
  assert.deepEqual(
    receiver.documents.map((line) => line['number']).sort((a, b) => a - b),
    numbers(20),
  );
});

test('the journal of a process that lives is not touched', async (t) => {
  const options = sinkOptions(DOWN);
  const living = startChild(child(options, { COUNT: '5', END: 'wait' }));
  t.after(() => living.stop('SIGKILL'));
  await living.line(/waiting/);
  const other = await runChild(child(options, { FIRST: '5', COUNT: '5', END: 'close', CLOSE: '500' }));
  assert.deepEqual(statusOf(other).logs, counts({ accepted: 5, onDisk: 5 }));
  const [service] = readdirSync(options.directory);
  const journals = readdirSync(join(options.directory, service!));
  assert.equal(journals.filter((name) => name.includes(`.${living.pid}.`)).length >= 1, true, journals.join());
});

test('a journal is delivered to where it was meant to go and nowhere else', async (t) => {
  const receiver = await receiverFor(t);
  const down = sinkOptions(DOWN);
  await runChild(child(down, { COUNT: '5', END: 'kill' }));
  const other = {
    ...down,
    logs: { url: receiver.elasticsearchUrl, stream: 'logs-shop-production' },
    spans: { url: receiver.zipkinUrl },
  };
  const ended = await runChild(child(other, { FIRST: '100', COUNT: '1', END: 'adopt', EXPECT: '1' }));
  assert.deepEqual(statusOf(ended).logs, counts({ accepted: 1, delivered: 1 }));
  assert.deepEqual(
    receiver.documents.map((line) => line['number']),
    [100],
  );
  const journals = readdirSync(down.directory).flatMap((service) => readdirSync(join(down.directory, service)));
  assert.equal(journals.length, 1, 'kept for a process with that destination');
});

test('many processes at once: each orphan is adopted by one of them', async (t) => {
  const receiver = await receiverFor(t);
  const options = sinkOptions(receiver);
  for (let at = 0; at < 3; at += 1)
    await runChild(child(options, { FIRST: String(at * 100), COUNT: '100', END: 'kill' }));
  const all = await Promise.all(
    [0, 1, 2].map((at) => runChild(child(options, { FIRST: String(300 + at), COUNT: '1', END: 'adopt' }))),
  );
  assert.deepEqual(
    receiver.documents.map((line) => line['number']).sort((a, b) => a - b),
    numbers(303),
  );
  assert.equal(receiver.conflicts(), 0, 'nothing was sent by two');
  assert.equal(
    all.reduce((sum, ended) => sum + statusOf(ended).logs.accepted, 0),
    303,
  );
});

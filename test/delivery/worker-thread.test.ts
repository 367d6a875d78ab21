import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runChild } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { receiverFor, sinkOptions } from './sink-fixture.ts';

const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;

function program(text: string): string {
  const path = join(temporaryDirectory('worker'), 'app.mjs');
  writeFileSync(path, text);
  return path;
}

const PRELUDE = `
  import worker from 'node:worker_threads';
  import { syncBuiltinESMExports } from 'node:module';
  const started = [];
  const Original = worker.Worker;
  worker.Worker = class extends Original { constructor(...args) { super(...args); started.push(this); } };
  syncBuiltinESMExports();
  const { createJournalSink } = await import(process.env.SINK);
  const { setTimeout: sleep } = await import('node:timers/promises');
  const sink = createJournalSink(JSON.parse(process.env.OPTIONS));
  const until = async (probe) => { for (let tries = 0; tries < 800 && !probe(); tries += 1) await sleep(25); };
`;

async function run(t: Parameters<typeof receiverFor>[0], body: string, env: NodeJS.ProcessEnv = {}) {
  const receiver = await receiverFor(t);
  const { onNotice: _, ...options } = sinkOptions(receiver);
  const ended = await runChild({
    args: [program(PRELUDE + body)],
    env: { SINK: SOURCE, OPTIONS: JSON.stringify(options), ...env },
    timeoutMillis: 60_000,
  });
  return { ended, receiver };
}

test('nothing is started or opened before the first record, and the worker holds no process', async (t) => {
  const { ended } = await run(
    t,
    `
    console.log('workers', started.length);
    sink.status();
    console.log('workers', started.length);
    sink.log('{"message":"x"}', true);
    sink.start();
    await until(() => sink.status().logs.delivered === 1);
    console.log('workers', started.length, 'delivered', sink.status().logs.delivered);
    // The loop is empty now, with the worker alive.
  `,
  );
  assert.equal(ended.stdout, 'workers 0\nworkers 0\nworkers 1 delivered 1\n');
  assert.equal(ended.code, 0);
  assert.equal(ended.stderr, '');
});

test('a worker that dies is replaced; the app lives and nothing is lost or sent twice', async (t) => {
  const { ended, receiver } = await run(
    t,
    `
    for (let at = 0; at < 50; at += 1) sink.log(JSON.stringify({ number: at }), true);
    sink.start();
    await until(() => sink.status().logs.delivered === 50);
    await started[0].terminate();
    for (let at = 50; at < 100; at += 1) sink.log(JSON.stringify({ number: at }), true);
    await until(() => started.length === 2 && sink.status().logs.delivered === 100);
    console.log(JSON.stringify(sink.status().logs), started.length);
    process.exit(0);
  `,
  );
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(
    ended.stdout.trim(),
    '{"accepted":100,"delivered":100,"sentUnconfirmed":0,"onDisk":0,"deadLettered":0,"dropped":{}} 2',
  );
  assert.deepEqual(
    receiver.documents.map((line) => line['number']),
    Array.from({ length: 100 }, (_, at) => at),
  );
  assert.equal(receiver.conflicts(), 0);
});

test('neither NODE_OPTIONS nor the arguments of the app reach the worker', async (t) => {
  const marker = program(
    'import { isMainThread } from "node:worker_threads"; if (!isMainThread) console.log("loaded in a worker");',
  );
  const { ended } = await run(
    t,
    `
    sink.log('{"message":"x"}', true);
    sink.start();
    await until(() => sink.status().logs.delivered === 1);
    console.log('done');
  `,
    { NODE_OPTIONS: `--import=${marker}` },
  );
  assert.equal(ended.stdout, 'done\n');
  assert.equal(fileURLToPath(SOURCE).endsWith('.ts'), true);
});

test('a worker that cannot start costs the app nothing: records stay in the journal', async (t) => {
  const { ended } = await run(
    t,
    `
    worker.Worker = class { constructor() { throw new Error('not allowed here'); } };
    syncBuiltinESMExports();
    sink.log('{"message":"x"}', true);
    sink.start();
    sink.drainSync(100);
    await sink.flush(100);
    console.log(JSON.stringify(sink.status().logs));
    await sink.close(100);
  `,
  );
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(
    ended.stdout.trim(),
    '{"accepted":1,"delivered":0,"sentUnconfirmed":0,"onDisk":1,"deadLettered":0,"dropped":{}}',
  );
});

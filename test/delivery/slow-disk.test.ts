import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredRing } from '../../lib/delivery/deferred-ring.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import { SharedLedger } from '../../lib/delivery/shared-ledger.ts';
import { SlowDisk } from '../../lib/delivery/slow-disk.ts';
import { runChild } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { receiverFor, sinkOptions } from './sink-fixture.ts';

const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;

function openDisk() {
  let now = 0;
  let waited = 0;
  const changes: boolean[] = [];
  const ledger = new SharedLedger();
  const disk = new SlowDisk({
    ledger,
    canDefer: () => true,
    onChange: (ring) => changes.push(ring !== undefined),
    steadyMillis: () => now,
    nowMillis: () => 42,
    runQueueMillis: () => waited,
  });
  return {
    disk,
    ledger,
    changes,
    pass: (millis: number) => (now += millis),
    waitForCore: (millis: number) => (waited += millis),
  };
}

test('three slow writes within ten seconds hand writing over; fewer, or far apart, do not', () => {
  const { disk, changes, pass } = openDisk();
  for (let at = 0; at < 100; at += 1) disk.noteWrite(20);
  assert.equal(disk.isDeferring, false, 'the last that is not slow');
  disk.noteWrite(20.1);
  pass(10_000);
  disk.noteWrite(500);
  pass(4999);
  disk.noteWrite(1);
  disk.noteWrite(500);
  assert.equal(disk.isDeferring, false);
  pass(5000);
  disk.noteWrite(21);
  assert.deepEqual(changes, [true]);
});

test('a write that took long because the thread had no core is not slow', () => {
  const { disk, waitForCore } = openDisk();
  disk.noteWrite(30);
  for (let at = 0; at < 10; at += 1) {
    waitForCore(85);
    disk.noteWrite(100);
  }
  assert.equal(disk.isDeferring, false);
  waitForCore(10);
  disk.noteWrite(40);
  disk.noteWrite(21);
  assert.equal(disk.isDeferring, true);
});

test('the app’s thread writes again when the ring is empty, time has passed and the worker’s writes were quick; later each time', () => {
  const { disk, ledger, changes, pass } = openDisk();
  const slow = () => {
    disk.noteWrite(30);
    disk.noteWrite(30);
    disk.noteWrite(30);
  };
  slow();
  assert.equal(disk.put(RecordKind.LOG, 'x'), undefined);
  pass(10_000);
  ledger.set('calmWrites', 20);
  assert.equal(disk.isDeferring, true, 'something waits');
  const taken: unknown[] = [];
  disk.takeBack((kind, payload, time) => taken.push([kind, Buffer.from(payload).toString(), time]));
  assert.deepEqual(taken, [[RecordKind.LOG, 'x', 42]]);
  assert.equal(ledger.inMemory('logs'), 0);
  ledger.set('calmWrites', 19);
  assert.equal(disk.isDeferring, true, 'not calm for long enough');
  ledger.set('calmWrites', 20);
  assert.equal(disk.isDeferring, false);
  slow();
  pass(19_999);
  assert.equal(disk.isDeferring, true, 'twice as long');
  pass(1);
  assert.equal(disk.isDeferring, false);
  assert.deepEqual(changes, [true, false, true, false]);
});

test('the ring gives back what was put, in order, over many turns, and refuses what does not fit', () => {
  const ring = new DeferredRing();
  const other = new DeferredRing(ring.memory);
  let put = 0;
  let got = 0;
  const text = (at: number) => `${at} ${'é'.repeat((at * 7919) % 90_000)}`;
  for (let turn = 0; turn < 40; turn += 1) {
    while (ring.put(RecordKind.SPAN, text(put), put)) put += 1;
    // Whoever dies before it says that it is done leaves all to the next.
    other.take(1_000_000, () => {});
    other.take(turn % 3 === 0 ? Number.POSITIVE_INFINITY : 3_000_000, (kind, payload, time) => {
      assert.equal(kind, RecordKind.SPAN);
      assert.equal(Buffer.from(payload).toString(), text(got));
      assert.equal(time, got);
      got += 1;
    })();
  }
  assert.ok(put > 1000);
  other.take(Number.POSITIVE_INFINITY, () => {
    got += 1;
  })();
  assert.equal(got, put);
  assert.equal(ring.isEmpty, true);
});

test('on a slow disk the app is held by three writes and no more; everything is delivered, and said', async (t) => {
  const receiver = await receiverFor(t);
  const { onNotice: _, ...options } = sinkOptions(receiver);
  const path = join(temporaryDirectory('slow'), 'app.mjs');
  writeFileSync(
    path,
    `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    // Every write of this thread takes 50 ms; those of the worker are as ever.
    const { writeSync } = fs;
    let slow = 0;
    fs.writeSync = (...args) => {
      if (typeof args[1] !== 'string') { slow += 1; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); }
      return writeSync(...args);
    };
    syncBuiltinESMExports();
    const { createJournalSink } = await import(process.env.SINK);
    const sink = createJournalSink({ ...JSON.parse(process.env.OPTIONS), onNotice: (text) => console.log('notice', text) });
    sink.log(JSON.stringify({ number: 0 }), true);
    sink.start();
    for (let tries = 0; tries < 800 && sink.status().logs.delivered < 1; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    for (let at = 1; at < 500; at += 1) sink.log(JSON.stringify({ number: at }), true);
    const slowWrites = slow;
    for (let tries = 0; tries < 800 && sink.status().logs.delivered < 500; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    const status = sink.status();
    for (let at = 500; at < 600; at += 1) sink.log(JSON.stringify({ number: at }), true);
    await sink.close(20_000);
    console.log(JSON.stringify({ slowWrites, status, end: sink.status() }));
  `,
  );
  const ended = await runChild({ args: [path], env: { SINK: SOURCE, OPTIONS: JSON.stringify(options) } });
  assert.equal(ended.code, 0, ended.stderr);
  const lines = ended.stdout.trim().split('\n');
  const { slowWrites, status, end } = JSON.parse(lines.at(-1)!);
  // Header and record of the first line, the second and third line.
  assert.ok(slowWrites <= 6, `${slowWrites} slow writes`);
  assert.ok(status.slowDisk.deferred >= 494, JSON.stringify(status.slowDisk));
  assert.equal(status.logs.delivered, 500);
  assert.equal(end.logs.accepted, 600);
  assert.equal(end.logs.delivered + end.logs.onDisk, 600, JSON.stringify(end));
  assert.deepEqual(end.logs.dropped, {});
  assert.match(
    lines[0]!,
    /^notice SIGHTLINE_W_SLOW_DISK: the disk of the journal in .* is slow; records wait in memory/,
  );
  const numbers = receiver.documents.map((line) => line['number'] as number).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: end.logs.delivered }, (_, at) => at),
  );
  assert.equal(receiver.conflicts(), 0);
});

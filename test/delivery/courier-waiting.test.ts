import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DELIVERY_TUNING } from '../../lib/delivery/delivery-options.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import { SharedLedger } from '../../lib/delivery/shared-ledger.ts';
import { Courier } from '../../lib/delivery/worker/courier.ts';

/** As much of a journal as a courier looks at: batches of one record, handed out as they are put in. */
function scriptedJournal() {
  const batches: object[] = [];
  const journal = {
    own: true,
    journalId: 'j',
    settle: () => [],
    save() {},
    oldest: () => 0,
    tryRead: () => batches.shift(),
  };
  const records = {
    length: 1,
    payloadBytes: 1,
    placesWith: () => new Set(),
    timeAt: () => Date.now(),
    sizeAt: () => 1,
  };
  return { journal, put: () => batches.push({ journal, records, more: true, lost: 0 }) };
}

test('a wake-up meant for an earlier waiting does not make a courier deaf to the end of a request', async (t) => {
  // Only what wakes the courier may wake it: its own look, once in a while, would hide the fault.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ledger = new SharedLedger();
  const { journal, put } = scriptedJournal();
  const answers: (() => void)[] = [];
  const courier = new Courier({
    signal: 'logs',
    kind: RecordKind.LOG,
    backend: {
      address: 'backend',
      send: () => new Promise((resolve) => answers.push(() => resolve({ kind: 'delivered' }))),
      close() {},
    } as never,
    ledger,
    deadLetters: {} as never,
    tuning: { ...DELIVERY_TUNING, window: 1 },
    maxAgeMillis: 60_000,
    journals: () => [journal as never],
    onNotice() {},
    onError() {},
    onSettled() {},
  });
  const running = courier.run();
  const settle = async () => {
    for (let count = 0; count < 20; count += 1) await turn();
  };

  await settle();
  put();
  // Told by somebody else than the ledger: the waiting for the ledger goes on behind its back.
  courier.look();
  await settle();
  assert.equal(answers.length, 1, 'the first request is under way, and there is room for no other');
  ledger.signal('wake');
  await settle();
  put();
  answers[0]!();
  await settle();
  assert.equal(answers.length, 2, 'the end of the first request lets the second go');
  answers[1]!();
  courier.stop();
  t.mock.timers.tick(60_000);
  await running;
});

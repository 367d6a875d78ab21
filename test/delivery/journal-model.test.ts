import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { listSegments } from '../../lib/delivery/journal/journal-directory.ts';
import { JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { RECORD_KINDS, RecordKind, SIGNAL_OF_KIND } from '../../lib/delivery/journal/record-kind.ts';
import { countUnsettled } from '../../lib/delivery/journal/unsettled.ts';
import { SharedLedger, unpackPosition } from '../../lib/delivery/shared-ledger.ts';
import { Journal, type JournalBatch } from '../../lib/delivery/worker/journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const base = temporaryDirectory('model');
let made = 0;

/** Everything that can happen to a journal, in any order. */
type Action =
  | { readonly do: 'append'; readonly kind: RecordKind; readonly bytes: number }
  | { readonly do: 'flush' }
  | { readonly do: 'read'; readonly kind: RecordKind; readonly maxBytes: number }
  /** `save`: the worker lives long enough to write the checkpoint. */
  | { readonly do: 'settle'; readonly which: number; readonly save: boolean }
  | { readonly do: 'clean' }
  /** The worker dies and another one starts; the process lives. */
  | { readonly do: 'restart' };

const kind = fc.constantFrom(...RECORD_KINDS);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), kind, bytes: fc.integer({ min: 1, max: 6000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('read' as const), kind, maxBytes: fc.integer({ min: 1, max: 20_000 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat(5), save: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clean' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

const NOTHING = { delivered: 0, sentUnconfirmed: 0, deadLettered: 0, expired: 0, undeliverable: 0, rejected: 0 };

test('whatever happens, no record is settled unseen, none is lost, and a segment goes only when all in it is settled', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 200, size: 'max' }), (actions) => {
      made += 1;
      const root = join(base, String(made));
      const ledger = new SharedLedger();
      let path = '';
      const writer = new JournalWriter({
        root,
        directory: join(root, 'shop'),
        fingerprint: 'ab'.repeat(16),
        // Segments of 16 KiB.
        maxBytes: 100 * 1024 ** 2,
        segmentBytes: 16 * 1024,
        ledger,
        onDrop: (_signal, reason) => assert.fail(reason),
        onOpen: (journal) => {
          path = journal.path;
        },
        onTrouble: () => assert.fail('no trouble is expected'),
      });
      const open = (own: boolean): Journal =>
        new Journal({
          path,
          journalId: 'ab'.repeat(8),
          kinds: RECORD_KINDS,
          role: own ? 'own' : 'adopted',
          onFreed: () => {},
          ...(own && {
            limit: () => unpackPosition(ledger.get('position')),
            settled: (kind: RecordKind) => ledger.get(`settled.${SIGNAL_OF_KIND[kind]}`),
          }),
        });
      let journal: Journal | undefined;
      const appended: Record<RecordKind, string[]> = { [RecordKind.LOG]: [], [RecordKind.SPAN]: [] };
      let flushed: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
      let underWay: JournalBatch[] = [];
      /** Numbers that the courier has had an outcome for. */
      const answered: Record<RecordKind, Set<number>> = { [RecordKind.LOG]: new Set(), [RecordKind.SPAN]: new Set() };

      const settledOf = (kind: RecordKind): number => ledger.get(`settled.${SIGNAL_OF_KIND[kind]}`);
      const check = (): void => {
        for (const kind of RECORD_KINDS) {
          assert.ok(settledOf(kind) <= flushed[kind], 'a record counts twice');
          for (let number = 1; number <= settledOf(kind); number += 1) {
            assert.ok(answered[kind].has(number), `record ${number} counts as settled and was never sent`);
          }
        }
      };

      for (const step of actions) {
        switch (step.do) {
          case 'append': {
            const text = `${step.kind} ${appended[step.kind].length + 1} `.padEnd(step.bytes, 'x');
            writer.append(step.kind, text);
            appended[step.kind].push(text);
            break;
          }
          case 'flush':
            writer.flush();
            break;
          case 'read': {
            if (path === '') break;
            journal ??= open(true);
            const batch = journal.read(step.kind, step.maxBytes);
            if (batch === undefined) break;
            assert.equal(batch.lost, 0);
            for (const record of batch.records) {
              assert.equal(record.payload.toString(), appended[step.kind][record.number - 1]);
            }
            underWay.push(batch);
            break;
          }
          case 'settle': {
            const [batch] = underWay.splice(step.which % Math.max(1, underWay.length), 1);
            if (batch === undefined) break;
            for (const record of batch.records) answered[batch.kind].add(record.number);
            for (const passed of batch.journal.settle(batch, NOTHING)) {
              ledger.add(`settled.${SIGNAL_OF_KIND[passed.batch.kind]}`, passed.batch.records.length);
            }
            if (step.save) batch.journal.save();
            break;
          }
          case 'clean':
            journal?.clean();
            break;
          case 'restart':
            // Without a goodbye.
            journal = undefined;
            underWay = [];
            break;
        }
        flushed = { [RecordKind.LOG]: ledger.get('written.logs'), [RecordKind.SPAN]: ledger.get('written.spans') };
        check();
      }
      // The process dies here: what was only gathered was not accepted. The next one finds all that is not settled.
      if (path === '') return;
      const unsettledBefore = countUnsettled(path);
      const orphan = open(false);
      for (const kind of RECORD_KINDS) {
        const unsettled = unsettledBefore[kind];
        const found: number[] = [];
        for (let batch = orphan.read(kind, 10_000); batch !== undefined; batch = orphan.read(kind, 10_000)) {
          assert.equal(batch.lost, 0);
          found.push(...[...batch.records].map(({ number }) => number));
          orphan.settle(batch, NOTHING);
        }
        assert.equal(unsettled, found.length, 'the count of what is found is right');
        // At least all that is not settled; what was settled and not written down is sent again.
        const first = flushed[kind] - found.length;
        assert.ok(first <= settledOf(kind), `records ${settledOf(kind) + 1} to ${first} are lost`);
        assert.deepEqual(
          found,
          Array.from({ length: found.length }, (_, at) => first + at + 1),
        );
      }
      assert.equal(orphan.clean(), true);
      assert.deepEqual(listSegments(path), []);
      orphan.close(false);
      writer.close();
    }),
    { numRuns: 150 },
  );
});

/** `JOURNAL_SEED` runs one seed again, `JOURNAL_RUNS` so many of them. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listSegments } from '../../lib/delivery/journal/journal-directory.ts';
import { JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { RECORD_KINDS, RecordKind, SIGNAL_OF_KIND } from '../../lib/delivery/journal/record-kind.ts';
import { headerOf } from '../../lib/delivery/journal/segment-reader.ts';
import { SharedLedger, unpackPosition } from '../../lib/delivery/shared-ledger.ts';
import { Journal, type JournalBatch } from '../../lib/delivery/worker/journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { randomOf } from './random.ts';

const NOTHING = { delivered: 0, sentUnconfirmed: 0, deadLettered: 0, expired: 0, undeliverable: 0, rejected: 0 };
const RUNS = Number(process.env['JOURNAL_RUNS'] ?? 40);
const STEPS = 250;
const base = temporaryDirectory('faults');

type PerKind<Value> = Record<RecordKind, Value>;
const perKind = <Value>(make: () => Value): PerKind<Value> => ({ [RecordKind.LOG]: make(), [RecordKind.SPAN]: make() });

/** One life of a writer and its workers on a disk that fails; then its end, and the life of who finds the journal. */
function live(seed: number, power: boolean): { written: number; dropped: number; lost: number } {
  const random = randomOf(seed);
  const root = join(base, `${seed}-${power}`);
  const disk = new FaultyDisk(root, random);
  disk.install();
  let now = 0;
  const ledger = new SharedLedger();
  let path = '';
  let drops = perKind(() => 0);
  let gathered = perKind<string[]>(() => []);
  /** Text under each number that was accepted. */
  const texts = perKind<string[]>(() => []);
  const dropped = perKind(() => 0);
  const lost = perKind(() => 0);
  /** Numbers whose text a backend has got. */
  const sent = perKind(() => new Set<number>());
  const writer = new JournalWriter({
    root,
    directory: join(root, 'shop'),
    fingerprint: 'ab'.repeat(16),
    maxBytes: 4 * 1024 ** 2,
    segmentBytes: 16 * 1024,
    ledger,
    steadyMillis: () => now,
    onDrop: (signal, _reason, count) => {
      drops[signal === 'logs' ? RecordKind.LOG : RecordKind.SPAN] += count;
    },
    onOpen: (journal) => {
      assert.equal(path, '', 'the journal stays the same');
      path = journal.path;
    },
    onTrouble: () => {},
  });
  const open = (own: boolean): Journal =>
    new Journal({
      path,
      journalId: 'ab'.repeat(8),
      role: own ? 'own' : 'adopted',
      kinds: RECORD_KINDS,
      onFreed: () => {},
      ...(own && {
        limit: () => unpackPosition(ledger.get('position')),
        settled: (kind: RecordKind) => ledger.get(`settled.${SIGNAL_OF_KIND[kind]}`),
      }),
    });
  const read = (journal: Journal, kind: RecordKind): JournalBatch | undefined => {
    try {
      return journal.read(kind, 1 + random() * 20_000);
    } catch (error) {
      assert.match(String(error), /made for a test/);
      return undefined;
    }
  };
  const check = (batch: JournalBatch): void => {
    for (const { number, payload } of batch.records) {
      assert.equal(String(payload), texts[batch.kind][number - 1], `record ${number} of kind ${batch.kind}`);
      sent[batch.kind].add(number);
    }
    lost[batch.kind] += batch.lost;
  };

  let count = 0;
  let journal: Journal | undefined;
  let underWay: JournalBatch[] = [];
  try {
    for (let step = 0; step < STEPS; step += 1) {
      // Bad times and good ones.
      if (step % 50 === 0) disk.rate = random() < 0.5 ? 0 : random() * 0.3;
      const dice = random();
      const kind = random() < 0.6 ? RecordKind.LOG : RecordKind.SPAN;
      now += random() < 0.05 ? 1500 : random() * 20;
      if (dice < 0.35) {
        for (let more = random() * 6; more > 0; more -= 1) {
          count += 1;
          const text = `${kind} ${count} `.padEnd(10 + Math.floor(random() * 3000), 'x');
          gathered[kind].push(text);
          writer.append(kind, text);
        }
        writer.flush();
        for (const each of RECORD_KINDS) {
          texts[each].push(...gathered[each].slice(0, gathered[each].length - drops[each]));
          dropped[each] += drops[each];
          assert.equal(ledger.get(`written.${SIGNAL_OF_KIND[each]}`), texts[each].length);
        }
        gathered = perKind(() => []);
        drops = perKind(() => 0);
      } else if (path === '') continue;
      else if (dice < 0.65) {
        journal ??= open(true);
        const batch = read(journal, kind);
        if (batch === undefined) continue;
        check(batch);
        underWay.push(batch);
      } else if (dice < 0.85) {
        const [batch] = underWay.splice(Math.floor(random() * underWay.length), 1);
        if (batch === undefined) continue;
        for (const { batch: passed } of batch.journal.settle(batch, NOTHING))
          ledger.add(`settled.${SIGNAL_OF_KIND[passed.kind]}`, passed.records.length + passed.lost);
        if (random() < 0.8) batch.journal.save();
      } else if (dice < 0.95) journal?.clean();
      else {
        // The worker dies without a goodbye.
        journal = undefined;
        underWay = [];
      }
      for (const each of RECORD_KINDS) {
        const signal = SIGNAL_OF_KIND[each];
        assert.ok(ledger.get(`settled.${signal}`) <= texts[each].length, `${signal}: a record counts twice`);
      }
    }
    disk.rate = 0;
    const totals = { written: 0, dropped: 0, lost: 0 };
    if (path === '') return totals;
    mkdirSync(path, { recursive: true });
    if (power) disk.cutPower(path);
    const oldest = headerOf(path, listSegments(path)[0] ?? 0);
    const start = typeof oldest === 'object' ? oldest.firstNumbers : undefined;
    const orphan = open(false);
    for (const kind of RECORD_KINDS) {
      let found = 0;
      for (let batch = read(orphan, kind); batch !== undefined; batch = read(orphan, kind)) {
        check(batch);
        found += batch.records.length + batch.lost;
        orphan.settle(batch, NOTHING);
      }
      const written = texts[kind].length;
      // What was deleted was settled, durably: nobody misses it.
      if (start !== undefined)
        assert.ok(found <= written - start[kind] + 1, `${found} found of ${written} from ${start[kind]}`);
      const unseen = written - sent[kind].size;
      if (!power) assert.ok(unseen <= lost[kind] + unfound(kind), `${unseen} records gone, ${lost[kind]} counted`);
      totals.written += written;
      totals.dropped += dropped[kind];
      totals.lost += lost[kind];
    }
    assert.equal(orphan.clean(), true);
    assert.deepEqual(listSegments(path), []);
    orphan.close(false);
    return totals;

    /** Of a write about which the disk said nothing true, at the very end: no later number tells. */
    function unfound(kind: RecordKind): number {
      return texts[kind].length - Math.max(0, ...sent[kind]);
    }
  } finally {
    disk.remove();
  }
}

for (const power of [false, true]) {
  test(`a disk that fails, and then ${power ? 'a power cut: no record is taken for another' : 'a crash: no record is taken for another, none goes uncounted'}`, (t) => {
    const seed = Number(process.env['JOURNAL_SEED'] ?? Date.now() % 1_000_000_000);
    t.diagnostic(`JOURNAL_SEED=${seed}`);
    const sum = { written: 0, dropped: 0, lost: 0 };
    for (let run = 0; run < RUNS; run += 1) {
      try {
        const { written, dropped, lost } = live(seed + run, power);
        sum.written += written;
        sum.dropped += dropped;
        sum.lost += lost;
      } catch (error) {
        throw new Error(`JOURNAL_SEED=${seed + run} JOURNAL_RUNS=1`, { cause: error });
      }
    }
    t.diagnostic(JSON.stringify(sum));
    assert.ok(sum.written > 0 && sum.dropped > 0, 'it was tried');
  });
}

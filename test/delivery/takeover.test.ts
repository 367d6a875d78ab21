import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { claimJournal, journalName, listJournals } from '../../lib/delivery/journal/journal-directory.ts';
import { JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { LeaseWatch } from '../../lib/delivery/journal/lease.ts';
import { currentOwner } from '../../lib/delivery/journal/owner.ts';
import { RECORD_KINDS, RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import { HEADER_BYTES, segmentName } from '../../lib/delivery/journal/segment-format.ts';
import { SharedLedger } from '../../lib/delivery/shared-ledger.ts';
import { Journal } from '../../lib/delivery/worker/journal.ts';
import { tendOtherDestinations } from '../../lib/delivery/worker/other-destinations.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const base = temporaryDirectory('takeover');
let made = 0;

function openWriter(change: { steadyMillis?: () => number; directory?: string } = {}) {
  made += 1;
  const root = join(base, String(made));
  const directory = change.directory ?? join(root, 'shop-0123456789ab');
  const writer = new JournalWriter({
    root: dirname(directory),
    directory,
    fingerprint: 'ab'.repeat(16),
    maxBytes: 64 * 1024 ** 2,
    ledger: new SharedLedger(),
    onDrop: (_signal, reason) => assert.fail(reason),
    onOpen: () => {},
    onTrouble: (reason) => assert.fail(reason),
    ...(change.steadyMillis && { steadyMillis: change.steadyMillis }),
  });
  const append = (text: string): void => {
    writer.append(RecordKind.LOG, text);
    writer.flush();
  };
  return { writer, directory, append };
}

/** Identity and text of every record, as its receiver would know it. */
function records(path: string): [string, string][] {
  const journal = new Journal({ path, journalId: 'x', role: 'adopted', kinds: RECORD_KINDS, onFreed() {} });
  const found: [string, string][] = [];
  for (let batch = journal.read(RecordKind.LOG, 1e6); batch !== undefined; batch = journal.read(RecordKind.LOG, 1e6))
    for (const record of batch.records) found.push([`${journal.writerId}-${record.number}`, String(record.payload)]);
  journal.close(false);
  return found;
}

test('a write that a stopped process makes after its journal was taken over is made again, under the same identity', () => {
  let steady = 0;
  let jump = 0;
  // The process is stopped between the check and the end of the write: every look at the clock there is much later.
  const { writer, directory, append } = openWriter({ steadyMillis: () => (steady += jump) });
  append('first');
  const before = writer.current!;
  const entry = listJournals(directory)[0]!;
  const taken = claimJournal(directory, entry, undefined)!;
  // Not due for a check yet.
  jump = 46_000;
  steady -= 46_000;
  append('second');
  jump = 0;
  const after = writer.current!;
  assert.notEqual(after.path, before.path);
  writer.close();
  const theirs = records(taken);
  const ours = records(after.path);
  assert.deepEqual(
    theirs.map(([, text]) => text),
    ['first', 'second'],
    'the one who took it may have it, or not',
  );
  assert.deepEqual(ours, [theirs[1]], 'the same number of the same writer: a copy, for who tells copies apart');
});

test('two that reach for one journal: one has it; an answer that was lost on the way does not make it nobody’s', () => {
  const { writer, directory, append } = openWriter();
  append('x');
  writer.close();
  const self = currentOwner();
  const entry = listJournals(directory)[0]!;
  const other = { ...self, pid: self.pid + 1 };
  assert.notEqual(claimJournal(directory, entry, other), undefined);
  assert.equal(claimJournal(directory, entry, undefined), undefined, 'too late');
  // The rename has happened, and its repetition finds nothing.
  const [mine] = listJournals(directory);
  const path = join(directory, journalName(self, mine!.journalId));
  renameSync(mine!.path, path);
  assert.equal(claimJournal(directory, mine!, self), path);
});

test('journals for another destination are counted and kept, and go by age with a count', () => {
  const root = join(base, 'elsewhere');
  const own = join(root, 'shop-0123456789ab');
  const other = join(root, 'shop-ba9876543210');
  mkdirSync(own, { recursive: true });
  const written = openWriter({ directory: other });
  for (let at = 0; at < 5; at += 1) written.append(`record ${at}`);
  const journal = written.writer.close()!;
  renameSync(journal.path, join(other, journalName(undefined, journal.journalId)));
  // Of another service, whose name begins alike.
  const neighbour = openWriter({ directory: join(root, 'shop-api-ba9876543210') });
  neighbour.append('not ours');
  const theirs = neighbour.writer.close()!;
  renameSync(theirs.path, join(dirname(theirs.path), journalName(undefined, theirs.journalId)));

  const tend = (nowMillis: number) =>
    tendOtherDestinations({
      directory: own,
      self: currentOwner(),
      leases: new LeaseWatch(),
      maxAgeMillis: 3_600_000,
      nowMillis,
    });
  const kept = tend(Date.now() + 3_500_000);
  assert.equal(kept.records, 5);
  assert.ok(kept.bytes > 0);
  assert.deepEqual(kept.expired, { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 });
  assert.match(readdirSync(other).join(), /^released~/);
  assert.deepEqual(tend(Date.now() + 3_700_000), {
    records: 0,
    bytes: 0,
    expired: { [RecordKind.LOG]: 5, [RecordKind.SPAN]: 0 },
  });
  assert.deepEqual(readdirSync(root).sort(), ['shop-0123456789ab', 'shop-api-ba9876543210']);
});

test('a journal of a newer format is left alone, however old', () => {
  const root = join(base, 'newer');
  const own = join(root, 'shop-0123456789ab');
  const other = join(root, 'shop-ba9876543210');
  mkdirSync(own, { recursive: true });
  const { writer, append } = openWriter({ directory: other });
  append('x');
  const journal = writer.close()!;
  const released = join(other, journalName(undefined, journal.journalId));
  renameSync(journal.path, released);
  const file = join(released, segmentName(1));
  const bytes = readFileSync(file);
  bytes.writeUInt16LE(2, 8);
  writeFileSync(file, bytes);
  utimesSync(file, 1, 1);
  const found = tendOtherDestinations({
    directory: own,
    self: currentOwner(),
    leases: new LeaseWatch(),
    maxAgeMillis: 1,
  });
  assert.equal(found.records, 0);
  assert.equal(statSync(file).size, bytes.length);
  assert.ok(bytes.length > HEADER_BYTES);
});

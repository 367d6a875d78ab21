import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { listSegments } from '../../lib/delivery/journal/journal-directory.ts';
import { type DropReason, JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import {
  HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  RECORD_HEADER_BYTES,
  segmentName,
} from '../../lib/delivery/journal/segment-format.ts';
import { SegmentReader } from '../../lib/delivery/journal/segment-reader.ts';
import { SharedLedger, unpackPosition } from '../../lib/delivery/shared-ledger.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Written {
  readonly kind: RecordKind;
  readonly text: string;
}

let made = 0;
const base = temporaryDirectory('journal');

/** A writer on a directory of its own, with what it has dropped. */
function openWriter(options: { maxBytes?: number; nowMillis?: () => number } = {}) {
  made += 1;
  const root = join(base, String(made));
  const ledger = new SharedLedger();
  const drops: Partial<Record<DropReason, number>> = {};
  const trouble: (DropReason | undefined)[] = [];
  const writer = new JournalWriter({
    root,
    directory: join(root, 'shop'),
    fingerprint: 'ab'.repeat(16),
    maxBytes: options.maxBytes ?? 64 * 1024 ** 2,
    ledger,
    onDrop: (_signal, reason, count) => {
      drops[reason] = (drops[reason] ?? 0) + count;
    },
    onOpen: () => {},
    onTrouble: (reason) => trouble.push(reason),
    ...(options.nowMillis && { nowMillis: options.nowMillis }),
  });
  return { writer, ledger, drops, trouble, root, path: () => writer.current!.path };
}

/** Everything that a reader finds. */
function readAll(path: string, kind: RecordKind, maxBytes = 1024 ** 2) {
  const damaged: number[] = [];
  const reader = new SegmentReader({
    path,
    kind,
    start: undefined,
    segments: () => listSegments(path),
    limit: () => undefined,
    onDamage: (segment) => damaged.push(segment),
  });
  const records: { number: number; text: string }[] = [];
  let lost = 0;
  for (let batch = reader.read(maxBytes); batch !== undefined; batch = reader.read(maxBytes)) {
    records.push(...[...batch.records].map(({ number, payload }) => ({ number, text: payload.toString() })));
    lost += batch.lost;
  }
  reader.close();
  return { records, lost, damaged };
}

const record: fc.Arbitrary<Written> = fc.record({
  kind: fc.constantFrom(RecordKind.LOG, RecordKind.SPAN),
  text: fc.oneof(
    { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1000, max: 9000 }).map((length) => 'x'.repeat(length)) },
  ),
});

function writeAll(writer: JournalWriter, records: readonly (Written & { flush?: boolean })[]): void {
  for (const { kind, text, flush } of records) {
    writer.append(kind, text);
    if (flush !== false) writer.flush();
  }
  writer.flush();
}

function ofKind(records: readonly Written[], kind: RecordKind): string[] {
  return records.filter((candidate) => candidate.kind === kind).map(({ text }) => text);
}

test('what was appended is read, in order, each kind on its own, over many segments', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 20_000 }),
      (given, maxBytes) => {
        // The smallest segments there are: 16 KiB.
        const { writer, ledger } = openWriter({ maxBytes: 8 * 1024 ** 2 });
        const records = given.map(([written, flush]) => ({ ...written, flush }));
        writeAll(writer, records);
        if (records.length === 0) return;
        const path = writer.current!.path;
        for (const kind of [RecordKind.LOG, RecordKind.SPAN]) {
          const found = readAll(path, kind, maxBytes);
          assert.deepEqual(
            found.records.map(({ text }) => text),
            ofKind(records, kind),
          );
          assert.deepEqual(
            found.records.map(({ number }) => number),
            found.records.map((_, at) => at + 1),
          );
          assert.equal(found.lost, 0);
          assert.deepEqual(found.damaged, []);
        }
        assert.equal(ledger.get('written.logs'), ofKind(records, RecordKind.LOG).length);
        assert.equal(ledger.get('written.spans'), ofKind(records, RecordKind.SPAN).length);
        writer.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('a reader beside the writer sees exactly what is published', () => {
  fc.assert(
    fc.property(fc.array(fc.array(record, { maxLength: 10 }), { maxLength: 20, size: 'max' }), (turns) => {
      const { writer, ledger } = openWriter({ maxBytes: 128 * 1024 });
      const seen: string[] = [];
      const written: string[] = [];
      let reader: SegmentReader | undefined;
      for (const turn of turns) {
        for (const { kind, text } of turn) writer.append(kind, text);
        writer.flush();
        written.push(...ofKind(turn, RecordKind.LOG));
        const path = writer.current?.path;
        if (path === undefined) continue;
        reader ??= new SegmentReader({
          path,
          kind: RecordKind.LOG,
          start: undefined,
          segments: () => listSegments(path),
          limit: () => unpackPosition(ledger.get('position')),
          onDamage: () => assert.fail('nothing is damaged'),
        });
        for (let batch = reader.read(500); batch !== undefined; batch = reader.read(500)) {
          assert.equal(batch.lost, 0);
          seen.push(...[...batch.records].map(({ payload }) => payload.toString()));
        }
        assert.deepEqual(seen, written.slice(0, ledger.get('written.logs')));
      }
      reader?.close();
      writer.close();
    }),
    { numRuns: 60 },
  );
});

test('a crash anywhere: cut at any byte, every record before it is whole and none after it appears', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (records, where) => {
        const { writer } = openWriter();
        writeAll(writer, records);
        const path = writer.current!.path;
        writer.close();
        const file = join(path, segmentName(1));
        const cut = Math.floor(statSync(file).size * where);
        truncateSync(file, cut);
        let end = HEADER_BYTES;
        const whole: Written[] = [];
        for (const candidate of records) {
          end += RECORD_HEADER_BYTES + Buffer.byteLength(candidate.text);
          if (end <= cut) whole.push(candidate);
        }
        for (const kind of [RecordKind.LOG, RecordKind.SPAN]) {
          const found = readAll(path, kind);
          assert.deepEqual(
            found.records.map(({ text }) => text),
            ofKind(whole, kind),
          );
          assert.equal(found.lost, 0, 'a record that was never complete was never accepted');
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a flipped bit costs the record it is in and no other, and the loss is counted', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 2, maxLength: 40, size: 'max' }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.nat(7),
      (records, where, bit) => {
        const { writer } = openWriter();
        writeAll(writer, records);
        const path = writer.current!.path;
        writer.close();
        const file = join(path, segmentName(1));
        const bytes = readFileSync(file);
        const at = HEADER_BYTES + Math.floor((bytes.length - HEADER_BYTES) * where);
        bytes[at]! ^= 1 << bit;
        writeFileSync(file, bytes);
        let end = HEADER_BYTES;
        const hit = records.findIndex(({ text }) => (end += RECORD_HEADER_BYTES + Buffer.byteLength(text)) > at);
        for (const kind of [RecordKind.LOG, RecordKind.SPAN]) {
          const found = readAll(path, kind);
          assert.deepEqual(
            found.records.map(({ text }) => text),
            ofKind(
              records.filter((_, index) => index !== hit),
              kind,
            ),
          );
          // The last record of a kind leaves no later number behind that would show the gap.
          const isLast = !records.slice(hit + 1).some((candidate) => candidate.kind === records[hit]!.kind);
          assert.equal(found.lost, records[hit]!.kind === kind && !isLast ? 1 : 0);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('damage in one segment is told by the header of the next one', () => {
  const { writer } = openWriter({ maxBytes: 128 * 1024 });
  for (let at = 0; at < 40; at += 1) {
    writer.append(RecordKind.LOG, `${at} ${'x'.repeat(1000)}`);
    writer.flush();
  }
  const path = writer.current!.path;
  writer.close();
  const [first] = listSegments(path);
  // The tail of a segment that is not the last one: a lost page.
  const file = join(path, segmentName(first!));
  truncateSync(file, statSync(file).size - 1500);
  const found = readAll(path, RecordKind.LOG);
  assert.equal(found.lost, 2);
  assert.equal(found.records.length, 38);
});

test('zeros in the middle, a garbage header and an empty segment are passed', () => {
  const { writer } = openWriter({ maxBytes: 128 * 1024 });
  for (let at = 0; at < 60; at += 1) {
    writer.append(RecordKind.SPAN, `${at} ${'x'.repeat(1000)}`);
    writer.flush();
  }
  const path = writer.current!.path;
  writer.close();
  const segments = listSegments(path);
  assert.ok(segments.length >= 3);
  const patch = (segment: number, at: number, bytes: Buffer): void => {
    const fd = openSync(join(path, segmentName(segment)), 'r+');
    writeSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
  };
  patch(segments[0]!, 5000, Buffer.alloc(3000));
  patch(segments[1]!, 0, Buffer.alloc(HEADER_BYTES, 0xff));
  writeFileSync(join(path, segmentName(segments.at(-1)! + 1)), '');
  const found = readAll(path, RecordKind.SPAN);
  assert.equal(found.records.length + found.lost, 60);
  assert.ok(found.lost >= 3 && found.lost <= 5, `${found.lost} lost`);
  assert.ok(found.damaged.includes(segments[0]!) && found.damaged.includes(segments[1]!));
});

test('a full journal drops what is new, counts it, says so once, and takes records again when there is room', () => {
  const { writer, ledger, drops, trouble } = openWriter({ maxBytes: 64 * 1024 });
  for (let at = 0; at < 100; at += 1) {
    writer.append(RecordKind.LOG, 'x'.repeat(1000));
    writer.flush();
  }
  const written = ledger.get('written.logs');
  assert.ok(written > 50 && written < 64);
  assert.equal(drops.journal_full, 100 - written);
  assert.deepEqual(trouble, ['journal_full']);
  assert.ok(writer.bytes <= 64 * 1024);
  // The worker has deleted a segment.
  ledger.add('freedBytes', 16 * 1024);
  writer.append(RecordKind.LOG, 'again');
  writer.flush();
  assert.deepEqual(trouble, ['journal_full', undefined]);
  const { records, lost } = readAll(writer.current!.path, RecordKind.LOG);
  assert.equal(records.at(-1)!.text, 'again');
  assert.equal(lost, 0, 'dropped records leave no gap in the numbers');
  writer.close();
});

test('a journal that is deleted under the writer is replaced within a second', () => {
  let now = 1_700_000_000_000;
  const { writer, ledger, drops } = openWriter({ nowMillis: () => now });
  const append = (text: string) => {
    writer.append(RecordKind.LOG, text);
    writer.flush();
  };
  append('first');
  const first = writer.current!;
  now += 1001;
  append('still the same');
  assert.equal(writer.current!.journalId, first.journalId);
  rmSync(first.path, { recursive: true });
  now += 1001;
  append('after');
  const second = writer.current!;
  assert.notEqual(second.journalId, first.journalId);
  assert.deepEqual(readAll(second.path, RecordKind.LOG).records, [{ number: 3, text: 'after' }], 'numbers go on');
  // Taken over by another process while this one was stopped: the name is another, the file is the same.
  renameSync(second.path, `${second.path}0`);
  now += 1001;
  append('mine again');
  assert.notEqual(writer.current!.journalId, second.journalId);
  assert.equal(ledger.get('written.logs'), 4);
  assert.deepEqual(drops, {});
  writer.close();
});

test('a disk without room is a state: counted by reason, said once, over when there is room', () => {
  let now = 1_700_000_000_000;
  const { writer, drops, trouble, root } = openWriter({ nowMillis: () => now });
  // A file where the directory should be.
  writeFileSync(root, '');
  for (let at = 0; at < 3; at += 1) {
    writer.append(RecordKind.LOG, 'x');
    writer.append(RecordKind.SPAN, 'x');
    writer.flush();
  }
  assert.deepEqual(drops, { disk_error: 6 });
  assert.deepEqual(trouble, ['disk_error']);
  rmSync(root);
  writer.append(RecordKind.LOG, 'too early');
  writer.flush();
  assert.deepEqual(drops, { disk_error: 7 }, 'the disk is left alone for a second');
  now += 1001;
  writer.append(RecordKind.LOG, 'y');
  writer.flush();
  assert.deepEqual(trouble, ['disk_error', undefined]);
  assert.deepEqual(readAll(writer.current!.path, RecordKind.LOG).records, [{ number: 1, text: 'y' }]);
  writer.close();
});

test('a record that is too large is cut, still valid and still says what happened', () => {
  const { writer, drops } = openWriter();
  const big = JSON.stringify({
    '@timestamp': '2026-01-01T00:00:00Z',
    message: 'failed',
    'trace.id': 'a'.repeat(32),
    error: { stack_trace: 'é'.repeat(MAX_PAYLOAD_BYTES) },
  });
  writer.append(RecordKind.LOG, big);
  // Too large only as UTF-8.
  writer.append(RecordKind.LOG, JSON.stringify({ message: '€'.repeat(100_000) }));
  writer.append(RecordKind.LOG, 'x'.repeat(MAX_PAYLOAD_BYTES + 1));
  writer.append(RecordKind.LOG, 'y'.repeat(MAX_PAYLOAD_BYTES));
  writer.flush();
  const texts = readAll(writer.current!.path, RecordKind.LOG).records.map(({ text }) => text);
  assert.equal(texts.length, 3);
  const cut = JSON.parse(texts[0]!);
  assert.equal(cut.message, 'failed');
  assert.equal(cut['trace.id'], 'a'.repeat(32));
  assert.match(cut.error.stack_trace, /^é+…\[cut by sightline\]$/);
  assert.match(JSON.parse(texts[1]!).message, /^€+…/);
  assert.equal(texts[2]!.length, MAX_PAYLOAD_BYTES, 'the largest that is accepted');
  assert.deepEqual(drops, { too_large: 1 }, 'what is no JSON cannot be cut');
  writer.close();
});

test('directories are 0700, files 0600, and a link in their place is refused', () => {
  const { writer, path, root } = openWriter();
  writer.append(RecordKind.LOG, 'x');
  writer.flush();
  assert.equal(statSync(root).mode & 0o777, 0o700);
  assert.equal(statSync(path()).mode & 0o777, 0o700);
  assert.equal(statSync(join(path(), segmentName(1))).mode & 0o777, 0o600);
  writer.close();

  const linked = openWriter();
  mkdirSync(join(base, 'elsewhere'));
  symlinkSync(join(base, 'elsewhere'), linked.root);
  linked.writer.append(RecordKind.LOG, 'x');
  linked.writer.flush();
  assert.deepEqual(linked.drops, { disk_error: 1 });
  assert.deepEqual(readdirSync(join(base, 'elsewhere')), []);
});

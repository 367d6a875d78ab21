/** With `UPDATE_GOLDEN=1` the golden files are written anew, which is right only together with docs/journal.md. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Checkpoint } from '../../lib/delivery/journal/checkpoint.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import {
  encodeHeader,
  RECORD_HEADER_BYTES,
  sealRecord,
  segmentName,
} from '../../lib/delivery/journal/segment-format.ts';
import { countUnsettled } from '../../lib/delivery/journal/unsettled.ts';
import { Journal } from '../../lib/delivery/worker/journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { plainCheckpoint, plainSegment } from './plain-journal-reader.ts';

const GOLDEN = fileURLToPath(new URL('../golden/journal/', import.meta.url));
const HEADER = {
  segment: 3,
  fingerprint: '00112233445566778899aabbccddeeff',
  journalId: '0123456789abcdef',
  writerId: 'fedcba9876543210',
  createdMillis: 1_700_000_000_123,
  firstNumbers: { [RecordKind.LOG]: 41, [RecordKind.SPAN]: 7 },
};
const RECORDS = [
  { kind: RecordKind.LOG, number: 41, time: 1_700_000_000_200, payload: '{"message":"Grüße, 世界"}' },
  {
    kind: RecordKind.SPAN,
    number: 7,
    time: 1_700_000_000_201,
    payload: '{"traceId":"0af7651916cd43dd8448eb211c80319c"}',
  },
  { kind: RecordKind.LOG, number: 42, time: 1_700_000_000_202.5, payload: '{}' },
];
const CURSORS = {
  [RecordKind.LOG]: { segment: 3, offset: 132, settled: 41 },
  [RecordKind.SPAN]: { segment: 3, offset: 80, settled: 6 },
};

function segment(): Buffer {
  return Buffer.concat([
    encodeHeader(HEADER),
    ...RECORDS.map(({ kind, number, time, payload }) => {
      const bytes = Buffer.alloc(RECORD_HEADER_BYTES + Buffer.byteLength(payload));
      bytes.write(payload, RECORD_HEADER_BYTES);
      sealRecord(bytes, 0, kind, number, time, bytes.length - RECORD_HEADER_BYTES);
      return bytes;
    }),
  ]);
}

function checkpoint(): Buffer {
  const directory = temporaryDirectory('golden');
  const written = new Checkpoint(directory);
  written.write({ ...CURSORS, [RecordKind.LOG]: { segment: 2, offset: 1000, settled: 40 } }, false);
  written.write(CURSORS, true);
  written.close();
  return readFileSync(join(directory, 'checkpoint'));
}

function golden(name: string, bytes: Buffer): Buffer {
  const path = join(GOLDEN, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(path, bytes);
  }
  return readFileSync(path);
}

test('the bytes of a segment and of a checkpoint are those of the golden files', () => {
  assert.deepEqual(segment(), golden(segmentName(3), segment()));
  assert.deepEqual(checkpoint(), golden('checkpoint', checkpoint()));
});

test('a reader that knows docs/journal.md alone finds everything in them', () => {
  const { header, records, skipped } = plainSegment(golden(segmentName(3), segment()));
  assert.deepEqual(header, {
    magic: 'SIGHTJNL',
    version: 1,
    length: 80,
    segment: 3,
    fingerprint: HEADER.fingerprint,
    journalId: HEADER.journalId,
    made: HEADER.createdMillis,
    nextLog: 41,
    nextSpan: 7,
    writerId: HEADER.writerId,
    isWhole: true,
  });
  assert.deepEqual(records, RECORDS);
  assert.equal(skipped, 0);
  assert.deepEqual(plainCheckpoint(golden('checkpoint', checkpoint())), {
    turn: 2,
    logs: CURSORS[RecordKind.LOG],
    spans: CURSORS[RecordKind.SPAN],
  });
});

test('it passes damage and a torn tail as the page says, and a header without a writer means the journal', () => {
  const bytes = segment();
  bytes.fill(0, 64, 72);
  const second = 80 + RECORD_HEADER_BYTES + Buffer.byteLength(RECORDS[0]!.payload);
  bytes[second + 30]! ^= 1;
  const torn = Buffer.concat([bytes, segment().subarray(80, 110)]);
  const { header, records } = plainSegment(torn);
  assert.equal(header.isWhole, false);
  assert.equal(header.writerId, HEADER.journalId);
  assert.deepEqual(records, [RECORDS[0], RECORDS[2]]);
});

test('we read the golden journal as whoever wrote it meant it', () => {
  const path = temporaryDirectory('golden-journal');
  writeFileSync(join(path, segmentName(3)), golden(segmentName(3), segment()));
  writeFileSync(join(path, 'checkpoint'), golden('checkpoint', checkpoint()));
  assert.deepEqual(countUnsettled(path), { [RecordKind.LOG]: 1, [RecordKind.SPAN]: 1 });
  const journal = new Journal({ path, journalId: HEADER.journalId, role: 'adopted', kinds: [1, 2], onFreed() {} });
  assert.equal(journal.writerId, HEADER.writerId);
  const logs = journal.read(RecordKind.LOG, 1e6)!;
  assert.deepEqual(
    [...logs.records].map(({ number, payload }) => [number, String(payload)]),
    [[42, '{}']],
  );
  assert.equal(logs.lost, 0);
  assert.equal(journal.read(RecordKind.SPAN, 1e6)!.records.numberAt(0), 7);
  journal.close(false);
});

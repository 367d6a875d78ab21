import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSpanId } from '../../core/ids.ts';
import type { DeadLetter } from './dead-letter.ts';
import { journalName, removeJournal } from './journal-directory.ts';
import { createPrivate, privateDirectory, readPrivate } from './private-files.ts';
import { KIND_OF_SIGNAL, RecordKind } from './record-kind.ts';
import { encodeHeader, RECORD_HEADER_BYTES, sealRecord, segmentName } from './segment-format.ts';

/** Beside the segments of a journal of dead letters that are sent again: who its records were. */
const FILE = 'identities.ndjson';
/** Bytes of one segment, nearly; of records that were in files of 1 MiB. */
const SEGMENT_BYTES = 8 * 1024 ** 2;

/** What a record was before it became a dead letter; it goes on where it was. */
export interface RecordIdentity {
  readonly id: string;
  readonly attempts: number;
  /** First attempt, RFC 3339. */
  readonly first: string;
  /** When the app's record was accepted, RFC 3339. */
  readonly accepted: string;
}

/** Names a record within one journal. */
function place(kind: RecordKind, number: number): string {
  return `${kind}.${number}`;
}

export type Identities = ReadonlyMap<string, RecordIdentity>;

export function identityOf(identities: Identities, kind: RecordKind, number: number): RecordIdentity | undefined {
  return identities.get(place(kind, number));
}

/**
 * Makes a journal that nobody owns of dead letters, for the next process that looks for orphans. Their IDs stay, so that
 * a backend that tells copies apart by ID stores each once, however often it is tried again. Their time is the present
 * one: they are given as long as any new record.
 *
 * @param letters all of one fingerprint
 * @returns the directory
 * @throws system errors; nothing is left behind then
 */
export function writeRetryJournal(directory: string, letters: readonly DeadLetter[], nowMillis = Date.now()): string {
  const journalId = newSpanId();
  const draft = join(directory, `retry-${randomBytes(8).toString('hex')}`);
  const numbers: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
  const identities: string[] = [];
  try {
    privateDirectory(draft);
    let segment = 0;
    for (let at = 0; at < letters.length; ) {
      segment += 1;
      const firstNumbers = {
        [RecordKind.LOG]: numbers[RecordKind.LOG] + 1,
        [RecordKind.SPAN]: numbers[RecordKind.SPAN] + 1,
      };
      const header = encodeHeader({
        segment,
        fingerprint: letters[0]!.fingerprint,
        journalId,
        writerId: journalId,
        createdMillis: nowMillis,
        firstNumbers,
      });
      const parts = [header];
      for (let bytes = header.length; at < letters.length && bytes < SEGMENT_BYTES; at += 1) {
        const letter = letters[at]!;
        const kind = KIND_OF_SIGNAL[letter.signal];
        numbers[kind] += 1;
        const { id, attempts, first, accepted } = letter;
        identities.push(JSON.stringify([place(kind, numbers[kind]), { id, attempts, first, accepted }]));
        const payload = Buffer.from(letter.record);
        const record = Buffer.alloc(RECORD_HEADER_BYTES + payload.length);
        payload.copy(record, RECORD_HEADER_BYTES);
        sealRecord(record, 0, kind, numbers[kind], nowMillis, payload.length);
        parts.push(record);
        bytes += record.length;
      }
      writeDurably(join(draft, segmentName(segment)), Buffer.concat(parts));
    }
    writeDurably(join(draft, FILE), Buffer.from(`${identities.join('\n')}\n`));
    const path = join(directory, journalName(undefined, journalId));
    renameSync(draft, path);
    return path;
  } catch (error) {
    removeJournal(draft);
    throw error;
  }
}

function writeDurably(path: string, bytes: Buffer): void {
  const fd = createPrivate(path);
  try {
    writeFileSync(fd, bytes);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Empty for every journal but those of dead letters. */
export function readIdentities(path: string): Identities {
  try {
    const fd = readPrivate(join(path, FILE));
    try {
      const lines = readFileSync(fd, 'utf8').split('\n');
      return new Map(lines.filter((line) => line !== '').map((line) => JSON.parse(line) as [string, RecordIdentity]));
    } finally {
      closeSync(fd);
    }
  } catch {
    return new Map();
  }
}

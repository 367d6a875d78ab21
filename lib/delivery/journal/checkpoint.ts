import { closeSync, constants, fsyncSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { openPrivate, readPrivate, systemCode } from './private-files.ts';
import { RECORD_KINDS, RecordKind } from './record-kind.ts';

/** A place in a journal: everything of a kind before it is settled. */
export interface Cursor {
  readonly segment: number;
  readonly offset: number;
  /** Number of the last settled record of this kind. */
  readonly settled: number;
}

export type Cursors = Readonly<Record<RecordKind, Cursor>>;

/** Two slots are written in turn, so that a torn write leaves the older one whole. */
const SLOT_BYTES = 64;
const USED_BYTES = 40;
const CHECKSUM_AT = 36;
const FILE = 'checkpoint';

/** What became of an attempt to write a checkpoint down. `full`: there is no room for it. */
export type CheckpointWritten = 'written' | 'full' | 'failed';

/**
 * How far a journal is settled. Only a shortcut: when it is lost, everything on disk is sent again, and its
 * receivers tell copies apart.
 */
export class Checkpoint {
  private readonly directory: string;
  private fd = -1;
  private turn = 0;
  /** Whether the file is known to be in its directory after a power cut too. */
  private named = false;
  /** What was found when it was opened. */
  readonly found: Cursors | undefined;

  constructor(directory: string) {
    this.directory = directory;
    let newest: Slot | undefined;
    try {
      this.open();
      newest = newestOf(this.fd);
    } catch {
      // A full disk must not stop delivery, which is what makes room; what cannot be read is sent again.
    }
    this.found = newest?.cursors;
    this.turn = newest?.turn ?? 0;
  }

  /** How far a journal is settled that somebody else holds; nothing is opened for writing. */
  static peek(directory: string): Cursors | undefined {
    try {
      const fd = readPrivate(join(directory, FILE));
      try {
        return newestOf(fd)?.cursors;
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }

  private open(): void {
    if (this.fd < 0) this.fd = openPrivate(join(this.directory, FILE));
  }

  /**
   * Never throws: see the class.
   * @param durable true before something is deleted on the strength of it: it is then on the disk, not only in the cache
   */
  write(cursors: Cursors, durable: boolean): CheckpointWritten {
    this.turn += 1;
    const bytes = encode(this.turn, cursors);
    try {
      this.open();
      this.put(this.fd, bytes, durable);
      if (durable && !this.named) this.syncName();
      return 'written';
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOSPC' || code === 'EDQUOT') return 'full';
      // The older slot still stands. A bad block is left behind with the file.
      return durable && this.replace(bytes) ? 'written' : 'failed';
    }
  }

  private put(fd: number, bytes: Buffer, durable: boolean): void {
    const written = writeSync(fd, bytes, 0, SLOT_BYTES, (this.turn % 2) * SLOT_BYTES);
    if (written < SLOT_BYTES) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    if (durable) fsyncSync(fd);
  }

  /** A new file on other blocks in place of one that takes nothing any more. */
  private replace(bytes: Buffer): boolean {
    this.close();
    const path = join(this.directory, FILE);
    try {
      const fd = openPrivate(`${path}.new`);
      try {
        this.put(fd, bytes, true);
      } finally {
        closeSync(fd);
      }
      renameSync(`${path}.new`, path);
      this.syncName();
      return true;
    } catch {
      return false;
    }
  }

  /** Not all systems allow it for a directory, and those that do not have no need of it. */
  private syncName(): void {
    this.named = true;
    try {
      const fd = openSync(this.directory, constants.O_RDONLY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch {
      // The file itself is synced.
    }
  }

  close(): void {
    try {
      if (this.fd >= 0) closeSync(this.fd);
    } catch {
      // Nothing more can be done about it.
    }
    this.fd = -1;
  }
}

function encode(turn: number, cursors: Cursors): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32LE(turn, 0);
  let at = 4;
  for (const kind of RECORD_KINDS) {
    at = bytes.writeUInt32LE(cursors[kind].segment, at);
    at = bytes.writeUInt32LE(cursors[kind].offset, at);
    at = bytes.writeDoubleLE(cursors[kind].settled, at);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return bytes;
}

interface Slot {
  readonly turn: number;
  readonly cursors: Cursors;
}

function newestOf(fd: number): Slot | undefined {
  const bytes = Buffer.alloc(2 * SLOT_BYTES);
  readSync(fd, bytes, 0, bytes.length, 0);
  const first = decode(bytes.subarray(0, SLOT_BYTES));
  const second = decode(bytes.subarray(SLOT_BYTES));
  return (second?.turn ?? -1) > (first?.turn ?? -1) ? second : first;
}

function decode(bytes: Buffer): Slot | undefined {
  if (bytes.length < USED_BYTES || bytes.readUInt32LE(CHECKSUM_AT) !== crc32(bytes.subarray(0, CHECKSUM_AT)))
    return undefined;
  const turn = bytes.readUInt32LE(0);
  if (turn === 0) return undefined;
  const cursor = (at: number): Cursor => ({
    segment: bytes.readUInt32LE(at),
    offset: bytes.readUInt32LE(at + 4),
    settled: bytes.readDoubleLE(at + 8),
  });
  return { turn, cursors: { [RecordKind.LOG]: cursor(4), [RecordKind.SPAN]: cursor(20) } };
}

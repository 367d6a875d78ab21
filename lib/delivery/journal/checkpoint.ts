import { closeSync, fsyncSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { openPrivate } from './private-files.ts';
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

/**
 * How far a journal is settled. Only a shortcut: when it is lost, everything on disk is sent again, and its
 * receivers tell copies apart.
 */
export class Checkpoint {
  private readonly path: string;
  private fd = -1;
  private turn = 0;
  /** What was found when it was opened. */
  readonly found: Cursors | undefined;

  constructor(directory: string) {
    this.path = join(directory, FILE);
    if (!this.open()) return;
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    readSync(this.fd, bytes, 0, bytes.length, 0);
    const slots = [decode(bytes.subarray(0, SLOT_BYTES)), decode(bytes.subarray(SLOT_BYTES))];
    const newest = slots.reduce(
      (best, slot) => (slot !== undefined && slot.turn > (best?.turn ?? -1) ? slot : best),
      undefined,
    );
    this.found = newest?.cursors;
    this.turn = newest?.turn ?? 0;
  }

  /** A full disk must not stop delivery, which is what makes room. */
  private open(): boolean {
    try {
      if (this.fd < 0) this.fd = openPrivate(this.path);
    } catch {
      this.fd = -1;
    }
    return this.fd >= 0;
  }

  /**
   * Never throws: see the class.
   * @param durable true before something is deleted on the strength of it: it is then on the disk, not only in the cache
   */
  write(cursors: Cursors, durable: boolean): void {
    if (!this.open()) return;
    this.turn += 1;
    const bytes = Buffer.alloc(SLOT_BYTES);
    bytes.writeUInt32LE(this.turn, 0);
    let at = 4;
    for (const kind of RECORD_KINDS) {
      at = bytes.writeUInt32LE(cursors[kind].segment, at);
      at = bytes.writeUInt32LE(cursors[kind].offset, at);
      at = bytes.writeDoubleLE(cursors[kind].settled, at);
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
    try {
      writeSync(this.fd, bytes, 0, SLOT_BYTES, (this.turn % 2) * SLOT_BYTES);
      if (durable) fsyncSync(this.fd);
    } catch {
      // The older slot still stands.
    }
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }
}

function decode(bytes: Buffer): { turn: number; cursors: Cursors } | undefined {
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

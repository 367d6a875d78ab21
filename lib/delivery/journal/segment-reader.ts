import { closeSync, fstatSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Cursor } from './checkpoint.ts';
import { listSegments } from './journal-directory.ts';
import { readPrivate, systemCode } from './private-files.ts';
import { RecordBlock } from './record-block.ts';
import type { RecordKind } from './record-kind.ts';
import {
  decodeHeader,
  findRecord,
  HEADER_BYTES,
  kindAt,
  numberAt,
  RECORD_HEADER_BYTES,
  recordEnd,
  type SegmentHeader,
  segmentName,
  timeAt,
} from './segment-format.ts';

/** Bytes read at once: a full batch when a journal holds as much of each kind. More than the largest record, so that each read makes progress. */
const CHUNK_BYTES = 2 * 1024 ** 2;
/** Bytes looked through at once after damage; the largest segment is below. */
const MAX_DAMAGED_BYTES = 64 * 1024 ** 2;
const NOTHING = Buffer.alloc(0);

/** What was read: records of one kind, in order. */
export interface ReadBatch {
  readonly records: RecordBlock;
  /** Records that should have been here and are not: damaged. */
  readonly lost: number;
  /** Everything of the kind before this place is in the batch or was before. */
  readonly end: Cursor;
  /** There may be more to read at once: this batch does not end where the writer is. */
  readonly more: boolean;
}

export interface SegmentReaderOptions {
  readonly path: string;
  readonly kind: RecordKind;
  /** Where to start; undefined for the first segment there is. */
  readonly start: Cursor | undefined;
  /** Number up to which every record is known to have an outcome: none below is missed. */
  readonly floor?: number;
  /** Segments that exist, ascending. */
  readonly segments: () => readonly number[];
  /** For the journal that is still written: no byte past this place is looked at. Undefined: all there is. */
  readonly limit: () => { readonly segment: number; readonly offset: number } | undefined;
  /** Told once for each segment in which damage was found. */
  readonly onDamage: (segment: number) => void;
}

/**
 * Reads the records of one kind from a journal, also while it is written, and finds its way past damage: a torn tail
 * ends a segment, a damaged place is skipped to the next valid record, and the numbers tell how many are missing.
 */
export class SegmentReader {
  private readonly options: SegmentReaderOptions;
  private fd = -1;
  private segment: number;
  private offset: number;
  /** The segment that was opened, or could not be. */
  private opening = 0;
  /** Number of the last record seen. */
  private last: number;
  /** False until a header or a cursor has said which number comes next. */
  private numbered: boolean;
  /** Records found missing that no batch has told of yet: a read may fail in between. */
  private untold = 0;
  /** What was read already and did not fit into the batch before. */
  private rest: Buffer | undefined;

  constructor(options: SegmentReaderOptions) {
    this.options = options;
    this.segment = options.start?.segment ?? 0;
    this.offset = options.start?.offset ?? 0;
    this.last = options.start?.settled ?? 0;
    // A cursor of segment 0 has never been anywhere.
    this.numbered = this.segment > 0;
  }

  get position(): Cursor {
    return { segment: this.segment, offset: this.offset, settled: this.last };
  }

  /**
   * @param maxBytes payload bytes of the batch at most; one record is given even if it is larger
   * @returns undefined when there is nothing more at present
   * @throws system errors of a disk that cannot be read; the next call tries the same again
   */
  read(maxBytes: number): ReadBatch | undefined {
    for (;;) {
      if (this.fd < 0 && !this.openSegment()) break;
      const end = this.endOfSegment();
      const chunk = this.takeChunk(end.offset);
      const records = new RecordBlock(this.options.kind, chunk);
      let at = 0;
      while (at < chunk.length) {
        const next = recordEnd(chunk, at);
        if (typeof next === 'string') {
          // Cut off by the chunk or damaged: the next turn looks at it from the start of a chunk, and then knows.
          if (at === 0) at = this.skipDamage(end);
          break;
        }
        if (kindAt(chunk, at) === this.options.kind) {
          if (records.length > 0 && records.payloadBytes + next - at - RECORD_HEADER_BYTES > maxBytes) {
            this.rest = chunk.subarray(at);
            break;
          }
          const number = numberAt(chunk, at);
          this.untold += this.count(number);
          records.add(at, next, number, timeAt(chunk, at));
        }
        at = next;
      }
      this.offset += at;
      if (records.length > 0)
        return { records, lost: this.tellLost(), end: this.position, more: end.sealed || this.offset < end.offset };
      if (at > 0) continue;
      // Nothing more that is whole: the end of what is written, or a torn tail of a segment that nobody writes any more.
      if (!end.sealed || !this.nextSegment()) break;
    }
    if (this.untold === 0) return undefined;
    return {
      records: new RecordBlock(this.options.kind, NOTHING),
      lost: this.tellLost(),
      end: this.position,
      more: false,
    };
  }

  close(): void {
    try {
      if (this.fd >= 0) closeSync(this.fd);
    } catch {
      // Nothing was written through it.
    }
    this.fd = -1;
    this.rest = undefined;
  }

  /**
   * Passes the segment at hand, which cannot be read; the header of the next one tells what was in it.
   * @returns false while it is still written
   */
  skipSegment(): boolean {
    const limit = this.options.limit();
    const segment = this.fd < 0 ? this.opening : this.segment;
    if (limit !== undefined && limit.segment <= segment) return false;
    this.options.onDamage(segment);
    this.close();
    this.segment = segment + 1;
    this.offset = 0;
    return true;
  }

  private tellLost(): number {
    const { untold } = this;
    this.untold = 0;
    return untold;
  }

  /** Notes the number of a record; @returns how many are missing before it. */
  private count(number: number): number {
    const before = Math.max(this.last, this.options.floor ?? 0);
    const missing = this.numbered ? Math.max(0, number - before - 1) : 0;
    this.numbered = true;
    this.last = number;
    return missing;
  }

  private openSegment(): boolean {
    const present = this.options.segments();
    const limit = this.options.limit();
    const next = present.find((segment) => segment >= this.segment);
    if (next === undefined || (limit !== undefined && next > limit.segment)) return false;
    this.opening = next;
    let fd: number;
    try {
      fd = readPrivate(join(this.options.path, segmentName(next)));
    } catch (error) {
      // Deleted between listing and opening.
      if (systemCode(error) !== 'ENOENT') throw error;
      return false;
    }
    let header: ReturnType<typeof readHeader>;
    try {
      header = readHeader(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.fd = fd;
    // Only now: the place of this reader is where it has been.
    if (next !== this.segment) {
      this.segment = next;
      this.offset = 0;
    }
    if (typeof header !== 'object') {
      if (fstatSync(this.fd).size > HEADER_BYTES) this.options.onDamage(next);
    } else if (this.offset <= HEADER_BYTES) {
      // The header says which numbers come next: a tail that is missing from the segment before shows here.
      this.untold += this.count(header.firstNumbers[this.options.kind]);
      this.last = header.firstNumbers[this.options.kind] - 1;
    }
    this.offset = Math.max(this.offset, HEADER_BYTES);
    return true;
  }

  private nextSegment(): boolean {
    if (!this.options.segments().some((segment) => segment > this.segment)) return false;
    this.close();
    this.segment += 1;
    this.offset = 0;
    return true;
  }

  /** How far may be read, and whether nothing will be added. */
  private endOfSegment(): { offset: number; sealed: boolean } {
    const limit = this.options.limit();
    if (limit === undefined || limit.segment > this.segment) return { offset: fstatSync(this.fd).size, sealed: true };
    return { offset: limit.segment === this.segment ? limit.offset : 0, sealed: false };
  }

  /** The bytes from here on: what is left of the chunk before, else a new one. */
  private takeChunk(end: number): Buffer {
    const { rest } = this;
    this.rest = undefined;
    if (rest !== undefined) return rest;
    const length = Math.max(0, Math.min(CHUNK_BYTES, end - this.offset));
    const chunk = Buffer.allocUnsafeSlow(length);
    return chunk.subarray(0, length === 0 ? 0 : readSync(this.fd, chunk, 0, length, this.offset));
  }

  /**
   * Stands before bytes that are no whole record.
   * @returns how many to skip: up to the next valid record, or all there are
   */
  private skipDamage(end: { offset: number; sealed: boolean }): number {
    const length = Math.min(end.offset - this.offset, MAX_DAMAGED_BYTES);
    const rest = Buffer.allocUnsafeSlow(length);
    const read = readSync(this.fd, rest, 0, length, this.offset);
    const next = findRecord(rest.subarray(0, read), 1);
    // At the end of a segment that nobody writes any more it is the record during which the process died: never accepted.
    if (next !== undefined || !end.sealed) this.options.onDamage(this.segment);
    return next ?? read;
  }
}

/** The header of an open segment; see `decodeHeader`. */
export function readHeader(fd: number): SegmentHeader | 'newer' | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES);
  return decodeHeader(bytes.subarray(0, readSync(fd, bytes, 0, HEADER_BYTES, 0)));
}

/** The first header of a journal that can be read. */
export function firstHeader(path: string): SegmentHeader | undefined {
  for (const segment of listSegments(path)) {
    const header = headerOf(path, segment);
    if (typeof header === 'object') return header;
  }
  return undefined;
}

/** The header of one segment; undefined also for a segment that cannot be read. */
export function headerOf(path: string, segment: number): SegmentHeader | 'newer' | undefined {
  try {
    const fd = readPrivate(join(path, segmentName(segment)));
    try {
      return readHeader(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/**
 * The number of the last record of each kind in one segment, for counting what an orphan holds.
 * @returns undefined for a segment that cannot be read
 */
export function lastNumbers(path: string, segment: number): Record<RecordKind, number> | undefined {
  let content: Buffer;
  try {
    const fd = readPrivate(join(path, segmentName(segment)));
    try {
      content = readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  const header = decodeHeader(content);
  if (typeof header !== 'object') return undefined;
  const last = { 1: header.firstNumbers[1] - 1, 2: header.firstNumbers[2] - 1 };
  let at: number | undefined = HEADER_BYTES;
  while (at !== undefined && at < content.length) {
    const end = recordEnd(content, at);
    if (typeof end === 'number') {
      last[kindAt(content, at)] = numberAt(content, at);
      at = end;
    } else {
      at = findRecord(content, at + 1);
    }
  }
  return last;
}

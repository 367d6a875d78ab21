import { closeSync, fstatSync, ftruncateSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { newSpanId } from '../../core/ids.ts';
import type { Signal } from '../../model/telemetry-sink.ts';
import { packPosition, type SharedLedger } from '../shared-ledger.ts';
import { journalBytes, journalName, listJournals, removeFile, removeJournal } from './journal-directory.ts';
import { currentOwner } from './owner.ts';
import { createPrivate, privateDirectory, systemCode } from './private-files.ts';
import { RecordKind, SIGNAL_OF_KIND } from './record-kind.ts';
import { encodeHeader, MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, sealRecord, segmentName } from './segment-format.ts';
import { shortenRecord } from './shorten-record.ts';

/** Gathered records are written once they are this many bytes. */
const GATHER_BYTES = 64 * 1024;
/** Holds what was gathered plus the largest record at three bytes a character. */
const BUFFER_BYTES = GATHER_BYTES + 3 * MAX_PAYLOAD_BYTES + 2 * RECORD_HEADER_BYTES;
const MAX_SEGMENT_BYTES = 8 * 1024 ** 2;
const MIN_SEGMENT_BYTES = 16 * 1024;
/** Segments that a full journal consists of at least: space is given back by whole segments. */
const SEGMENTS_OF_FULL = 8;
/** A segment is closed after this long even if it is small, so that what was delivered leaves the disk. */
const MAX_SEGMENT_MILLIS = 600_000;
/** How often it is checked that the journal is still where it was. */
const CHECK_MILLIS = 1000;
/** After a failure the disk is left alone for this long. */
const RETRY_MILLIS = 1000;

export type DropReason = 'journal_full' | 'disk_full' | 'disk_error' | 'too_large' | 'internal' | 'closed';

/** The journal that the worker is to read. */
export interface OpenedJournal {
  readonly path: string;
  readonly journalId: string;
}

export interface JournalWriterOptions {
  /** The directory above all services' journals. */
  readonly root: string;
  /** The directory of this service and destination. */
  readonly directory: string;
  readonly fingerprint: string;
  readonly maxBytes: number;
  readonly ledger: SharedLedger;
  readonly onDrop: (signal: Signal, reason: DropReason, count: number) => void;
  /** A journal was made: the first one, or one in place of a journal that somebody took away. */
  readonly onOpen: (journal: OpenedJournal) => void;
  /** The disk does not take records any more, or takes them again (undefined). */
  readonly onTrouble: (reason: DropReason | undefined, error: unknown) => void;
  readonly nowMillis?: () => number;
  /** Where a segment ends; by default an eighth of `maxBytes`, between 16 KiB and 8 MiB. */
  readonly segmentBytes?: number;
}

/**
 * The appending side of a journal, on the main thread. `append` gathers in memory, `flush` makes one write of it; what
 * a flush cannot write is dropped and counted. Never throws.
 */
export class JournalWriter {
  private readonly options: JournalWriterOptions;
  private readonly now: () => number;
  private readonly segmentBytes: number;
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private used = 0;
  private readonly gathered: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
  private readonly written: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };

  private journal: OpenedJournal | undefined;
  private fd = -1;
  private segment = 0;
  private offset = 0;
  private inode = 0;
  private segmentSince = 0;
  private checkAt = 0;
  private countAt = 0;
  private retryAt = 0;
  private trouble: DropReason | undefined;
  /** Bytes written to this journal; the worker counts what it deletes, over all journals. */
  private writtenBytes = 0;
  private freedBefore = 0;
  /** Bytes of the other processes' journals, as of the last count. */
  private otherBytes = 0;

  constructor(options: JournalWriterOptions) {
    this.options = options;
    this.now = options.nowMillis ?? Date.now;
    this.segmentBytes =
      options.segmentBytes ??
      Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, Math.floor(options.maxBytes / SEGMENTS_OF_FULL)));
  }

  /** Gathers one record; writes when enough has been gathered. */
  append(kind: RecordKind, text: string): void {
    const record = text.length > MAX_PAYLOAD_BYTES ? shortenRecord(text) : text;
    if (record === undefined || !this.put(kind, record)) this.options.onDrop(SIGNAL_OF_KIND[kind], 'too_large', 1);
    if (this.used >= GATHER_BYTES) this.flush();
  }

  private put(kind: RecordKind, text: string): boolean {
    const start = this.used;
    let length = this.buffer.write(text, start + RECORD_HEADER_BYTES);
    if (length > MAX_PAYLOAD_BYTES) {
      const shorter = shortenRecord(text);
      if (shorter === undefined) return false;
      length = this.buffer.write(shorter, start + RECORD_HEADER_BYTES);
    }
    this.gathered[kind] += 1;
    sealRecord(this.buffer, start, kind, this.written[kind] + this.gathered[kind], this.now(), length);
    this.used = start + RECORD_HEADER_BYTES + length;
    return true;
  }

  get hasGathered(): boolean {
    return this.used > 0;
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.used === 0) return;
    const reason = this.tryFlush();
    for (const kind of [RecordKind.LOG, RecordKind.SPAN] as const) {
      const count = this.gathered[kind];
      if (count === 0) continue;
      this.gathered[kind] = 0;
      // Numbers of dropped records are given again: a gap in the numbers means damage.
      if (reason !== undefined) this.options.onDrop(SIGNAL_OF_KIND[kind], reason, count);
      else this.written[kind] += count;
    }
    this.used = 0;
    if (reason !== undefined) return;
    const { ledger } = this.options;
    ledger.set('written.logs', this.written[RecordKind.LOG]);
    ledger.set('written.spans', this.written[RecordKind.SPAN]);
    ledger.set('position', packPosition(this.segment, this.offset));
    ledger.signal('wake');
  }

  private tryFlush(): DropReason | undefined {
    const now = this.now();
    if (now < this.retryAt) return this.trouble;
    try {
      if (now >= this.checkAt) this.check(now);
      if (this.fd < 0 || this.offset >= this.segmentBytes || now - this.segmentSince > MAX_SEGMENT_MILLIS)
        this.roll(now);
      if (this.isFull(now)) return this.report('journal_full', undefined);
      this.write();
      return this.report(undefined, undefined);
    } catch (error) {
      this.retryAt = now + RETRY_MILLIS;
      const code = systemCode(error);
      if (code === 'ENOENT') this.abandon();
      if (code === 'ENOSPC' || code === 'EDQUOT') return this.report('disk_full', error);
      // Whatever it is may be about this one file (a size limit, a bad block): the next attempt makes another.
      this.closeSegment();
      return this.report('disk_error', error);
    }
  }

  /** What other processes take is counted again before anything is dropped for it. */
  private isFull(now: number): boolean {
    const { maxBytes } = this.options;
    if (this.bytes + this.used <= maxBytes) return false;
    if (now < this.countAt) return true;
    this.countOthers(now);
    return this.bytes + this.used > maxBytes;
  }

  private countOthers(now: number): void {
    this.countAt = now + CHECK_MILLIS;
    this.otherBytes = 0;
    for (const entry of listJournals(this.options.directory)) {
      if (entry.path !== this.journal?.path) this.otherBytes += journalBytes(entry.path);
    }
  }

  /** Tells when trouble begins, changes or ends, not for each record. */
  private report(reason: DropReason | undefined, error: unknown): DropReason | undefined {
    if (reason !== this.trouble) {
      this.trouble = reason;
      this.options.onTrouble(reason, error);
    }
    return reason;
  }

  private write(): void {
    let done = 0;
    try {
      while (done < this.used) done += writeSync(this.fd, this.buffer, done, this.used - done, this.offset + done);
    } catch (error) {
      this.cutOff();
      throw error;
    }
    this.offset += this.used;
    this.writtenBytes += this.used;
  }

  /** Half a write would look like damage. If it cannot be cut off, the segment is left and its end is a torn tail. */
  private cutOff(): void {
    try {
      ftruncateSync(this.fd, this.offset);
    } catch {
      this.closeSegment();
    }
  }

  /** The journal may be deleted under us, or taken over by another process while this one was stopped: then a new one is made. */
  private check(now: number): void {
    this.checkAt = now + CHECK_MILLIS;
    if (this.journal === undefined || this.fd < 0) return;
    const found = statSync(join(this.journal.path, segmentName(this.segment)), { throwIfNoEntry: false });
    if (found === undefined || found.ino !== this.inode) this.abandon();
  }

  private abandon(): void {
    this.closeSegment();
    this.journal = undefined;
    this.forgetBytes();
  }

  private forgetBytes(): void {
    this.writtenBytes = 0;
    this.freedBefore = this.options.ledger.get('freedBytes');
  }

  private roll(now: number): void {
    const { options } = this;
    this.closeSegment();
    const isNew = this.journal === undefined;
    if (this.journal === undefined) {
      privateDirectory(options.root);
      privateDirectory(options.directory);
      const journalId = newSpanId();
      const journal = { path: join(options.directory, journalName(currentOwner(), journalId)), journalId };
      privateDirectory(journal.path);
      this.journal = journal;
    }
    this.countOthers(now);
    this.segment += 1;
    const path = join(this.journal.path, segmentName(this.segment));
    const fd = createPrivate(path);
    const header = encodeHeader({
      segment: this.segment,
      fingerprint: options.fingerprint,
      journalId: this.journal.journalId,
      createdMillis: now,
      firstNumbers: {
        [RecordKind.LOG]: this.written[RecordKind.LOG] + 1,
        [RecordKind.SPAN]: this.written[RecordKind.SPAN] + 1,
      },
    });
    try {
      if (writeSync(fd, header, 0, header.length, 0) < header.length)
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      this.inode = fstatSync(fd).ino;
    } catch (error) {
      closeSync(fd);
      removeFile(path);
      throw error;
    }
    this.fd = fd;
    this.segmentSince = now;
    this.offset = header.length;
    this.writtenBytes += header.length;
    // What is in the segments before is whole: they may now be read to their end.
    options.ledger.set('position', packPosition(this.segment, this.offset));
    if (isNew) options.onOpen(this.journal);
  }

  /** Bytes on disk of all journals of this service, nearly: those of other processes as of the last count. */
  get bytes(): number {
    return Math.max(0, this.writtenBytes + this.freedBefore - this.options.ledger.get('freedBytes')) + this.otherBytes;
  }

  /** The journal being written, for a worker that starts later. */
  get current(): OpenedJournal | undefined {
    return this.journal;
  }

  private closeSegment(): void {
    if (this.fd < 0) return;
    try {
      closeSync(this.fd);
    } catch {
      // Nothing depends on it: every write was complete when it returned.
    }
    this.fd = -1;
  }

  /** Closes the files. @returns the journal, which the caller may delete or release */
  close(): OpenedJournal | undefined {
    this.flush();
    this.closeSegment();
    const { journal } = this;
    this.journal = undefined;
    return journal;
  }

  /** Deletes the journal, of which everything is settled. The next record makes a new one. */
  discard(): void {
    const journal = this.close();
    if (journal !== undefined) removeJournal(journal.path);
    this.forgetBytes();
  }
}

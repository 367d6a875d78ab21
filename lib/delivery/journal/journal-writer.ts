import { join } from 'node:path';
import { newSpanId } from '../../core/ids.ts';
import type { Signal } from '../../model/telemetry-sink.ts';
import { packPosition } from '../shared-ledger.ts';
import { damagedBytes } from './damaged-segments.ts';
import { journalBytes, journalName, listJournals, removeJournal } from './journal-directory.ts';
import { RENEW_MILLIS, renewLease } from './lease.ts';
import { currentOwner } from './owner.ts';
import { privateDirectory, systemCode } from './private-files.ts';
import { RECORD_KINDS, RecordKind, SIGNAL_OF_KIND } from './record-kind.ts';
import { SegmentFile, type Written } from './segment-file.ts';
import { kindAt, MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, sealRecord } from './segment-format.ts';
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
/**
 * A write that ends this long after the last check may have come after another process took the journal over, which it may
 * once the lease has expired: it is checked again, and written again elsewhere if so. Half of the shortest expiry.
 */
const STALL_MILLIS = 45_000;
/** After a failure the disk is left alone for this long. */
const RETRY_MILLIS = 1000;

export type DropReason =
  | 'journal_full'
  | 'disk_full'
  | 'disk_error'
  | 'slow_disk'
  | 'too_large'
  | 'internal'
  | 'closed';

/** The journal that the worker is to read. */
export interface OpenedJournal {
  readonly path: string;
  readonly journalId: string;
}

/** Where a writer says how far it is. `SharedLedger` for the one on the main thread. */
export interface WriterLedger {
  get(name: 'freedBytes'): number;
  set(name: 'written.logs' | 'written.spans' | 'position', value: number): void;
  signal(name: 'wake'): void;
}

export interface JournalWriterOptions {
  /** The directory above all services' journals. */
  readonly root: string;
  /** The directory of this service and destination. */
  readonly directory: string;
  readonly fingerprint: string;
  readonly maxBytes: number;
  readonly ledger: WriterLedger;
  readonly onDrop: (signal: Signal, reason: DropReason, count: number) => void;
  /** A journal was made: the first one, or one in place of a journal that somebody took away. */
  readonly onOpen: (journal: OpenedJournal) => void;
  /** The disk does not take records any more, or takes them again (undefined). */
  readonly onTrouble: (reason: DropReason | undefined, error: unknown) => void;
  /** Told how long each write took, with everything that came with it, milliseconds. */
  readonly onWrite?: (millis: number) => void;
  readonly nowMillis?: () => number;
  /** A clock that is never set; by default that of the process, or `nowMillis` where that is given. */
  readonly steadyMillis?: () => number;
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
  private readonly steady: () => number;
  private readonly segmentBytes: number;
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private used = 0;
  private readonly gathered: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
  private readonly written: Record<RecordKind, number> = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };

  /** Stays when the journal has to be another: number and writer are what a receiver knows a record by. */
  private readonly writerId = newSpanId();
  private journal: OpenedJournal | undefined;
  private file: SegmentFile | undefined;
  private segment = 0;
  /** Times of the steady clock. */
  private segmentSince = 0;
  private checkedAt = 0;
  private renewAt = 0;
  private countAt = Number.NEGATIVE_INFINITY;
  private retryAt = Number.NEGATIVE_INFINITY;
  private trouble: DropReason | undefined;
  /** Bytes written to this journal; the worker counts what it deletes, over all journals. */
  private writtenBytes = 0;
  private freedBefore = 0;
  /** Bytes of the other processes' journals and of what was set aside, as of the last count. */
  private otherBytes = 0;

  constructor(options: JournalWriterOptions) {
    this.options = options;
    this.now = options.nowMillis ?? Date.now;
    this.steady = options.steadyMillis ?? options.nowMillis ?? (() => performance.now());
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
    this.seal(kind, this.now(), length);
    return true;
  }

  /** Gathers a record that was accepted elsewhere, at `timeMillis`, and is small enough. */
  appendBytes(kind: RecordKind, payload: Uint8Array, timeMillis: number): void {
    this.buffer.set(payload, this.used + RECORD_HEADER_BYTES);
    this.seal(kind, timeMillis, payload.length);
    if (this.used >= GATHER_BYTES) this.flush();
  }

  private seal(kind: RecordKind, timeMillis: number, length: number): void {
    this.gathered[kind] += 1;
    sealRecord(this.buffer, this.used, kind, this.written[kind] + this.gathered[kind], timeMillis, length);
    this.used += RECORD_HEADER_BYTES + length;
  }

  get hasGathered(): boolean {
    return this.used > 0;
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.used === 0) return;
    const began = this.steady();
    const { kept, reason } = this.tryFlush(began);
    this.account(kept, reason);
    this.used = 0;
    this.options.onWrite?.(this.steady() - began);
    if (kept === 0) return;
    const { ledger } = this.options;
    ledger.set('written.logs', this.written[RecordKind.LOG]);
    ledger.set('written.spans', this.written[RecordKind.SPAN]);
    if (this.file !== undefined) ledger.set('position', packPosition(this.segment, this.file.offset));
    ledger.signal('wake');
  }

  /** Counts what was written and what was not. Numbers of dropped records are given again: a gap in the numbers means damage. */
  private account(kept: number, reason: DropReason | undefined): void {
    const lost = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
    for (let at = kept; at < this.used; at += RECORD_HEADER_BYTES + this.buffer.readUInt32LE(at))
      lost[kindAt(this.buffer, at)] += 1;
    for (const kind of RECORD_KINDS) {
      this.written[kind] += this.gathered[kind] - lost[kind];
      this.gathered[kind] = 0;
      if (lost[kind] > 0) this.options.onDrop(SIGNAL_OF_KIND[kind], reason ?? 'internal', lost[kind]);
    }
  }

  private tryFlush(began: number): { kept: number; reason: DropReason | undefined } {
    if (began < this.retryAt) return { kept: 0, reason: this.trouble };
    let written: Written;
    try {
      written = this.write(began);
      if (this.steady() - this.checkedAt > STALL_MILLIS && !this.isInPlace()) {
        // Stopped for so long that the journal is another process's: what it has read of this write nobody knows.
        this.abandon();
        written = this.write(this.steady());
      }
    } catch (error) {
      written = { kept: 0, error };
    }
    if (!('error' in written)) return { kept: written.kept, reason: this.report(undefined, undefined) };
    return { kept: written.kept, reason: this.fail(written.error) };
  }

  /** One write, in the journal that there is or in a new one. */
  private write(now: number): Written {
    if (now - this.checkedAt >= CHECK_MILLIS) this.check(now);
    const size = this.file?.offset ?? 0;
    if (this.file?.isOpen !== true || size >= this.segmentBytes || now - this.segmentSince > MAX_SEGMENT_MILLIS) {
      try {
        this.roll(now);
      } catch (error) {
        // Taken away since the last check.
        if (systemCode(error) !== 'ENOENT' || this.journal === undefined) throw error;
        this.abandon();
        this.roll(now);
      }
    }
    if (this.isFull(now)) return { kept: 0, error: JOURNAL_FULL };
    const file = this.file!;
    const before = file.offset;
    const written = file.append(this.buffer, this.used);
    this.writtenBytes += file.offset - before;
    return written;
  }

  private fail(error: unknown): DropReason | undefined {
    if (error === JOURNAL_FULL) return this.report('journal_full', undefined);
    this.retryAt = this.steady() + RETRY_MILLIS;
    const code = systemCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') return this.report('disk_full', error);
    // Whatever it is may be about this one file (a size limit, a bad block): the next attempt makes another.
    this.file?.close();
    return this.report('disk_error', error);
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
    const { directory } = this.options;
    this.countAt = now + CHECK_MILLIS;
    this.otherBytes = damagedBytes(directory);
    for (const entry of listJournals(directory)) {
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

  /** The journal may be deleted under us, or taken over by another process while this one was stopped: then a new one is made. */
  private check(now: number): void {
    if (this.journal !== undefined && this.file?.isOpen === true) {
      if (!this.isInPlace()) this.abandon();
      else if (now >= this.renewAt) {
        // The worker does it too, but may be dead or busy; who writes is alive.
        this.renewAt = now + RENEW_MILLIS;
        renewLease(this.journal.path);
      }
    }
    this.checkedAt = now;
  }

  private isInPlace(): boolean {
    return this.file?.isInPlace() ?? false;
  }

  private abandon(): void {
    this.file?.close();
    this.file = undefined;
    this.journal = undefined;
    this.forgetBytes();
  }

  private forgetBytes(): void {
    this.writtenBytes = 0;
    this.freedBefore = this.options.ledger.get('freedBytes');
  }

  private roll(now: number): void {
    const { options } = this;
    this.file?.close();
    const isNew = this.journal === undefined;
    if (this.journal === undefined) {
      privateDirectory(options.root);
      privateDirectory(options.directory);
      const journalId = this.segment === 0 ? this.writerId : newSpanId();
      const journal = { path: join(options.directory, journalName(currentOwner(), journalId)), journalId };
      privateDirectory(journal.path);
      this.journal = journal;
      this.renewAt = now + RENEW_MILLIS;
    }
    this.countOthers(now);
    this.segment += 1;
    this.file = new SegmentFile(this.journal.path, {
      segment: this.segment,
      fingerprint: options.fingerprint,
      journalId: this.journal.journalId,
      writerId: this.writerId,
      createdMillis: this.now(),
      firstNumbers: {
        [RecordKind.LOG]: this.written[RecordKind.LOG] + 1,
        [RecordKind.SPAN]: this.written[RecordKind.SPAN] + 1,
      },
    });
    this.checkedAt = now;
    this.segmentSince = now;
    this.writtenBytes += this.file.offset;
    // What is in the segments before is whole: they may now be read to their end.
    options.ledger.set('position', packPosition(this.segment, this.file.offset));
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

  /** Closes the files. @returns the journal, which the caller may delete or release */
  close(): OpenedJournal | undefined {
    this.flush();
    this.file?.close();
    this.file = undefined;
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

const JOURNAL_FULL = new Error('the journal is full');

import { dirname, join } from 'node:path';
import { Checkpoint, type Cursor } from '../journal/checkpoint.ts';
import { setAside } from '../journal/damaged-segments.ts';
import { fileBytes, listSegments, removeFile } from '../journal/journal-directory.ts';
import { RecordKind as Kind, type RecordKind } from '../journal/record-kind.ts';
import { type Identities, identityOf, type RecordIdentity, readIdentities } from '../journal/retry-journal.ts';
import { segmentName } from '../journal/segment-format.ts';
import { firstHeader, headerOf, type ReadBatch, SegmentReader } from '../journal/segment-reader.ts';

/** Pause after a read that failed, milliseconds; twice as long after the next one. */
const READ_PAUSE_MILLIS = 500;
/** So often a segment that cannot be read is tried before it counts as damaged: about half a minute in all. */
const READ_ATTEMPTS = 6;

/** What became of the records of a batch. */
export type Tally = Record<
  'delivered' | 'sentUnconfirmed' | 'deadLettered' | 'expired' | 'undeliverable' | 'rejected',
  number
>;

/** A batch under way. */
export interface JournalBatch extends ReadBatch {
  readonly journal: Journal;
  readonly kind: RecordKind;
}

/** `own`: the main thread writes it; `deferred`: written by the worker for a slow disk; `adopted`: of a process that is gone. */
export type JournalRole = 'own' | 'deferred' | 'adopted';

export interface JournalOptions {
  readonly path: string;
  readonly journalId: string;
  /** Kinds that are sent; the others hold nothing back. */
  readonly kinds: readonly RecordKind[];
  readonly role: JournalRole;
  /** How far a journal that is still written is written. Undefined: nobody writes it any more. */
  readonly limit?: () => { readonly segment: number; readonly offset: number } | undefined;
  /** Number of the last record of a kind that is known to be settled: what a worker before this one has done. */
  readonly settled?: (kind: RecordKind) => number;
  readonly onFreed: (bytes: number) => void;
  /** A damaged segment was set aside under this path. */
  readonly onSetAside?: (path: string) => void;
}

/**
 * One journal as the worker sees it: a reader and a cursor for each kind. A segment is deleted when every kind is past
 * it, and never before the checkpoint that says so is on the disk.
 */
export class Journal {
  readonly path: string;
  readonly journalId: string;
  readonly role: JournalRole;
  /** Who has numbered the records. */
  readonly writerId: string;
  private readonly options: JournalOptions;
  private readonly checkpoint: Checkpoint;
  private readonly readers: Record<RecordKind, SegmentReader>;
  private readonly underWay: Record<RecordKind, { readonly batch: JournalBatch; tally: Tally | undefined }[]> = {
    [Kind.LOG]: [],
    [Kind.SPAN]: [],
  };
  private readonly cursors: Record<RecordKind, Cursor>;
  private readonly identities: Identities;
  private readonly damaged = new Set<number>();
  /** Records that are known to be there and have no outcome yet; not kept for the own journal. */
  private readonly outstanding: Record<RecordKind, number> = { [Kind.LOG]: 0, [Kind.SPAN]: 0 };
  private readonly troubles: Record<RecordKind, { count: number; until: number }> = {
    [Kind.LOG]: { count: 0, until: 0 },
    [Kind.SPAN]: { count: 0, until: 0 },
  };
  /** Set when the journal was taken away: what still comes back from backends changes nothing any more. */
  abandoned = false;

  constructor(options: JournalOptions) {
    this.options = options;
    this.path = options.path;
    this.journalId = options.journalId;
    this.role = options.role;
    this.writerId = firstHeader(options.path)?.writerId ?? options.journalId;
    const oldest = headerOf(options.path, listSegments(options.path)[0] ?? 0);
    this.checkpoint = new Checkpoint(options.path);
    this.identities = this.role !== 'adopted' ? new Map() : readIdentities(options.path);
    const start = this.checkpoint.found;
    const nothing: Cursor = { segment: 0, offset: 0, settled: 0 };
    this.cursors = { [Kind.LOG]: start?.[Kind.LOG] ?? nothing, [Kind.SPAN]: start?.[Kind.SPAN] ?? nothing };
    const reader = (kind: RecordKind): SegmentReader =>
      new SegmentReader({
        path: options.path,
        kind,
        start: start?.[kind],
        floor: Math.max(
          options.settled?.(kind) ?? 0,
          // Segments are deleted only when all in them is settled, and the first ones first; a checkpoint that is older than
          // that must not make them look lost.
          typeof oldest === 'object' && oldest.segment > (start?.[kind].segment ?? 0)
            ? oldest.firstNumbers[kind] - 1
            : 0,
        ),
        segments: () => listSegments(options.path),
        limit: () => options.limit?.(),
        onDamage: (segment) => this.damaged.add(segment),
      });
    this.readers = { [Kind.LOG]: reader(Kind.LOG), [Kind.SPAN]: reader(Kind.SPAN) };
  }

  /** Who a record was before it was a dead letter that is now tried again; undefined for all others. */
  before(kind: RecordKind, number: number): RecordIdentity | undefined {
    return identityOf(this.identities, kind, number);
  }

  /**
   * As `read`, for a disk that may fail: it is asked again after a pause, and a segment that stays unreadable is passed
   * like one that is damaged, unless more is still written to it.
   */
  tryRead(kind: RecordKind, maxBytes: number): JournalBatch | undefined {
    const trouble = this.troubles[kind];
    if (this.abandoned || performance.now() < trouble.until) return undefined;
    try {
      const batch = this.read(kind, maxBytes);
      trouble.count = 0;
      return batch;
    } catch {
      trouble.count += 1;
      trouble.until = performance.now() + READ_PAUSE_MILLIS * 2 ** Math.min(trouble.count - 1, READ_ATTEMPTS);
      if (trouble.count >= READ_ATTEMPTS && this.readers[kind].skipSegment()) trouble.count = 0;
      return undefined;
    }
  }

  /** The next records of a kind, undefined when there are none at present. */
  read(kind: RecordKind, maxBytes: number): JournalBatch | undefined {
    for (;;) {
      const batch = this.readers[kind].read(maxBytes);
      if (batch === undefined) return undefined;
      const settled = this.options.settled?.(kind) ?? 0;
      if (batch.end.settled <= settled) continue;
      const fresh = {
        ...batch,
        records: batch.records.after(settled),
        journal: this,
        kind,
      };
      this.underWay[kind].push({ batch: fresh, tally: undefined });
      return fresh;
    }
  }

  /**
   * Notes that every record of a batch has an outcome. Batches may come back in another order than they were read; they
   * count, and the cursor moves, only when nothing before them is open: so a count is a place.
   *
   * @returns the batches that count from now on, in order; `save` is to be called when they have been counted
   */
  settle(batch: JournalBatch, tally: Tally): { readonly batch: JournalBatch; readonly tally: Tally }[] {
    const queue = this.underWay[batch.kind];
    const entry = queue.find((candidate) => candidate.batch === batch);
    const passed: { batch: JournalBatch; tally: Tally }[] = [];
    if (entry === undefined || this.abandoned) return passed;
    entry.tally = tally;
    for (let first = queue[0]; first?.tally !== undefined; first = queue[0]) {
      passed.push({ batch: first.batch, tally: first.tally });
      this.cursors[batch.kind] = first.batch.end;
      queue.shift();
    }
    return passed;
  }

  /** Writes the cursors down. */
  save(): void {
    if (!this.abandoned) this.checkpoint.write(this.cursors, false);
  }

  /** Number of the last record of a kind that was settled before anything that is still there. */
  settledBefore(kind: RecordKind): number {
    const cursor = this.cursors[kind];
    return cursor.segment > 0 ? cursor.settled : (firstHeader(this.path)?.firstNumbers[kind] ?? 1) - 1;
  }

  /** Says that so many more records of a kind are there. */
  expect(kind: RecordKind, count: number): void {
    this.outstanding[kind] += count;
  }

  /** Notes outcomes. @returns how many more there were than was known */
  noteSettled(kind: RecordKind, count: number): number {
    const surplus = Math.max(0, count - this.outstanding[kind]);
    this.outstanding[kind] -= count - surplus;
    return surplus;
  }

  /** Records that are known to be there and have no outcome; once `clean` has said that nothing is left, they will get none. */
  remaining(kind: RecordKind): number {
    return this.outstanding[kind];
  }

  /** Time of the oldest record of a kind that is under way, milliseconds since the epoch; 0 for none. */
  oldest(kind: RecordKind): number {
    const records = this.underWay[kind][0]?.batch.records;
    return records === undefined || records.length === 0 ? 0 : records.timeAt(0);
  }

  /**
   * Deletes the segments that every kind is past.
   * @returns true when nothing is left: only for a journal that nobody writes
   */
  clean(): boolean {
    if (this.abandoned) return false;
    for (const kind of this.options.kinds) {
      // A reader past segments without a record of its kind takes the cursor along.
      if (this.underWay[kind].length === 0) this.cursors[kind] = this.readers[kind].position;
    }
    const present = listSegments(this.path);
    const limit = this.options.limit?.();
    const isPast = (segment: number): boolean => {
      if (limit !== undefined && segment >= limit.segment) return false;
      const last = limit === undefined && segment === present.at(-1);
      return this.options.kinds.every((kind) => {
        const cursor = this.cursors[kind];
        if (cursor.segment > segment) return true;
        return last && cursor.segment === segment && cursor.offset >= fileBytes(join(this.path, segmentName(segment)));
      });
    };
    const past = present.filter(isPast);
    if (past.length > 0) {
      const written = this.checkpoint.write(this.cursors, true);
      // Else the next process would take what was delivered for lost. It is tried again with the next batch.
      if (written === 'failed') return false;
      for (const segment of past) this.remove(segment);
      // On a full disk there is room for it only now.
      if (written === 'full') this.checkpoint.write(this.cursors, true);
    }
    return limit === undefined && past.length === present.length;
  }

  /** What was damaged is kept beside the journals for whoever wants to look, under a name that no reader opens, until it is too old. */
  private remove(segment: number): void {
    const bytes = fileBytes(join(this.path, segmentName(segment)));
    const aside = this.damaged.has(segment) ? setAside(dirname(this.path), this, segment) : undefined;
    if (aside === undefined) this.options.onFreed(removeFile(join(this.path, segmentName(segment))));
    else {
      this.options.onFreed(bytes);
      this.options.onSetAside?.(aside);
    }
  }

  /** @param durable true at an orderly end */
  close(durable: boolean): void {
    for (const kind of this.options.kinds) this.readers[kind].close();
    if (!this.abandoned) this.checkpoint.write(this.cursors, durable);
    this.checkpoint.close();
  }
}

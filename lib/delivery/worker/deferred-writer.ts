import type { DeferredRing } from '../deferred-ring.ts';
import { type DropReason, JournalWriter, type OpenedJournal } from '../journal/journal-writer.ts';
import { KIND_OF_SIGNAL, type RecordKind } from '../journal/record-kind.ts';
import { type SharedLedger, unpackPosition, type WorkerCount } from '../shared-ledger.ts';
import { QUICK_MILLIS } from '../slow-disk.ts';
import type { Journal, JournalOptions } from './journal.ts';
import type { FromWorker, WorkerOptions } from './messages.ts';

/** Bytes taken out of the ring for one write. */
const TAKEN_BYTES = 64 * 1024;
/** It looks by itself this often, milliseconds: should a wake-up ever be missed, it costs this much and no more. */
const LOOK_MILLIS = 1000;
const SIGNALS = ['logs', 'spans'] as const;

export interface DeferredWriterOptions {
  readonly worker: Pick<WorkerOptions, 'directory' | 'root' | 'fingerprint' | 'maxBytes'>;
  readonly ledger: SharedLedger;
  /** Opens the journal that is written here for the couriers. */
  readonly openJournal: (opened: OpenedJournal, more: Pick<JournalOptions, 'limit' | 'onFreed'>) => Journal;
  readonly say: (message: FromWorker) => void;
}

/**
 * Writes what the main thread has put into the ring because the disk is slow, into a journal of its own. It may block this
 * thread for as long as the disk likes.
 */
export class DeferredWriter {
  private readonly options: DeferredWriterOptions;
  private readonly ring: DeferredRing;
  private readonly writer: JournalWriter;
  private journal: Journal | undefined;
  private position = 0;
  private freed = 0;
  private readonly written: Record<(typeof SIGNALS)[number], number> = { logs: 0, spans: 0 };
  private changes: Partial<Record<WorkerCount, number>> = {};
  private calm = 0;
  private ending = false;
  private closed = false;

  constructor(ring: DeferredRing, options: DeferredWriterOptions) {
    this.options = options;
    this.ring = ring;
    this.writer = new JournalWriter({
      ...options.worker,
      ledger: {
        get: () => this.freed,
        set: (name, value) => {
          if (name === 'position') this.position = value;
          else this.count(name === 'written.logs' ? 'logs' : 'spans', value);
        },
        signal: () => {},
      },
      onDrop: (signal, reason, count) => this.drop(signal, reason, count),
      onOpen: (opened) => this.open(opened),
      onTrouble: (reason, error) =>
        options.say({ kind: 'disk', reason, detail: error instanceof Error ? error.message : undefined }),
      onWrite: (millis) => {
        this.calm = millis <= QUICK_MILLIS ? this.calm + 1 : 0;
      },
    });
  }

  private open(opened: OpenedJournal): void {
    this.journal = this.options.openJournal(opened, {
      // It is read to its end once it is not written any more.
      limit: () =>
        this.closed || this.writer.current?.path !== opened.path ? undefined : unpackPosition(this.position),
      onFreed: (bytes) => {
        this.freed += bytes;
      },
    });
    this.options.say({ kind: 'deferred', journal: opened });
  }

  private count(signal: (typeof SIGNALS)[number], total: number): void {
    const more = total - this.written[signal];
    if (more <= 0) return;
    this.written[signal] = total;
    this.journal?.expect(KIND_OF_SIGNAL[signal], more);
    this.change(`deferredWritten.${signal}`, more);
    this.change(`deferredHandled.${signal}`, more);
  }

  private drop(signal: (typeof SIGNALS)[number], reason: DropReason, count: number): void {
    const known = reason === 'journal_full' || reason === 'disk_full' ? reason : 'disk_error';
    this.change(`${known}.${signal}`, count);
    this.change(`deferredHandled.${signal}`, count);
  }

  private change(name: WorkerCount, value: number): void {
    this.changes[name] = (this.changes[name] ?? 0) + value;
  }

  /** Runs until `end` has been called and the ring is empty. */
  async run(): Promise<void> {
    const { ledger } = this.options;
    for (;;) {
      const wake = ledger.cell('wake');
      if (this.drain()) {
        // The couriers have their turn between two writes.
        await new Promise((resolve) => setImmediate(resolve));
      } else if (this.ending) break;
      else await ledger.wait('wake', wake, LOOK_MILLIS);
    }
    this.close();
  }

  /** @returns false when the ring is empty */
  drain(): boolean {
    if (this.ring.isEmpty) return false;
    const done = this.ring.take(TAKEN_BYTES, (kind: RecordKind, payload, timeMillis) =>
      this.writer.appendBytes(kind, payload, timeMillis),
    );
    this.writer.flush();
    const { ledger } = this.options;
    ledger.commit(this.changes);
    this.changes = {};
    done();
    ledger.set('calmWrites', this.calm);
    ledger.signal('progress');
    ledger.signal('wake');
    return true;
  }

  /** Lets `run` come to its end when all has been written. */
  end(): void {
    this.ending = true;
    this.options.ledger.signal('wake');
  }

  private close(): void {
    this.writer.close();
    this.closed = true;
  }
}

import { runQueueMillis } from '../core/run-queue.ts';
import { DeferredRing } from './deferred-ring.ts';
import type { DropReason } from './journal/journal-writer.ts';
import { type RecordKind, SIGNAL_OF_KIND } from './journal/record-kind.ts';
import { fitRecord } from './journal/shorten-record.ts';
import type { SharedLedger } from './shared-ledger.ts';

/** A write that takes longer is slow, milliseconds: what an app's thread may be held for once, and not again. */
const SLOW_MILLIS = 20;
/** So many slow writes within `SLOW_WITHIN_MILLIS` make a slow disk. */
const SLOW_WRITES = 3;
const SLOW_WITHIN_MILLIS = 10_000;
/** So many quick writes in a row, of the worker, make a disk that is quick again. */
const CALM_WRITES = 20;
/** The app's thread writes again after this long at the earliest; twice as long each time the disk is slow once more. */
const HOLD_MILLIS = 10_000;
const MAX_HOLD_MILLIS = 600_000;
/** Times that hold is doubled at most: enough to reach the maximum. */
const MAX_DOUBLINGS = 6;

/** A write of the worker up to this long is quick, milliseconds. */
export const QUICK_MILLIS = 5;

export interface SlowDiskOptions {
  readonly ledger: SharedLedger;
  /** Whether there is a worker that would write: one that is still starting would let records wait, and be lost with the process. */
  readonly canDefer: () => boolean;
  /** The worker is to write what is in the ring; undefined: it may close what it has written. */
  readonly onChange: (ring: DeferredRing | undefined) => void;
  readonly nowMillis?: () => number;
  readonly steadyMillis?: () => number;
  /** How long the thread has waited for a core; see `runQueueMillis`. */
  readonly runQueueMillis?: () => number | undefined;
}

/**
 * Decides who writes the journal: the app's thread while the disk is quick, else the worker, out of a ring in memory. What
 * waits there is not accepted yet; it is lost when the process is killed, and dropped and counted when the ring is full.
 */
export class SlowDisk {
  private readonly options: SlowDiskOptions;
  private readonly steady: () => number;
  private readonly now: () => number;
  private readonly runQueue: () => number | undefined;
  private slow: number[] = [];
  /** At the end of the last write, while slow ones are looked for. */
  private waited: number | undefined;
  private since = 0;
  private times = 0;
  private ring: DeferredRing | undefined;
  private deferring = false;

  constructor(options: SlowDiskOptions) {
    this.options = options;
    this.steady = options.steadyMillis ?? (() => performance.now());
    this.now = options.nowMillis ?? Date.now;
    this.runQueue = options.runQueueMillis ?? runQueueMillis;
  }

  /**
   * Takes note of how long a write of the app's thread took. On a busy machine it is long because the thread had no core:
   * after a first long one, the time without a core is known and taken off.
   */
  noteWrite(millis: number): void {
    if (this.slow.length === 0 && millis <= SLOW_MILLIS) return;
    if (this.deferring || !this.options.canDefer()) return;
    const now = this.steady();
    this.slow = this.slow.filter((at) => now - at < SLOW_WITHIN_MILLIS);
    const before = this.waited;
    this.waited = this.slow.length === 0 && millis <= SLOW_MILLIS ? undefined : this.runQueue();
    const withoutCore = before === undefined || this.waited === undefined ? 0 : this.waited - before;
    if (millis - withoutCore <= SLOW_MILLIS) return;
    this.slow.push(now);
    if (this.slow.length < SLOW_WRITES) return;
    this.waited = undefined;
    this.slow = [];
    this.since = now;
    this.times += 1;
    this.deferring = true;
    this.ring ??= new DeferredRing();
    this.options.onChange(this.ring);
  }

  /** Whether the worker is to write the next record. */
  get isDeferring(): boolean {
    if (this.deferring && this.isOver()) {
      this.deferring = false;
      this.options.onChange(undefined);
    }
    return this.deferring;
  }

  private isOver(): boolean {
    const hold = Math.min(MAX_HOLD_MILLIS, HOLD_MILLIS * 2 ** Math.min(this.times - 1, MAX_DOUBLINGS));
    if (this.steady() - this.since < hold) return false;
    return this.ring!.isEmpty && this.options.ledger.get('calmWrites') >= CALM_WRITES;
  }

  /** The ring while the worker is to write, for one that is started. */
  get current(): DeferredRing | undefined {
    return this.deferring ? this.ring : undefined;
  }

  /** @returns why the record was not taken */
  put(kind: RecordKind, text: string): DropReason | undefined {
    const record = fitRecord(text);
    if (record === undefined) return 'too_large';
    if (!this.ring!.put(kind, record, this.now())) return 'slow_disk';
    this.options.ledger.add(`deferred.${SIGNAL_OF_KIND[kind]}`, 1);
    this.options.ledger.signal('wake');
    return undefined;
  }

  /** Gives what still waits to somebody else: only when no worker runs. */
  takeBack(use: (kind: RecordKind, payload: Uint8Array, timeMillis: number) => void): void {
    this.ring?.take(Number.POSITIVE_INFINITY, (kind, payload, timeMillis) => {
      this.options.ledger.add(`deferred.${SIGNAL_OF_KIND[kind]}`, -1);
      use(kind, payload, timeMillis);
    })();
  }
}

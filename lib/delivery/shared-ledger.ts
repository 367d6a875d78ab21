import type { CourierState, Signal } from '../model/telemetry-sink.ts';

/** Written by the main thread. */
const MAIN_COUNTS = [
  'written.logs',
  'written.spans',
  'position',
  'deferred.logs',
  'deferred.spans',
  'statsd.posted',
  'push.posted',
] as const;

/** Written by the worker. */
const WORKER_COUNTS = [
  'settled.logs',
  'settled.spans',
  'delivered.logs',
  'delivered.spans',
  'sentUnconfirmed.logs',
  'sentUnconfirmed.spans',
  'deadLettered.logs',
  'deadLettered.spans',
  'expired.logs',
  'expired.spans',
  'corrupt.logs',
  'corrupt.spans',
  'undeliverable.logs',
  'undeliverable.spans',
  'rejected.logs',
  'rejected.spans',
  'lost.logs',
  'lost.spans',
  'journal_full.logs',
  'journal_full.spans',
  'disk_full.logs',
  'disk_full.spans',
  'disk_error.logs',
  'disk_error.spans',
  'found.logs',
  'found.spans',
  'foundSettled.logs',
  'foundSettled.spans',
  'deferredHandled.logs',
  'deferredHandled.spans',
  'deferredWritten.logs',
  'deferredWritten.spans',
  'deferredSettled.logs',
  'deferredSettled.spans',
  'oldestMillis.logs',
  'oldestMillis.spans',
  'deadLetters.logs',
  'deadLetters.spans',
  'deadLettersExpired.logs',
  'deadLettersExpired.spans',
  'calmWrites',
  'freedBytes',
  'adoptedBytes',
  'otherDestinationRecords',
  'otherDestinationBytes',
  'statsd.handled',
  'statsd.failed',
  'push.handled',
  'push.failed',
] as const;
type MainCount = (typeof MAIN_COUNTS)[number];
export type WorkerCount = (typeof WORKER_COUNTS)[number];
export type LedgerCount = MainCount | WorkerCount;

/** What the worker drops, by reason; `deadLettered` is kept in a file and no drop. */
export const WORKER_DROPS = [
  'expired',
  'corrupt',
  'undeliverable',
  'rejected',
  'lost',
  'journal_full',
  'disk_full',
  'disk_error',
] as const;

const CELLS = ['wake', 'urgent', 'progress', 'generation', 'state.logs', 'state.spans'] as const;
export type LedgerCell = (typeof CELLS)[number];

const STATES: readonly CourierState[] = ['idle', 'healthy', 'failing', 'off'];

const placesOf = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name, at) => [name, at])) as Record<Name, number>;
const MAIN_OF: Readonly<Partial<Record<LedgerCount, number>>> = placesOf(MAIN_COUNTS);
const WORKER_OF = placesOf(WORKER_COUNTS);
const CELL_OF = placesOf(CELLS);
const CELL_BYTES = 64;
const BANK = WORKER_COUNTS.length;

/** All counts as they were at one moment. */
export type LedgerSnapshot = Readonly<Record<LedgerCount, number>>;

/**
 * The ledger that main thread and worker share: no message is needed for a record, and it can be read and waited for
 * inside an `exit` handler. Each count is written by one side only.
 *
 * The worker's counts exist twice. It changes the copy that nobody reads and then flips one cell, so that what changes
 * together is seen together, also when the worker dies in between: the ledger balances whenever it is read.
 */
export class SharedLedger {
  readonly memory: SharedArrayBuffer;
  private readonly cells: Int32Array;
  private readonly main: BigInt64Array;
  private readonly banks: BigInt64Array;

  /** @param memory of the other side; a new one is made without */
  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(CELL_BYTES + (MAIN_COUNTS.length + 2 * WORKER_COUNTS.length) * 8),
  ) {
    this.memory = memory;
    this.cells = new Int32Array(memory, 0, CELLS.length);
    this.main = new BigInt64Array(memory, CELL_BYTES, MAIN_COUNTS.length);
    this.banks = new BigInt64Array(memory, CELL_BYTES + MAIN_COUNTS.length * 8, 2 * WORKER_COUNTS.length);
  }

  get(name: LedgerCount): number {
    const place = MAIN_OF[name];
    if (place !== undefined) return Number(Atomics.load(this.main, place));
    const at = WORKER_OF[name as WorkerCount];
    return this.consistent((bank) => Number(Atomics.load(this.banks, bank + at)));
  }

  /** Every count at one moment, as the main thread sees it. */
  snapshot(): LedgerSnapshot {
    const counts = this.consistent((bank) =>
      Object.fromEntries(WORKER_COUNTS.map((name, at) => [name, Number(Atomics.load(this.banks, bank + at))])),
    );
    for (const name of MAIN_COUNTS) counts[name] = this.get(name);
    return counts as LedgerSnapshot;
  }

  /** Reads from the bank that is not being changed. */
  private consistent<Value>(read: (bank: number) => Value): Value {
    for (;;) {
      const generation = this.cell('generation');
      const value = read((generation & 1) * BANK);
      // Two commits later the bank may have changed under us.
      if (this.cell('generation') === generation) return value;
    }
  }

  set(name: LedgerCount, value: number): void {
    const place = MAIN_OF[name];
    if (place !== undefined) Atomics.store(this.main, place, BigInt(Math.trunc(value)));
    else this.change((bank) => (this.banks[bank + WORKER_OF[name as WorkerCount]] = BigInt(Math.trunc(value))));
  }

  add(name: LedgerCount, value: number): void {
    if (value === 0) return;
    const place = MAIN_OF[name];
    if (place !== undefined) Atomics.add(this.main, place, BigInt(value));
    else this.commit({ [name]: value });
  }

  /** Adds to several of the worker's counts: all at once or, when the worker dies meanwhile, none. */
  commit(changes: Partial<Record<WorkerCount, number>>): void {
    this.change((bank) => {
      for (const [name, value] of Object.entries(changes))
        this.banks[bank + WORKER_OF[name as WorkerCount]]! += BigInt(value);
    });
  }

  private change(write: (bank: number) => void): void {
    const generation = this.cell('generation');
    const from = (generation & 1) * BANK;
    const to = BANK - from;
    this.banks.copyWithin(to, from, from + BANK);
    write(to);
    Atomics.store(this.cells, CELL_OF.generation, generation + 1);
  }

  state(signal: Signal): CourierState {
    return STATES[Atomics.load(this.cells, CELL_OF[`state.${signal}`])] ?? 'idle';
  }

  setState(signal: Signal, state: CourierState): void {
    Atomics.store(this.cells, CELL_OF[`state.${signal}`], STATES.indexOf(state));
  }

  cell(name: LedgerCell): number {
    return Atomics.load(this.cells, CELL_OF[name]);
  }

  /** Changes a cell and wakes whoever waits for it. */
  signal(name: LedgerCell): void {
    Atomics.add(this.cells, CELL_OF[name], 1);
    Atomics.notify(this.cells, CELL_OF[name]);
  }

  /** Waits until a cell differs from `value` or the time is over; blocks. */
  waitSync(name: LedgerCell, value: number, millis: number): void {
    Atomics.wait(this.cells, CELL_OF[name], value, millis);
  }

  /** As `waitSync`, without blocking. Keeps no event loop alive by itself. */
  async wait(name: LedgerCell, value: number, millis?: number): Promise<void> {
    await Atomics.waitAsync(this.cells, CELL_OF[name], value, millis).value;
  }

  /** Records of one signal on disk that have no outcome yet: this process's own and those it has adopted. */
  onDisk(signal: Signal, counts: LedgerSnapshot = this.snapshot()): number {
    return (
      counts[`written.${signal}`] -
      counts[`settled.${signal}`] +
      counts[`found.${signal}`] -
      counts[`foundSettled.${signal}`] +
      counts[`deferredWritten.${signal}`] -
      counts[`deferredSettled.${signal}`]
    );
  }

  /** Records that wait in memory because the disk is slow. */
  inMemory(signal: Signal, counts: LedgerSnapshot = this.snapshot()): number {
    return counts[`deferred.${signal}`] - counts[`deferredHandled.${signal}`];
  }
}

/** A place in the process's own journal in one number, so that it can be published at once; a segment is below 4 GiB. */
export function packPosition(segment: number, offset: number): number {
  return segment * 2 ** 32 + offset;
}

export function unpackPosition(position: number): { segment: number; offset: number } {
  return { segment: Math.floor(position / 2 ** 32), offset: position % 2 ** 32 };
}

import type { CourierState, Signal } from '../model/telemetry-sink.ts';

/**
 * The ledger that main thread and worker share: no message is needed for a record, and it can be read and waited for
 * inside an `exit` handler. Each count is written by one side only.
 */
const COUNTS = [
  // Written by the main thread.
  'written.logs',
  'written.spans',
  'position',
  'statsd.posted',
  'push.posted',
  // Written by the worker.
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
  'found.logs',
  'found.spans',
  'foundSettled.logs',
  'foundSettled.spans',
  'oldestMillis.logs',
  'oldestMillis.spans',
  'deadLetters.logs',
  'deadLetters.spans',
  'deadLettersExpired.logs',
  'deadLettersExpired.spans',
  'freedBytes',
  'adoptedBytes',
  'statsd.handled',
  'statsd.failed',
  'push.handled',
  'push.failed',
] as const;
export type LedgerCount = (typeof COUNTS)[number];

/** What the worker drops, by reason; `deadLettered` is kept in a file and no drop. */
export const WORKER_DROPS = ['expired', 'corrupt', 'undeliverable', 'rejected', 'lost'] as const;

const CELLS = ['wake', 'urgent', 'progress', 'state.logs', 'state.spans'] as const;
export type LedgerCell = (typeof CELLS)[number];

const STATES: readonly CourierState[] = ['idle', 'healthy', 'failing', 'off'];

const COUNT_OF = Object.fromEntries(COUNTS.map((name, at) => [name, at])) as Record<LedgerCount, number>;
const CELL_OF = Object.fromEntries(CELLS.map((name, at) => [name, at])) as Record<LedgerCell, number>;
const CELL_BYTES = 64;

export class SharedLedger {
  readonly memory: SharedArrayBuffer;
  private readonly cells: Int32Array;
  private readonly counts: BigInt64Array;

  /** @param memory of the other side; a new one is made without */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CELL_BYTES + COUNTS.length * 8)) {
    this.memory = memory;
    this.cells = new Int32Array(memory, 0, CELLS.length);
    this.counts = new BigInt64Array(memory, CELL_BYTES, COUNTS.length);
  }

  get(name: LedgerCount): number {
    return Number(Atomics.load(this.counts, COUNT_OF[name]));
  }

  set(name: LedgerCount, value: number): void {
    Atomics.store(this.counts, COUNT_OF[name], BigInt(Math.trunc(value)));
  }

  add(name: LedgerCount, value: number): void {
    if (value !== 0) Atomics.add(this.counts, COUNT_OF[name], BigInt(value));
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

  /** Records of one signal that have no outcome yet: this process's own and those it has adopted. */
  onDisk(signal: Signal): number {
    return (
      this.get(`written.${signal}`) -
      this.get(`settled.${signal}`) +
      this.get(`found.${signal}`) -
      this.get(`foundSettled.${signal}`)
    );
  }
}

/** A place in the process's own journal in one number, so that it can be published at once; a segment is below 4 GiB. */
export function packPosition(segment: number, offset: number): number {
  return segment * 2 ** 32 + offset;
}

export function unpackPosition(position: number): { segment: number; offset: number } {
  return { segment: Math.floor(position / 2 ** 32), offset: position % 2 ** 32 };
}

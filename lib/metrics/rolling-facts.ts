import type { Clock } from '../core/clock.ts';
import { systemClock } from '../core/clock.ts';
import { SKETCH_BUCKETS, sketchBucket, sketchQuantile } from './quantile-sketch.ts';

/** What "rolling" means on /health: the last minute … */
export const WINDOW_SECONDS = 60;
/** … moved on in steps of five seconds: the facts cover the last 55 to 60 s. */
export const SLOT_SECONDS = 5;
const SLOTS = WINDOW_SECONDS / SLOT_SECONDS;
const SLOT_MILLIS = SLOT_SECONDS * 1000;

interface Slot {
  /** Number of the slot since the clock's zero; -1 when never used. */
  number: number;
  count: number;
  sum: number;
  clientErrors: number;
  serverErrors: number;
  readonly sketch: Uint32Array;
}

export interface RollingSnapshot {
  /** Requests in the window. */
  readonly requests: number;
  /** Seconds; 0 without requests. */
  readonly responseTimeMean: number;
  /** Seconds, within 2 % (`SKETCH_RELATIVE_ERROR`); 0 without requests. */
  readonly responseTimeP95: number;
  /** Open connections now. */
  readonly connections: number;
  readonly badRequests: { readonly '4xx': number; readonly '5xx': number };
}

export interface MergeableSnapshot extends RollingSnapshot {
  /** Counts by `sketchBucket`: what a percentile over several processes needs. */
  readonly sketch: ArrayLike<number>;
}

/** The facts of several processes as those of one service. */
export function mergeRolling(snapshots: readonly MergeableSnapshot[]): RollingSnapshot {
  const sketch = new Float64Array(SKETCH_BUCKETS);
  const total = { requests: 0, seconds: 0, connections: 0, clientErrors: 0, serverErrors: 0 };
  for (const snapshot of snapshots) {
    total.requests += snapshot.requests;
    total.seconds += snapshot.responseTimeMean * snapshot.requests;
    total.connections += snapshot.connections;
    total.clientErrors += snapshot.badRequests['4xx'];
    total.serverErrors += snapshot.badRequests['5xx'];
    for (let index = 0; index < SKETCH_BUCKETS; index += 1) sketch[index]! += snapshot.sketch[index] ?? 0;
  }
  return {
    requests: total.requests,
    responseTimeMean: total.requests === 0 ? 0 : total.seconds / total.requests,
    responseTimeP95: sketchQuantile(sketch, 0.95),
    connections: total.connections,
    badRequests: { '4xx': total.clientErrors, '5xx': total.serverErrors },
  };
}

/** The four facts of the health page, over the last minute, in a fixed 21 KB. */
export class RollingFacts {
  private readonly clock: Pick<Clock, 'monotonicMillis'>;
  private readonly slots: Slot[];
  private readConnections: () => number = () => 0;

  constructor({ clock = systemClock }: { readonly clock?: Pick<Clock, 'monotonicMillis'> } = {}) {
    this.clock = clock;
    this.slots = Array.from({ length: SLOTS }, () => ({
      number: -1,
      count: 0,
      sum: 0,
      clientErrors: 0,
      serverErrors: 0,
      sketch: new Uint32Array(SKETCH_BUCKETS),
    }));
  }

  /** Who knows the number of open connections. */
  setConnections(read: () => number): void {
    this.readConnections = read;
  }

  /**
   * Counts one response.
   * @param seconds finite, not negative; anything else is left out
   * @param statusCode undefined for an aborted request: it counts in the response time only
   * @param endMillis monotonic time of the end, when the caller has it: it saves a clock reading
   */
  record(seconds: number, statusCode: number | undefined, endMillis: number = this.clock.monotonicMillis()): void {
    if (!(seconds >= 0 && seconds < Infinity)) return;
    const number = Math.floor(endMillis / SLOT_MILLIS);
    const slot = this.slots[number % SLOTS] as Slot;
    if (slot.number !== number) {
      // Late by more than the whole window: its slot belongs to a later time already.
      if (slot.number > number) return;
      slot.number = number;
      slot.count = slot.sum = slot.clientErrors = slot.serverErrors = 0;
      slot.sketch.fill(0);
    }
    slot.count += 1;
    slot.sum += seconds;
    slot.sketch[sketchBucket(seconds)]! += 1;
    if (statusCode === undefined || statusCode < 400) return;
    if (statusCode < 500) slot.clientErrors += 1;
    else slot.serverErrors += 1;
  }

  snapshot(): RollingSnapshot {
    const { sketch: _, ...facts } = this.mergeable();
    return facts;
  }

  /** As `snapshot`, with what a percentile over several processes needs. */
  mergeable(): MergeableSnapshot {
    const newest = Math.floor(this.clock.monotonicMillis() / SLOT_MILLIS);
    const merged = new Float64Array(SKETCH_BUCKETS);
    let requests = 0;
    let sum = 0;
    let clientErrors = 0;
    let serverErrors = 0;
    for (const slot of this.slots) {
      if (slot.number <= newest - SLOTS || slot.count === 0) continue;
      requests += slot.count;
      sum += slot.sum;
      clientErrors += slot.clientErrors;
      serverErrors += slot.serverErrors;
      for (let index = 0; index < SKETCH_BUCKETS; index += 1) merged[index]! += slot.sketch[index] as number;
    }
    return {
      requests,
      responseTimeMean: requests === 0 ? 0 : sum / requests,
      responseTimeP95: sketchQuantile(merged, 0.95),
      connections: this.readConnections(),
      badRequests: { '4xx': clientErrors, '5xx': serverErrors },
      sketch: merged,
    };
  }
}

import type { CourierState, DeliveryCounts, Signal } from '../model/telemetry-sink.ts';

/** The balance of one signal that does not go through the journal. What has no outcome yet is in memory. */
export class Outcomes {
  readonly signal: Signal;
  private accepted = 0;
  private delivered = 0;
  private readonly dropped: Record<string, number> = {};
  private settled = 0;
  private waiting = new Set<() => void>();
  state: CourierState;
  lastError: string | undefined;

  constructor(signal: Signal, on: boolean) {
    this.signal = signal;
    this.state = on ? 'idle' : 'off';
  }

  accept(): void {
    this.accepted += 1;
  }

  get pending(): number {
    return this.accepted - this.settled;
  }

  deliver(count: number): void {
    this.delivered += count;
    this.state = 'healthy';
    this.lastError = undefined;
    this.settle(count);
  }

  drop(reason: string, count: number, error?: unknown): void {
    if (count <= 0) return;
    this.dropped[reason] = (this.dropped[reason] ?? 0) + count;
    if (error !== undefined) {
      this.state = 'failing';
      this.lastError = error instanceof Error ? error.message : String(error);
    }
    this.settle(count);
  }

  private settle(count: number): void {
    this.settled += count;
    if (this.pending > 0) return;
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  /** Resolves when nothing is pending. */
  empty(): Promise<void> {
    if (this.pending <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.add(resolve);
    });
  }

  counts(): DeliveryCounts {
    return {
      accepted: this.accepted,
      delivered: this.delivered,
      sentUnconfirmed: 0,
      onDisk: this.pending,
      deadLettered: 0,
      dropped: { ...this.dropped },
    };
  }
}

/** Waits for `work`, at most `millis`, and keeps the process alive meanwhile. */
export async function within(millis: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, millis);
  });
  try {
    await Promise.race([work.catch(() => {}), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

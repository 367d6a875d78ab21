import type {
  BestEffortCounts,
  DeadLetterCounts,
  DeliveryCounts,
  DeliveryStatus,
  Signal,
} from '../model/telemetry-sink.ts';
import { type LedgerSnapshot, type SharedLedger, WORKER_DROPS } from './shared-ledger.ts';

const SIGNALS: readonly Signal[] = ['logs', 'spans'];

/** What the main thread counts for itself. */
export interface MainCounts {
  readonly accepted: Readonly<Record<Signal, number>>;
  readonly dropped: Readonly<Record<Signal, Readonly<Record<string, number>>>>;
  readonly lastErrors: Readonly<Partial<Record<Signal, string>>>;
  /** When the present backlog began, milliseconds since the epoch; 0 for never. */
  readonly backlogSince: number;
}

/** The ledger as `status()` gives it, of one moment; without what is best effort. */
export function ledgerStatus(
  ledger: SharedLedger,
  main: MainCounts,
): Omit<DeliveryStatus, 'journalBytes' | 'statsd' | 'pushes'> {
  const counts = ledger.snapshot();
  const deferred = counts['deferred.logs'] + counts['deferred.spans'];
  const inMemory = SIGNALS.reduce((sum, signal) => sum + ledger.inMemory(signal, counts), 0);
  const records = counts.otherDestinationRecords;
  return {
    logs: deliveryCounts(ledger, counts, main, 'logs'),
    spans: deliveryCounts(ledger, counts, main, 'spans'),
    oldestUnsentSeconds: oldestUnsentSeconds(ledger, counts, main.backlogSince),
    couriers: { logs: ledger.state('logs'), spans: ledger.state('spans') },
    // Sentences come by message, a little later than states.
    lastErrors: Object.fromEntries(
      Object.entries(main.lastErrors).filter(([signal]) => ledger.state(signal as Signal) === 'failing'),
    ),
    deadLetters: { logs: deadLetters(counts, 'logs'), spans: deadLetters(counts, 'spans') },
    ...(deferred > 0 && { slowDisk: { deferred, inMemory } }),
    ...(records > 0 && { otherDestinations: { records, bytes: counts.otherDestinationBytes } }),
  };
}

function deliveryCounts(
  ledger: SharedLedger,
  counts: LedgerSnapshot,
  main: MainCounts,
  signal: Signal,
): DeliveryCounts {
  const dropped: Record<string, number> = { ...main.dropped[signal] };
  for (const reason of WORKER_DROPS) {
    const count = counts[`${reason}.${signal}`];
    if (count > 0) dropped[reason] = (dropped[reason] ?? 0) + count;
  }
  return {
    // What waits in memory is not accepted yet.
    accepted: main.accepted[signal] - ledger.inMemory(signal, counts) + counts[`found.${signal}`],
    delivered: counts[`delivered.${signal}`],
    sentUnconfirmed: counts[`sentUnconfirmed.${signal}`],
    onDisk: ledger.onDisk(signal, counts),
    deadLettered: counts[`deadLettered.${signal}`],
    dropped,
  };
}

function oldestUnsentSeconds(ledger: SharedLedger, counts: LedgerSnapshot, backlogSince: number): number {
  const times = SIGNALS.map((signal) => counts[`oldestMillis.${signal}`]).filter((time) => time > 0);
  const oldest = times.length > 0 ? Math.min(...times) : backlogSince;
  return backlog(ledger, counts) === 0 || oldest === 0 ? 0 : Math.max(0, (Date.now() - oldest) / 1000);
}

function deadLetters(counts: LedgerSnapshot, signal: Signal): DeadLetterCounts {
  return { waiting: counts[`deadLetters.${signal}`], expired: counts[`deadLettersExpired.${signal}`] };
}

/** Records that have no outcome yet, on disk or in memory. */
export function backlog(ledger: SharedLedger, counts: LedgerSnapshot = ledger.snapshot()): number {
  return SIGNALS.reduce((sum, signal) => sum + ledger.onDisk(signal, counts) + ledger.inMemory(signal, counts), 0);
}

/** Whether packets or pages are on their way. */
export function isUnderWay(ledger: SharedLedger, goals: LedgerSnapshot = ledger.snapshot()): boolean {
  return ledger.get('statsd.handled') < goals['statsd.posted'] || ledger.get('push.handled') < goals['push.posted'];
}

/** What a caller that waits has to wait for: everything that was handed over until now. */
export function untilSettled(ledger: SharedLedger): () => boolean {
  const goals = ledger.snapshot();
  return () => {
    if (isUnderWay(ledger, goals)) return true;
    const counts = ledger.snapshot();
    return SIGNALS.some((signal) => {
      const dropped = counts[`deferredHandled.${signal}`] - counts[`deferredWritten.${signal}`];
      return (
        counts[`settled.${signal}`] < goals[`written.${signal}`] ||
        counts[`deferredSettled.${signal}`] + dropped < goals[`deferred.${signal}`]
      );
    });
  };
}

/** @param way of which `handled` and `failed` are counted; @param refused before they were on their way */
export function bestEffort(ledger: SharedLedger, way: 'statsd' | 'push', refused: number): BestEffortCounts {
  const counts = ledger.snapshot();
  const failed = counts[`${way}.failed`];
  return {
    accepted: counts[`${way}.posted`] + refused,
    sent: counts[`${way}.handled`] - failed,
    dropped: refused + failed,
  };
}

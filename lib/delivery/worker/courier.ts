import type { Refusal } from '../../codec/es-bulk.ts';
import { fullJitter } from '../../core/backoff.ts';
import type { Signal } from '../../model/telemetry-sink.ts';
import type { DeliveryTuning } from '../delivery-options.ts';
import type { RecordKind } from '../journal/record-kind.ts';
import type { SharedLedger, WorkerCount } from '../shared-ledger.ts';
import type { Backend, ItemOutcome, Verdict } from './backend.ts';
import type { DeadLetters, Refused, Trail } from './dead-letters.ts';
import type { Journal, JournalBatch, Tally } from './journal.ts';
import { COUNTS_OF } from './journal-set.ts';
import { Parcel } from './parcel.ts';

/** A failure is spoken of when the next attempt fails too: one reset connection is no outage. */
const FAILURES_OF_OUTAGE = 2;
const LINE_FEED = 10;
const UNSENT: Trail = { attempts: 0, firstMillis: 0 };
const BROKEN = {
  reason: 'a line end inside the record',
  fix: 'it is no record of ours: export it to look at it, then drop it with: sightline dlq drop',
  status: null,
  response: '',
} as const;
/** An idle courier looks by itself this often: should a wake-up ever be missed, it costs this much and no more. */
const IDLE_LOOK_MILLIS = 1000;

export interface CourierOptions {
  readonly signal: Signal;
  readonly kind: RecordKind;
  readonly backend: Backend;
  readonly ledger: SharedLedger;
  readonly deadLetters: DeadLetters;
  readonly tuning: DeliveryTuning;
  readonly maxAgeMillis: number;
  /** All journals there are, the process's own and adopted ones. */
  readonly journals: () => readonly Journal[];
  readonly onNotice: (notice: CourierNotice) => void;
  readonly onError: (sentence: string | undefined) => void;
  /** Something was settled: space may have become free. */
  readonly onSettled: () => void;
}

export type CourierNotice =
  | { readonly kind: 'down'; readonly signal: Signal; readonly address: string; readonly reason: string }
  | {
      readonly kind: 'back';
      readonly signal: Signal;
      readonly address: string;
      readonly seconds: number;
      readonly waiting: number;
    };

/**
 * Carries one signal to its backend: reads the journals in turn, sends, and sends again until each record has an
 * outcome. Stops only when told to.
 */
export class Courier {
  private readonly options: CourierOptions;
  private stopping = false;
  private readonly underWay = new Set<Promise<void>>();
  /** Ends of the pauses that are being made. */
  private readonly pauses = new Set<() => void>();
  /** Ends the waiting for something to do. */
  private endWaiting: (() => void) | undefined;
  private turn = 0;
  private failures = 0;
  private downSince = 0;

  constructor(options: CourierOptions) {
    this.options = options;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { ledger, tuning, onSettled } = this.options;
    while (!this.stopping) {
      const wake = ledger.cell('wake');
      const urgent = ledger.cell('urgent');
      const batch = this.hasRoom() ? this.next() : undefined;
      if (batch !== undefined) {
        this.launch(batch);
        // Records that come one by one travel together; a flush does not wait for company.
        if (!batch.more) await this.pause(tuning.gatherMillis, urgent);
        continue;
      }
      onSettled();
      if (await this.newRecords(wake)) await this.pause(tuning.gatherMillis, urgent);
    }
    await Promise.all(this.underWay);
  }

  /** Ends pauses and requests; what is under way stays in the journal. */
  stop(): void {
    this.stopping = true;
    this.options.backend.close();
    this.look();
    for (const end of [...this.pauses]) end();
  }

  /** There may be something to do: a journal was opened or adopted, a request has ended. */
  look(): void {
    this.endWaiting?.();
  }

  /** @returns true when new records came, false for anything else */
  private newRecords(wake: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (value: boolean): void => {
        clearTimeout(timer);
        // The wake-up of a waiting that is over may come during a later one, which still needs to be told.
        if (this.endWaiting === endByLook) this.endWaiting = undefined;
        resolve(value);
      };
      const endByLook = (): void => end(false);
      const timer = setTimeout(endByLook, IDLE_LOOK_MILLIS);
      this.endWaiting = endByLook;
      if (this.stopping) end(false);
      else if (this.hasRoom()) void this.options.ledger.wait('wake', wake, IDLE_LOOK_MILLIS).then(() => end(true));
    });
  }

  /** While a backend fails, one request asks whether it is back. */
  private hasRoom(): boolean {
    return this.underWay.size < (this.failures > 0 ? 1 : this.options.tuning.window);
  }

  private next(): JournalBatch | undefined {
    const journals = this.options.journals();
    for (let tried = 0; tried < journals.length; tried += 1) {
      // In turn, so that an old backlog does not hold up what happens now, nor the other way round.
      this.turn = (this.turn + 1) % journals.length;
      const batch = journals[this.turn]?.tryRead(this.options.kind, this.options.tuning.batchBytes);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  private launch(batch: JournalBatch): void {
    const tally: Tally = {
      delivered: 0,
      sentUnconfirmed: 0,
      deadLettered: 0,
      expired: 0,
      undeliverable: 0,
      rejected: 0,
    };
    const work = this.deliver(this.fit(batch, tally), tally).then((complete) => {
      this.underWay.delete(work);
      if (complete) this.settle(batch, tally);
      this.look();
    });
    this.underWay.add(work);
    this.publish();
  }

  /** Counts first, then the checkpoint: a worker that dies between sends again, and its receivers tell copies apart. */
  private settle(batch: JournalBatch, tally: Tally): void {
    const { ledger, signal } = this.options;
    const { journal } = batch;
    for (const passed of journal.settle(batch, tally)) {
      const count = passed.batch.records.length + passed.batch.lost;
      const changes: Partial<Record<WorkerCount, number>> = { [`corrupt.${signal}`]: passed.batch.lost };
      for (const [outcome, outcomes] of Object.entries(passed.tally))
        changes[`${outcome as keyof Tally}.${signal}`] = outcomes;
      if (journal.role === 'own') changes[`settled.${signal}`] = count;
      else {
        const [found, settled] = COUNTS_OF[journal.role];
        changes[`${settled}.${signal}`] = count;
        changes[`${found}.${signal}`] = journal.noteSettled(batch.kind, count);
      }
      ledger.commit(changes);
    }
    journal.save();
    this.publish();
  }

  /** Sends until every item has an outcome. @returns false when it was stopped before */
  private async deliver(all: Parcel, tally: Tally, before = UNSENT): Promise<boolean> {
    let parcel = all;
    let trail = before;
    for (let attempt = 0; ; attempt += 1) {
      parcel = this.withoutExpired(parcel, tally);
      if (parcel.length === 0) return true;
      if (this.stopping) return false;
      const urgent = this.options.ledger.cell('urgent');
      trail = { attempts: trail.attempts + 1, firstMillis: trail.firstMillis || Date.now() };
      const verdict = await this.options.backend.send(parcel);
      if (this.stopping && verdict.kind === 'failed') return false;
      if (verdict.kind === 'refused' && parcel.length > 1) {
        this.succeeded();
        const [first, second] = parcel.halves();
        return (await this.deliver(first, tally, trail)) && (await this.deliver(second, tally, trail));
      }
      const left = this.account(parcel, verdict, tally, trail);
      if (left === undefined || left.length === 0) return true;
      // Progress is a reason to go on quickly.
      if (left.length < parcel.length) attempt = 0;
      parcel = left;
      await this.backOff(attempt, verdict, urgent);
    }
  }

  /** What can be sent at all. */
  private fit(batch: JournalBatch, tally: Tally): Parcel {
    const parcel = new Parcel(batch);
    const broken = batch.records.placesWith(LINE_FEED);
    if (broken.size === 0) return parcel;
    const refused = [...broken].map((at) => ({ at, refusal: BROKEN }));
    this.reject(parcel, refused, tally, UNSENT);
    return parcel.filter((place) => !broken.has(place));
  }

  /** @returns what must be sent again, undefined for nothing */
  private account(parcel: Parcel, verdict: Verdict, tally: Tally, trail: Trail): Parcel | undefined {
    switch (verdict.kind) {
      case 'delivered':
        tally.delivered += parcel.length - (verdict.rejected ?? 0);
        tally.rejected += verdict.rejected ?? 0;
        this.succeeded();
        return undefined;
      case 'sent':
        tally.sentUnconfirmed += parcel.length;
        this.succeeded();
        return undefined;
      case 'refused':
        this.reject(
          parcel,
          Array.from({ length: parcel.length }, (_, at) => ({ at, refusal: refusalOf(verdict) })),
          tally,
          trail,
        );
        this.succeeded();
        return undefined;
      case 'failed':
        this.failed(verdict.reason);
        return parcel;
      case 'items':
        return this.accountItems(parcel, verdict.outcomes, tally, trail);
    }
  }

  private accountItems(parcel: Parcel, outcomes: readonly ItemOutcome[], tally: Tally, trail: Trail): Parcel {
    const refused: Refused[] = [];
    const left = parcel.filter((at) => {
      const outcome = outcomes[at]!;
      if (outcome.kind === 'delivered') tally.delivered += 1;
      else if (outcome.kind === 'rejected') refused.push({ at, refusal: refusalOf(outcome) });
      return outcome.kind === 'retry';
    });
    this.reject(parcel, refused, tally, trail);
    const first = outcomes.find((outcome) => outcome.kind === 'retry');
    if (left.length < parcel.length || first === undefined) this.succeeded();
    else this.failed(first.reason);
    return left;
  }

  private reject(parcel: Parcel, refused: readonly Refused[], tally: Tally, trail: Trail): void {
    const { deadLetters, signal, backend } = this.options;
    const kept = deadLetters.add(backend.address, signal, parcel, refused, trail);
    tally.deadLettered += kept;
    tally.undeliverable += refused.length - kept;
  }

  private withoutExpired(parcel: Parcel, tally: Tally): Parcel {
    const oldest = Date.now() - this.options.maxAgeMillis;
    const fresh = parcel.filter((at) => parcel.timeMillis(at) >= oldest);
    tally.expired += parcel.length - fresh.length;
    return fresh;
  }

  /** A flush cuts the back-off short, but not what the backend itself has asked for. */
  private async backOff(attempt: number, verdict: Verdict, urgent: number): Promise<void> {
    const { backoffBaseMillis, backoffCapMillis } = this.options.tuning;
    const asked = verdict.kind === 'failed' ? verdict.retryAfterMillis : undefined;
    if (asked !== undefined) await this.pause(asked);
    else await this.pause(fullJitter(attempt, backoffBaseMillis, backoffCapMillis), urgent);
  }

  /** @param urgent value of the cell that cuts the pause short when it changes; undefined: only `stop` does */
  private pause(millis: number, urgent?: number): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, millis);
      this.pauses.add(end);
      if (urgent !== undefined) void this.options.ledger.wait('urgent', urgent, millis).then(end);
    });
  }

  private failed(reason: string): void {
    const { backend, signal, onNotice, onError } = this.options;
    this.failures += 1;
    if (this.failures === 1) this.downSince = performance.now();
    if (this.failures === FAILURES_OF_OUTAGE) onNotice({ kind: 'down', signal, address: backend.address, reason });
    if (!this.stopping) onError(`${backend.address}: ${reason}`);
    this.publish();
  }

  private succeeded(): void {
    if (this.failures > 0) {
      const { backend, signal, ledger, onNotice, onError } = this.options;
      if (this.failures >= FAILURES_OF_OUTAGE) {
        const seconds = (performance.now() - this.downSince) / 1000;
        onNotice({ kind: 'back', signal, address: backend.address, seconds, waiting: ledger.onDisk(signal) });
      }
      onError(undefined);
      this.failures = 0;
    }
    this.options.ledger.setState(this.options.signal, 'healthy');
  }

  private publish(): void {
    const { ledger, signal, kind, journals } = this.options;
    if (this.failures > 0) ledger.setState(signal, 'failing');
    const times = journals()
      .map((journal) => journal.oldest(kind))
      .filter((time) => time > 0);
    ledger.set(`oldestMillis.${signal}`, times.length === 0 ? 0 : Math.min(...times));
    ledger.signal('progress');
  }
}

function refusalOf({ reason, fix, status, response }: Refusal): Refusal {
  return { reason, fix, status, response };
}

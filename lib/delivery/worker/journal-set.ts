import { dirname } from 'node:path';
import { removeOldDamage } from '../journal/damaged-segments.ts';
import { claimJournal, removeJournal } from '../journal/journal-directory.ts';
import type { OpenedJournal } from '../journal/journal-writer.ts';
import { LeaseWatch, RENEW_MILLIS, renewLease } from '../journal/lease.ts';
import { currentOwner } from '../journal/owner.ts';
import { KIND_OF_SIGNAL, type RecordKind, SIGNAL_OF_KIND } from '../journal/record-kind.ts';
import { countUnsettled } from '../journal/unsettled.ts';
import { type SharedLedger, unpackPosition } from '../shared-ledger.ts';
import { adoptOrphans } from './adoption.ts';
import { Journal, type JournalOptions } from './journal.ts';
import type { FromWorker, WorkerOptions } from './messages.ts';
import { tendOtherDestinations } from './other-destinations.ts';

/** What was left for another destination is looked after this often, milliseconds: counting it reads segments. */
const TEND_MILLIS = 600_000;

export interface JournalSetOptions {
  readonly worker: WorkerOptions;
  readonly ledger: SharedLedger;
  readonly kinds: readonly RecordKind[];
  readonly say: (message: FromWorker) => void;
  /** Told each time before journals of others are looked for. */
  readonly onLook: () => void;
  /** There may be something to do for the couriers. */
  readonly onOpened: () => void;
}

/** All journals that this process holds: its own, those of others that are gone, and what was written for a slow disk. */
export class JournalSet {
  private readonly options: JournalSetOptions;
  private readonly self = currentOwner();
  private readonly leases = new LeaseWatch();
  private readonly journals: Journal[] = [];
  private own: Journal | undefined;
  private timers: NodeJS.Timeout[] = [];

  constructor(options: JournalSetOptions) {
    this.options = options;
  }

  get all(): readonly Journal[] {
    return this.journals;
  }

  /** Opens what a worker before this one had, and from then on looks for journals of processes that are gone. */
  start(): void {
    const { worker } = this.options;
    for (const opened of worker.adopted) this.open(opened, 'adopted');
    for (const opened of worker.deferred) this.open(opened, 'deferred');
    this.balance();
    if (worker.journal !== undefined) this.useOwn(worker.journal);
    this.adopt();
    this.tend();
    this.timers = [
      setInterval(() => this.adopt(), worker.tuning.adoptionMillis),
      setInterval(() => {
        for (const { path } of this.journals) renewLease(path);
      }, RENEW_MILLIS),
      setInterval(() => this.tend(), TEND_MILLIS),
    ];
  }

  /** Opens a journal; one that nobody writes any more is counted. */
  open(
    opened: OpenedJournal,
    role: Journal['role'],
    { limit, onFreed }: { limit?: JournalOptions['limit']; onFreed?: (bytes: number) => void } = {},
  ): Journal {
    const { ledger, kinds, say } = this.options;
    const own = role === 'own';
    const journal = new Journal({
      ...opened,
      role,
      kinds,
      onFreed(bytes) {
        ledger.add(own ? 'freedBytes' : 'adoptedBytes', bytes);
        onFreed?.(bytes);
      },
      onSetAside: (path) => say({ kind: 'damaged', path }),
      ...(limit !== undefined && { limit }),
      ...(own && { settled: (kind: RecordKind) => ledger.get(`settled.${SIGNAL_OF_KIND[kind]}`) }),
    });
    if (limit === undefined) {
      const unsettled = countUnsettled(opened.path);
      for (const kind of kinds) journal.expect(kind, unsettled[kind]);
    }
    this.journals.push(journal);
    return journal;
  }

  /** A worker before this one may have counted what it had no time to write down, or written down what it did not count. */
  private balance(): void {
    const { ledger, kinds } = this.options;
    for (const role of ['adopted', 'deferred'] as const) {
      const [found, settled] = COUNTS_OF[role];
      for (const kind of kinds) {
        const signal = SIGNAL_OF_KIND[kind];
        const there = this.journals
          .filter((journal) => journal.role === role)
          .reduce((sum, journal) => sum + journal.remaining(kind), 0);
        const more = there - (ledger.get(`${found}.${signal}`) - ledger.get(`${settled}.${signal}`));
        if (more > 0) ledger.commit({ [`${found}.${signal}`]: more });
        else if (more < 0) ledger.commit({ [`lost.${signal}`]: -more, [`${settled}.${signal}`]: -more });
      }
    }
  }

  /** The journal that the process writes from now on. One before it was taken away, with all that was still in it. */
  useOwn(opened: OpenedJournal): void {
    if (this.own?.journalId === opened.journalId) return;
    const { ledger, kinds, onOpened } = this.options;
    if (this.own !== undefined) {
      this.own.abandoned = true;
      this.own.close(false);
      this.journals.splice(this.journals.indexOf(this.own), 1);
    }
    this.own = this.open(opened, 'own', { limit: () => unpackPosition(ledger.get('position')) });
    for (const kind of kinds) {
      // Numbers go on from one journal to the next: what is before the first one here is gone.
      const signal = SIGNAL_OF_KIND[kind];
      const lost = this.own.settledBefore(kind) - ledger.get(`settled.${signal}`);
      if (lost > 0) ledger.commit({ [`lost.${signal}`]: lost, [`settled.${signal}`]: lost });
    }
    onOpened();
  }

  private adopt(): void {
    const { worker, ledger, kinds, say, onOpened } = this.options;
    removeOldDamage(worker.directory, worker.maxAgeMillis);
    this.options.onLook();
    for (const opened of adoptOrphans({
      directory: worker.directory,
      self: this.self,
      fingerprint: worker.fingerprint,
      leases: this.leases,
      known: new Set(this.journals.map(({ journalId }) => journalId)),
    })) {
      const journal = this.open(opened, 'adopted');
      for (const kind of kinds) ledger.add(`found.${SIGNAL_OF_KIND[kind]}`, journal.remaining(kind));
      say({ kind: 'adopted', journal: opened, found: kinds.reduce((sum, kind) => sum + journal.remaining(kind), 0) });
    }
    onOpened();
  }

  /** Journals for another destination: counted, and dropped when they are too old. */
  private tend(): void {
    const { worker, ledger, say } = this.options;
    const before = ledger.get('otherDestinationRecords');
    const { records, bytes, expired } = tendOtherDestinations({
      directory: worker.directory,
      self: this.self,
      leases: this.leases,
      maxAgeMillis: worker.maxAgeMillis,
    });
    ledger.set('otherDestinationRecords', records);
    ledger.set('otherDestinationBytes', bytes);
    for (const [signal, kind] of Object.entries(KIND_OF_SIGNAL) as ['logs' | 'spans', RecordKind][]) {
      const count = expired[kind];
      // Found and dropped at once, so that the ledger says where they went.
      if (count > 0)
        ledger.commit({ [`found.${signal}`]: count, [`foundSettled.${signal}`]: count, [`expired.${signal}`]: count });
    }
    if (before === 0 && records > 0) say({ kind: 'elsewhere', records, root: dirname(worker.directory) });
  }

  /** Deletes what is settled. */
  clean(): void {
    for (const journal of [...this.journals]) {
      if (!journal.clean()) continue;
      this.journals.splice(this.journals.indexOf(journal), 1);
      this.settleMissing(journal);
      journal.close(false);
      removeJournal(journal.path);
    }
  }

  /** What was counted and never showed: its segment could not be read, or another process has taken the journal over. */
  private settleMissing(journal: Journal): void {
    const { ledger, kinds } = this.options;
    if (journal.role === 'own') return;
    for (const kind of kinds) {
      const missing = journal.remaining(kind);
      const signal = SIGNAL_OF_KIND[kind];
      if (missing > 0)
        ledger.commit({ [`lost.${signal}`]: missing, [`${COUNTS_OF[journal.role][1]}.${signal}`]: missing });
    }
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** What is left belongs to whoever comes next. The own journal is given back by its writer. */
  release(): void {
    for (const journal of this.journals) {
      journal.close(true);
      if (journal.role === 'own') continue;
      claimJournal(
        this.options.worker.directory,
        { path: journal.path, journalId: journal.journalId, owner: this.self },
        undefined,
      );
    }
  }
}

/** Which counts say how much was there and how much has an outcome. */
export const COUNTS_OF = {
  adopted: ['found', 'foundSettled'],
  deferred: ['deferredWritten', 'deferredSettled'],
} as const;

import { parentPort, workerData } from 'node:worker_threads';
import { claimJournal, removeJournal } from '../journal/journal-directory.ts';
import type { OpenedJournal } from '../journal/journal-writer.ts';
import { currentOwner } from '../journal/owner.ts';
import { KIND_OF_SIGNAL, type RecordKind, SIGNAL_OF_KIND } from '../journal/record-kind.ts';
import { SharedLedger, unpackPosition } from '../shared-ledger.ts';
import { adoptOrphans, countUnsettled, removeOldDamage, touchJournals } from './adoption.ts';
import type { Backend } from './backend.ts';
import { createLogBackend, createSpanBackend } from './choose-backend.ts';
import { Courier } from './courier.ts';
import { DeadLetters } from './dead-letters.ts';
import { Journal } from './journal.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.ts';
import { PushSender } from './push-sender.ts';
import { createStatsdTransport } from './statsd-transport.ts';

const SIGNALS = ['logs', 'spans'] as const;
/** How often owners show that they live. */
const TOUCH_MILLIS = 5000;

/** The composition root of the worker thread: journals in, couriers out. Nothing of the app is loaded here. */
function start(options: WorkerOptions): void {
  const port = parentPort!;
  const ledger = new SharedLedger(options.memory);
  const self = currentOwner();
  const say = (message: FromWorker): void => port.postMessage(message);
  const backends = new Map<RecordKind, Backend>();
  const timeoutMillis = options.tuning.requestTimeoutMillis;
  if (options.logs !== undefined) backends.set(KIND_OF_SIGNAL.logs, createLogBackend(options.logs, timeoutMillis));
  if (options.spans !== undefined) backends.set(KIND_OF_SIGNAL.spans, createSpanBackend(options.spans, timeoutMillis));
  const kinds = [...backends.keys()];
  const journals: Journal[] = [];
  let own: Journal | undefined;

  function openJournal(opened: OpenedJournal, isOwn: boolean): Journal {
    const journal = new Journal({
      ...opened,
      kinds,
      onFreed: (bytes) => ledger.add(isOwn ? 'freedBytes' : 'adoptedBytes', bytes),
      ...(isOwn && {
        limit: () => unpackPosition(ledger.get('position')),
        settled: (kind: RecordKind) => ledger.get(`settled.${SIGNAL_OF_KIND[kind]}`),
      }),
    });
    journals.push(journal);
    return journal;
  }

  /** The journal that the process writes from now on. One before it was taken away, with all that was still in it. */
  function useOwn(opened: OpenedJournal): void {
    if (own?.journalId === opened.journalId) return;
    if (own !== undefined) {
      own.abandoned = true;
      own.close(false);
      journals.splice(journals.indexOf(own), 1);
    }
    own = openJournal(opened, true);
    for (const kind of kinds) {
      // Numbers go on from one journal to the next: what is before the first one here is gone.
      const signal = SIGNAL_OF_KIND[kind];
      const lost = own.settledBefore(kind) - ledger.get(`settled.${signal}`);
      if (lost <= 0) continue;
      ledger.add(`lost.${signal}`, lost);
      ledger.add(`settled.${signal}`, lost);
    }
    for (const courier of couriers) courier.look();
  }

  function adopt(): void {
    removeOldDamage(options.directory, options.maxAgeMillis);
    deadLetters.tend();
    for (const opened of adoptOrphans(
      options.directory,
      self,
      options.fingerprint,
      new Set(journals.map((journal) => journal.journalId)),
    )) {
      const journal = openJournal(opened, false);
      let found = 0;
      for (const kind of kinds) {
        const count = countUnsettled(journal, kind);
        ledger.add(`found.${SIGNAL_OF_KIND[kind]}`, count);
        found += count;
      }
      say({ kind: 'adopted', journal: opened, found });
    }
    for (const courier of couriers) courier.look();
  }

  /** Deletes what is settled. */
  function clean(): void {
    for (const journal of [...journals]) {
      if (!journal.clean()) continue;
      journals.splice(journals.indexOf(journal), 1);
      journal.close(false);
      removeJournal(journal.path);
    }
  }

  const deadLetters = new DeadLetters({
    directory: options.directory,
    service: options.service,
    fingerprint: options.fingerprint,
    onAdd: (signal, count) => ledger.add(`deadLetters.${signal}`, count),
    onCount(counts) {
      for (const signal of SIGNALS) {
        ledger.set(`deadLetters.${signal}`, counts[signal].waiting);
        ledger.add(`deadLettersExpired.${signal}`, counts[signal].expired);
      }
    },
  });
  const couriers = [...backends].map(
    ([kind, backend]) =>
      new Courier({
        signal: SIGNAL_OF_KIND[kind],
        kind,
        backend,
        ledger,
        deadLetters,
        tuning: options.tuning,
        maxAgeMillis: options.maxAgeMillis,
        journals: () => journals,
        onNotice: (notice) => say({ kind: 'notice', notice }),
        onError: (sentence) => say({ kind: 'error', signal: SIGNAL_OF_KIND[kind], sentence }),
        onSettled: clean,
      }),
  );
  const statsd =
    options.statsd === undefined
      ? undefined
      : createStatsdTransport({
          ...options.statsd,
          onTrouble: (sentence) => say({ kind: 'metrics', sentence }),
          onOutcome(handled, failed) {
            ledger.add('statsd.handled', handled);
            ledger.add('statsd.failed', failed);
            ledger.signal('progress');
          },
        });

  const pusher =
    options.push === undefined
      ? undefined
      : new PushSender({
          url: options.push.url,
          timeoutMillis,
          onState(sentence) {
            if (sentence !== undefined) say({ kind: 'metrics', sentence });
          },
          onOutcome(handled, failed) {
            ledger.add('push.handled', handled);
            ledger.add('push.failed', failed);
            ledger.signal('progress');
          },
        });

  for (const opened of options.adopted) openJournal(opened, false);
  if (options.journal !== undefined) useOwn(options.journal);
  adopt();
  const adoption = setInterval(adopt, options.tuning.adoptionMillis);
  const touching = setInterval(() => touchJournals(journals.map((journal) => journal.path)), TOUCH_MILLIS);
  const running = Promise.all(couriers.map((courier) => courier.run()));

  async function stop(): Promise<void> {
    clearInterval(adoption);
    clearInterval(touching);
    for (const courier of couriers) courier.stop();
    await running;
    clean();
    statsd?.close();
    pusher?.close();
    for (const journal of journals) {
      journal.close(true);
      // What is left belongs to whoever comes next. The own journal is given back by its writer.
      if (!journal.own)
        claimJournal(options.directory, { path: journal.path, journalId: journal.journalId, owner: self }, undefined);
    }
    say({ kind: 'stopped' });
    port.close();
  }

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'journal') useOwn(message.journal);
    else if (message.kind === 'statsd') statsd?.send(message.packets);
    else if (message.kind === 'push') pusher?.push(message.page);
    else void stop();
  });
}

// Nobody reads the output of this thread: what a library might print must not pile up on the other side.
process.stdout.write = () => true;
process.stderr.write = () => true;
start(workerData as WorkerOptions);

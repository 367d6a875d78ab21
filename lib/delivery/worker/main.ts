import { parentPort, workerData } from 'node:worker_threads';
import { DeferredRing } from '../deferred-ring.ts';
import { KIND_OF_SIGNAL, type RecordKind, SIGNAL_OF_KIND } from '../journal/record-kind.ts';
import { SharedLedger } from '../shared-ledger.ts';
import type { Backend } from './backend.ts';
import { createLogBackend, createSpanBackend } from './choose-backend.ts';
import { Courier } from './courier.ts';
import { DeadLetters } from './dead-letters.ts';
import { DeferredWriter } from './deferred-writer.ts';
import { JournalSet } from './journal-set.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.ts';
import { PushSender } from './push-sender.ts';
import { createStatsdTransport } from './statsd-transport.ts';

const SIGNALS = ['logs', 'spans'] as const;

/** The composition root of the worker thread: journals in, couriers out. Nothing of the app is loaded here. */
function start(options: WorkerOptions): void {
  const port = parentPort!;
  const ledger = new SharedLedger(options.memory);
  const say = (message: FromWorker): void => port.postMessage(message);
  const backends = new Map<RecordKind, Backend>();
  const timeoutMillis = options.tuning.requestTimeoutMillis;
  if (options.logs !== undefined) backends.set(KIND_OF_SIGNAL.logs, createLogBackend(options.logs, timeoutMillis));
  if (options.spans !== undefined) backends.set(KIND_OF_SIGNAL.spans, createSpanBackend(options.spans, timeoutMillis));
  const kinds = [...backends.keys()];
  const journals = new JournalSet({
    worker: options,
    ledger,
    kinds,
    say,
    onLook: () => deadLetters.tend(),
    onOpened() {
      for (const courier of couriers) courier.look();
    },
  });

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
        journals: () => journals.all,
        onNotice: (notice) => say({ kind: 'notice', notice }),
        onError: (sentence) => say({ kind: 'error', signal: SIGNAL_OF_KIND[kind], sentence }),
        onSettled: () => journals.clean(),
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
          ...options.push,
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

  /** What writes for a slow disk; ends when the disk is quick again. */
  let deferred: { writer: DeferredWriter; running: Promise<void> } | undefined;

  function useRing(memory: SharedArrayBuffer | undefined): void {
    deferred?.writer.end();
    if (memory === undefined) return;
    const before = deferred?.running;
    const writer = new DeferredWriter(new DeferredRing(memory), {
      worker: options,
      ledger,
      openJournal: (opened, more) => journals.open(opened, 'deferred', more),
      say,
    });
    // One at a time: both take from the same ring.
    deferred = { writer, running: (before ?? Promise.resolve()).then(() => writer.run()) };
  }

  journals.start();
  if (options.ring !== undefined) useRing(options.ring);
  const running = Promise.all(couriers.map((courier) => courier.run()));

  async function stop(): Promise<void> {
    journals.stop();
    deferred?.writer.end();
    await deferred?.running;
    for (const courier of couriers) courier.stop();
    await running;
    journals.clean();
    statsd?.close();
    pusher?.close();
    journals.release();
    say({ kind: 'stopped' });
    port.close();
  }

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'journal') journals.useOwn(message.journal);
    else if (message.kind === 'ring') useRing(message.memory);
    else if (message.kind === 'statsd') statsd?.send(message.packets);
    else if (message.kind === 'push') pusher?.push(message.page);
    else void stop();
  });
}

// Nobody reads the output of this thread: what a library might print must not pile up on the other side.
process.stdout.write = () => true;
process.stderr.write = () => true;
start(workerData as WorkerOptions);

import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { runOutside } from '../context/context.ts';
import { fullJitter } from '../core/backoff.ts';
import { reportBug } from '../core/fence.ts';
import type { OpenedJournal } from './journal/journal-writer.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './worker/messages.ts';

/** Pause before a worker that died is started again: at first, and at most, milliseconds. */
const RESTART_BASE_MILLIS = 1000;
const RESTART_CAP_MILLIS = 60_000;
/** How long the end of a worker that was told to end at once is waited for, milliseconds. */
const TERMINATE_MILLIS = 100;
/** Heap of the worker, MiB: it holds a few batches, and must never take the app's memory. */
const MAX_HEAP_MB = 192;

function stillThere(journals: readonly OpenedJournal[]): OpenedJournal[] {
  return journals.filter(({ path }) => existsSync(path));
}

export interface CourierThreadOptions {
  /** Asked each time a worker is started. */
  readonly workerOptions: () => WorkerOptions;
  readonly onMessage: (message: FromWorker) => void;
}

/**
 * The worker thread in which the couriers run, seen from the main thread: started late, never holding the process,
 * started again when it dies. Nothing that happens in it reaches the app.
 */
export class CourierThread {
  private readonly options: CourierThreadOptions;
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;
  private deaths = 0;
  private ended = false;
  private adopted: OpenedJournal[] = [];
  private deferred: OpenedJournal[] = [];

  constructor(options: CourierThreadOptions) {
    this.options = options;
  }

  get running(): boolean {
    return this.worker !== undefined;
  }

  /** Journals adopted so far, for a worker that is started again. */
  get adoptedJournals(): readonly OpenedJournal[] {
    return this.adopted;
  }

  /** Journals that were written for a slow disk so far, for a worker that is started again. */
  get deferredJournals(): readonly OpenedJournal[] {
    return this.deferred;
  }

  /** Starts the worker if there is none and it has not died a moment ago. */
  start(): void {
    if (this.ended || this.worker !== undefined || this.timer !== undefined) return;
    // Not in the context of the request whose record happened to be the first: the worker outlives it.
    runOutside(() => this.launch());
  }

  private launch(): void {
    // From sources when the tests do, else what the build made of it.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker/main.ts' : './worker/main.js', import.meta.url);
    const { NODE_OPTIONS: _unused, ...env } = process.env;
    let worker: Worker;
    try {
      worker = new Worker(file, {
        name: 'sightline-delivery',
        workerData: this.options.workerOptions(),
        // Neither the one line nor the app's own loaders may run in there.
        execArgv: [],
        env: { ...env, NODE_NO_WARNINGS: '1' },
        // Kept from the app's own. They are not read: reading would hold the process, and the worker writes nothing.
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
    } catch (error) {
      this.died(error);
      return;
    }
    this.worker = worker;
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'adopted') this.adopted = [...stillThere(this.adopted), message.journal];
      if (message.kind === 'deferred') this.deferred = [...stillThere(this.deferred), message.journal];
      this.options.onMessage(message);
    });
    worker.on('error', (error) => {
      if (this.worker === worker) this.died(error);
    });
    worker.on('exit', () => {
      if (this.worker === worker) this.died(undefined);
    });
    // After the listeners: adding one for messages makes the worker hold the process again.
    worker.unref();
  }

  private died(error: unknown): void {
    this.worker = undefined;
    if (this.ended) return;
    this.deaths += 1;
    if (error !== undefined) reportBug('delivery worker', error);
    const pause = RESTART_BASE_MILLIS + fullJitter(this.deaths, RESTART_BASE_MILLIS, RESTART_CAP_MILLIS);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.start();
    }, pause);
    this.timer.unref();
  }

  post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  /** Asks the worker to end; after `timeoutMillis` it is ended. */
  async stop(timeoutMillis: number): Promise<void> {
    this.ended = true;
    clearTimeout(this.timer);
    const { worker } = this;
    if (worker === undefined) return;
    const gone = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    // For the time being the process waits for it.
    worker.ref();
    worker.postMessage({ kind: 'stop' } satisfies ToWorker);
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        void worker.terminate();
        // A thread that hangs in the file system cannot be ended; it is not waited for.
        worker.unref();
        timer = setTimeout(resolve, TERMINATE_MILLIS);
      }, timeoutMillis);
    });
    await Promise.race([gone, over]);
    clearTimeout(timer);
  }
}

import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createOtlpSpanEncoder } from '../codec/otlp-span.ts';
import { createZipkinEncoder } from '../codec/zipkin-v2.ts';
import { runOutside } from '../context/context.ts';
import { diag } from '../core/diag.ts';
import { reportBug } from '../core/fence.ts';
import type { SpanData } from '../model/span.ts';
import type { BestEffortCounts, DeliveryStatus, MetricsPage, Signal, TelemetrySink } from '../model/telemetry-sink.ts';
import { CourierThread } from './courier-thread.ts';
import { DELIVERY_TUNING, destinationFingerprint, type JournalSinkOptions } from './delivery-options.ts';
import { journalName, removeJournal, serviceDirectory } from './journal/journal-directory.ts';
import { type DropReason, JournalWriter } from './journal/journal-writer.ts';
import { KIND_OF_SIGNAL, type RecordKind, SIGNAL_OF_KIND } from './journal/record-kind.ts';
import { backlog, bestEffort, isUnderWay, ledgerStatus, untilSettled } from './ledger-status.ts';
import { NoticeBoard } from './notice-board.ts';
import { SharedLedger } from './shared-ledger.ts';
import { SlowDisk } from './slow-disk.ts';
import type { FromWorker } from './worker/messages.ts';

const SIGNALS: readonly Signal[] = ['logs', 'spans'];
/** The worker starts this long after the first record, so that it does not compete with the start of the app, milliseconds. */
const START_DELAY_MILLIS = 250;
/** StatsD packets on their way to the worker at most. */
const MAX_STATSD_WAITING = 2000;
/** What an orderly end may take beyond its deadline for ending the worker, milliseconds. */
const MIN_STOP_MILLIS = 50;
/** Whoever waits looks by itself this often: a notification that got lost costs this much, and not the deadline. */
const LOOK_MILLIS = 100;

/** The journal as a sink, with what only the composition root needs. */
export interface JournalSink extends TelemetrySink {
  /** Starts delivery now instead of soon after the first record: looks for what processes before this one left behind. */
  start(): void;
  /** StatsD packets so far; best effort, so no part of the balance. */
  statsdCounts(): BestEffortCounts;
}

/**
 * Delivery that loses nothing: a record is accepted by being appended to a journal on disk, and a worker thread carries
 * it from there. Opens nothing until the first record.
 */
export function createJournalSink(options: JournalSinkOptions): JournalSink {
  return new JournalDelivery(options);
}

class JournalDelivery implements JournalSink {
  private readonly options: JournalSinkOptions;
  private readonly ledger = new SharedLedger();
  private readonly board: NoticeBoard;
  private readonly directory: string;
  private readonly writer: JournalWriter;
  private readonly slowDisk: SlowDisk;
  private readonly thread: CourierThread;
  private readonly encode: (span: SpanData) => string;
  /** Of every record that came, also those that are dropped. */
  readonly accepted: Record<Signal, number> = { logs: 0, spans: 0 };
  readonly dropped: Record<Signal, Record<string, number>> = { logs: {}, spans: {} };
  readonly lastErrors: Partial<Record<Signal, string>> = {};
  private statsdDropped = 0;
  private pushesDropped = 0;
  backlogSince = 0;
  private startTimer: NodeJS.Timeout | undefined;
  private scheduled = false;
  private closing: Promise<void> | undefined;
  private closed = false;
  private readonly appendSoon = (): void => {
    this.scheduled = false;
    this.appendNow();
  };

  constructor(options: JournalSinkOptions) {
    this.options = options;
    this.encode =
      options.spans?.kind === 'otlp' ? createOtlpSpanEncoder(options.resource) : createZipkinEncoder(options.resource);
    this.board = new NoticeBoard(options.onNotice ?? ((text) => diag.notice(text)), options.quiet ?? false);
    const fingerprint = destinationFingerprint(options);
    this.directory = serviceDirectory(options.directory, options.resource.serviceName, fingerprint);
    for (const signal of SIGNALS) if (options[signal] === undefined) this.ledger.setState(signal, 'off');
    this.writer = new JournalWriter({
      root: options.directory,
      directory: this.directory,
      fingerprint,
      maxBytes: options.maxBytes,
      ledger: this.ledger,
      onDrop: (signal, reason, count) => this.drop(signal, reason, count),
      onOpen: (journal) => this.thread.post({ kind: 'journal', journal }),
      onTrouble: (reason, error) => this.board.disk(reason, detailOf(error), options.directory),
      onWrite: (millis) => this.slowDisk.noteWrite(millis),
    });
    this.slowDisk = new SlowDisk({
      ledger: this.ledger,
      // A worker that has started has counted something.
      canDefer: () => this.thread.running && this.ledger.cell('generation') > 0,
      onChange: (ring) => {
        this.board.slowDisk(ring !== undefined, options.directory);
        this.thread.post({ kind: 'ring', memory: ring?.memory });
      },
    });
    this.thread = new CourierThread({
      workerOptions: () => ({
        memory: this.ledger.memory,
        root: options.directory,
        directory: this.directory,
        maxBytes: options.maxBytes,
        fingerprint,
        service: options.resource.serviceName,
        maxAgeMillis: options.maxAgeMillis,
        logs: options.logs,
        spans: options.spans,
        statsd: options.statsd,
        push: options.push,
        tuning: { ...DELIVERY_TUNING, ...options.tuning },
        journal: this.writer.current,
        adopted: this.thread.adoptedJournals,
        deferred: this.thread.deferredJournals,
        ring: this.slowDisk.current?.memory,
      }),
      onMessage: (message) => this.hear(message),
    });
  }

  span(span: SpanData): void {
    if (this.options.spans === undefined) return;
    this.accepted.spans += 1;
    if (this.closed) {
      this.drop('spans', 'closed', 1);
      return;
    }
    try {
      if (this.append(KIND_OF_SIGNAL.spans, this.encode(span))) this.gathered();
    } catch (error) {
      reportBug('span encoding', error);
      this.drop('spans', 'internal', 1);
    }
  }

  log(document: string, atOnce: boolean): void {
    if (this.options.logs === undefined) return;
    this.accepted.logs += 1;
    if (this.closed) {
      this.drop('logs', 'closed', 1);
      return;
    }
    try {
      if (!this.append(KIND_OF_SIGNAL.logs, document)) return;
    } catch (error) {
      reportBug('log append', error);
      this.drop('logs', 'internal', 1);
      return;
    }
    if (atOnce) this.appendNow();
    else this.gathered();
  }

  /** @returns true when the record was gathered here and is to be written; false when it is no more this thread's matter */
  private append(kind: RecordKind, text: string): boolean {
    if (!this.slowDisk.isDeferring) {
      this.writer.append(kind, text);
      return true;
    }
    const reason = this.slowDisk.put(kind, text);
    if (reason !== undefined) this.drop(SIGNAL_OF_KIND[kind], reason, 1);
    this.startSoon();
    return false;
  }

  private gathered(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.appendSoon);
  }

  appendNow(): void {
    if (!this.writer.hasGathered) return;
    const idle = backlog(this.ledger) === 0;
    this.writer.flush();
    if (idle) this.backlogSince = Date.now();
    this.startSoon();
  }

  statsd(packets: readonly string[]): void {
    if (this.options.statsd === undefined || packets.length === 0) return;
    this.start();
    const waiting = this.ledger.get('statsd.posted') - this.ledger.get('statsd.handled');
    if (this.closed || !this.thread.running || waiting + packets.length > MAX_STATSD_WAITING) {
      this.statsdDropped += packets.length;
      return;
    }
    this.ledger.add('statsd.posted', packets.length);
    this.thread.post({ kind: 'statsd', packets });
  }

  push(page: MetricsPage): void {
    if (this.options.push === undefined) return;
    this.start();
    if (this.closed || !this.thread.running) {
      this.pushesDropped += 1;
      return;
    }
    this.ledger.add('push.posted', 1);
    this.thread.post({ kind: 'push', page });
  }

  start(): void {
    const { logs, spans, statsd, push } = this.options;
    if (this.closed || (logs ?? spans ?? statsd ?? push) === undefined) return;
    clearTimeout(this.startTimer);
    this.startTimer = undefined;
    this.thread.start();
  }

  private startSoon(): void {
    if (this.thread.running || this.startTimer !== undefined || this.closed) return;
    this.startTimer = runOutside(() => setTimeout(() => this.start(), START_DELAY_MILLIS).unref());
  }

  private drop(signal: Signal, reason: DropReason, count: number): void {
    const reasons = this.dropped[signal];
    reasons[reason] = (reasons[reason] ?? 0) + count;
  }

  private hear(message: FromWorker): void {
    if (message.kind === 'metrics') diag.warn('SIGHTLINE_W_BACKEND_DOWN', message.sentence);
    else if (message.kind === 'notice') this.board.backend(message.notice);
    else if (message.kind === 'error') {
      if (message.sentence === undefined) delete this.lastErrors[message.signal];
      else this.lastErrors[message.signal] = message.sentence;
    } else if (message.kind === 'adopted' && message.found > 0) {
      diag.info(`delivery: ${message.found} records of an earlier process are sent now`);
    } else if (message.kind === 'disk') this.board.disk(message.reason, message.detail, this.options.directory);
    else if (message.kind === 'damaged') this.board.damaged(message.path);
    else if (message.kind === 'elsewhere')
      this.board.elsewhere(message.records, message.root, this.options.maxAgeMillis);
  }

  status(): DeliveryStatus {
    this.appendNow();
    return {
      ...ledgerStatus(this.ledger, this),
      journalBytes: this.writer.bytes,
      ...(this.options.statsd !== undefined && { statsd: this.statsdCounts() }),
      ...(this.options.push !== undefined && { pushes: bestEffort(this.ledger, 'push', this.pushesDropped) }),
    };
  }

  statsdCounts(): BestEffortCounts {
    return bestEffort(this.ledger, 'statsd', this.statsdDropped);
  }

  async flush(timeoutMillis: number): Promise<void> {
    this.appendNow();
    this.takeBack();
    const unsettled = untilSettled(this.ledger);
    if (this.closed || !unsettled()) return;
    const { ledger } = this;
    this.start();
    const end = performance.now() + timeoutMillis;
    let over: NodeJS.Timeout | undefined;
    let looking: NodeJS.Timeout | undefined;
    const look = (): Promise<void> =>
      new Promise((resolve) => {
        looking = setTimeout(resolve, LOOK_MILLIS);
      });
    // It also keeps the process alive while it waits: waitAsync does not.
    const deadline = new Promise<void>((resolve) => {
      over = setTimeout(resolve, timeoutMillis);
    });
    ledger.signal('urgent');
    while (performance.now() < end) {
      const progress = ledger.cell('progress');
      if (!unsettled()) break;
      await Promise.race([deadline, ledger.wait('progress', progress, LOOK_MILLIS), look()]);
      clearTimeout(looking);
    }
    clearTimeout(over);
  }

  drainSync(timeoutMillis: number): void {
    this.appendNow();
    if (this.closed) return;
    this.takeBack();
    const { ledger } = this;
    const unsettled = untilSettled(this.ledger);
    const hopeful = (): boolean =>
      SIGNALS.some(
        (signal) => (ledger.onDisk(signal) > 0 && ledger.state(signal) !== 'failing') || ledger.inMemory(signal) > 0,
      ) || isUnderWay(ledger);
    if (unsettled() && hopeful()) {
      this.start();
      const end = performance.now() + timeoutMillis;
      ledger.signal('urgent');
      for (let left = timeoutMillis; left > 0; left = end - performance.now()) {
        const progress = ledger.cell('progress');
        if (!unsettled() || !hopeful()) break;
        ledger.waitSync('progress', progress, Math.min(left, LOOK_MILLIS));
      }
    }
    // A process that ends with nothing to send leaves nothing behind.
    if (
      this.ledger.get('written.logs') + this.ledger.get('written.spans') > 0 &&
      !SIGNALS.some((signal) => this.ownBacklog(signal) > 0)
    ) {
      this.writer.discard();
    }
  }

  /** What waits in memory for a worker that does not run is written here: before an end, a slow write is better than none. */
  private takeBack(): void {
    if (this.thread.running) return;
    this.slowDisk.takeBack((kind, payload, timeMillis) => this.writer.appendBytes(kind, payload, timeMillis));
    this.appendNow();
  }

  private ownBacklog(signal: Signal): number {
    return this.ledger.get(`written.${signal}`) - this.ledger.get(`settled.${signal}`);
  }

  close(timeoutMillis: number): Promise<void> {
    this.closing ??= this.end(timeoutMillis);
    return this.closing;
  }

  private async end(timeoutMillis: number): Promise<void> {
    const end = performance.now() + timeoutMillis;
    await this.flush(Math.max(0, timeoutMillis - MIN_STOP_MILLIS));
    this.appendNow();
    this.closed = true;
    clearTimeout(this.startTimer);
    await this.thread.stop(Math.max(MIN_STOP_MILLIS, end - performance.now()));
    // What the disk did not take in time.
    this.slowDisk.takeBack((kind) => this.drop(SIGNAL_OF_KIND[kind], 'slow_disk', 1));
    const journal = this.writer.close();
    if (journal === undefined) return;
    if (SIGNALS.every((signal) => this.ownBacklog(signal) === 0)) {
      removeJournal(journal.path);
      return;
    }
    try {
      // Given back: the next process of this service takes it without asking who we were.
      renameSync(journal.path, join(dirname(journal.path), journalName(undefined, journal.journalId)));
    } catch (error) {
      diag.debug(`the journal stays ours until the process ends: ${String(error)}`);
    }
  }
}

function detailOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}

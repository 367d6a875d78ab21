import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createOtlpSpanEncoder } from '../codec/otlp-span.ts';
import { createZipkinEncoder } from '../codec/zipkin-v2.ts';
import { runOutside } from '../context/context.ts';
import { diag } from '../core/diag.ts';
import { reportBug } from '../core/fence.ts';
import type { SpanData } from '../model/span.ts';
import type {
  BestEffortCounts,
  DeadLetterCounts,
  DeliveryCounts,
  DeliveryStatus,
  MetricsPage,
  Signal,
  TelemetrySink,
} from '../model/telemetry-sink.ts';
import { CourierThread } from './courier-thread.ts';
import { DELIVERY_TUNING, destinationFingerprint, type JournalSinkOptions } from './delivery-options.ts';
import { journalName, removeJournal, serviceDirectory } from './journal/journal-directory.ts';
import { type DropReason, JournalWriter } from './journal/journal-writer.ts';
import { KIND_OF_SIGNAL } from './journal/record-kind.ts';
import { NoticeBoard } from './notice-board.ts';
import { SharedLedger, WORKER_DROPS } from './shared-ledger.ts';
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
  private readonly thread: CourierThread;
  private readonly encode: (span: SpanData) => string;
  private readonly accepted: Record<Signal, number> = { logs: 0, spans: 0 };
  private readonly dropped: Record<Signal, Record<string, number>> = { logs: {}, spans: {} };
  private readonly lastErrors: Partial<Record<Signal, string>> = {};
  private statsdAccepted = 0;
  private statsdDropped = 0;
  private pushesDropped = 0;
  private backlogSince = 0;
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
      onTrouble: (reason, error) => this.board.disk(reason, error, options.directory),
    });
    this.thread = new CourierThread({
      workerOptions: () => ({
        memory: this.ledger.memory,
        directory: this.directory,
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
      this.writer.append(KIND_OF_SIGNAL.spans, this.encode(span));
    } catch (error) {
      reportBug('span encoding', error);
      this.drop('spans', 'internal', 1);
      return;
    }
    this.gathered();
  }

  log(document: string, atOnce: boolean): void {
    if (this.options.logs === undefined) return;
    this.accepted.logs += 1;
    if (this.closed) {
      this.drop('logs', 'closed', 1);
      return;
    }
    try {
      this.writer.append(KIND_OF_SIGNAL.logs, document);
    } catch (error) {
      reportBug('log append', error);
      this.drop('logs', 'internal', 1);
      return;
    }
    if (atOnce) this.appendNow();
    else this.gathered();
  }

  private gathered(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.appendSoon);
  }

  appendNow(): void {
    if (!this.writer.hasGathered) return;
    const idle = this.backlog() === 0;
    this.writer.flush();
    if (idle) this.backlogSince = Date.now();
    this.startSoon();
  }

  statsd(packets: readonly string[]): void {
    if (this.options.statsd === undefined || packets.length === 0) return;
    this.statsdAccepted += packets.length;
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
    }
  }

  private backlog(): number {
    return this.ledger.onDisk('logs') + this.ledger.onDisk('spans');
  }

  private counts(signal: Signal): DeliveryCounts {
    const { ledger } = this;
    const dropped: Record<string, number> = { ...this.dropped[signal] };
    for (const reason of WORKER_DROPS) {
      const count = ledger.get(`${reason}.${signal}`);
      if (count > 0) dropped[reason] = count;
    }
    return {
      accepted: this.accepted[signal] + ledger.get(`found.${signal}`),
      delivered: ledger.get(`delivered.${signal}`),
      sentUnconfirmed: ledger.get(`sentUnconfirmed.${signal}`),
      onDisk: ledger.onDisk(signal),
      deadLettered: ledger.get(`deadLettered.${signal}`),
      dropped,
    };
  }

  private deadLetters(signal: Signal): DeadLetterCounts {
    const { ledger } = this;
    return { waiting: ledger.get(`deadLetters.${signal}`), expired: ledger.get(`deadLettersExpired.${signal}`) };
  }

  status(): DeliveryStatus {
    this.appendNow();
    const { ledger } = this;
    const times = SIGNALS.map((signal) => ledger.get(`oldestMillis.${signal}`)).filter((time) => time > 0);
    const oldest = times.length > 0 ? Math.min(...times) : this.backlogSince;
    return {
      logs: this.counts('logs'),
      spans: this.counts('spans'),
      journalBytes: this.writer.bytes,
      oldestUnsentSeconds: this.backlog() === 0 || oldest === 0 ? 0 : Math.max(0, (Date.now() - oldest) / 1000),
      couriers: { logs: ledger.state('logs'), spans: ledger.state('spans') },
      // Sentences come by message, a little later than states.
      lastErrors: Object.fromEntries(
        Object.entries(this.lastErrors).filter(([signal]) => ledger.state(signal as Signal) === 'failing'),
      ),
      deadLetters: { logs: this.deadLetters('logs'), spans: this.deadLetters('spans') },
      ...(this.options.statsd !== undefined && { statsd: this.statsdCounts() }),
      ...(this.options.push !== undefined && { pushes: this.pushCounts() }),
    };
  }

  statsdCounts(): BestEffortCounts {
    const failed = this.ledger.get('statsd.failed');
    return {
      accepted: this.statsdAccepted,
      sent: this.ledger.get('statsd.handled') - failed,
      dropped: this.statsdDropped + failed,
    };
  }

  private pushCounts(): BestEffortCounts {
    const failed = this.ledger.get('push.failed');
    return {
      accepted: this.ledger.get('push.posted') + this.pushesDropped,
      sent: this.ledger.get('push.handled') - failed,
      dropped: this.pushesDropped + failed,
    };
  }

  /** Whether packets or pages are on their way. */
  private underWay(posted = this.posted()): boolean {
    const { ledger } = this;
    return ledger.get('statsd.handled') < posted.statsd || ledger.get('push.handled') < posted.push;
  }

  private posted(): { statsd: number; push: number } {
    return { statsd: this.ledger.get('statsd.posted'), push: this.ledger.get('push.posted') };
  }

  /** What a caller that waits has to wait for: everything accepted until now. */
  private unsettled(): () => boolean {
    const { ledger } = this;
    const goals = SIGNALS.map((signal) => ({ signal, written: ledger.get(`written.${signal}`) }));
    const posted = this.posted();
    return () =>
      this.underWay(posted) || goals.some(({ signal, written }) => ledger.get(`settled.${signal}`) < written);
  }

  async flush(timeoutMillis: number): Promise<void> {
    this.appendNow();
    const unsettled = this.unsettled();
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
    const { ledger } = this;
    const unsettled = this.unsettled();
    const hopeful = (): boolean =>
      SIGNALS.some((signal) => ledger.onDisk(signal) > 0 && ledger.state(signal) !== 'failing') || this.underWay();
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

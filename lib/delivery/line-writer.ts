import { writeSync } from 'node:fs';
import { runOutside } from '../context/context.ts';
import type { Outcomes } from './outcomes.ts';

const STANDARD_OUTPUT = 1;
/** Bytes of lines that may wait for a reader that is slower than the process: about a thousand spans. */
const MAX_WAITING_BYTES = 1024 ** 2;
/** How often a full pipe is tried again, milliseconds. */
const RETRY_MILLIS = 10;
/** What a write fails with when nobody will ever read: the pipe, the terminal or the descriptor is gone. */
const GONE = new Set(['EPIPE', 'EBADF', 'EIO', 'ENXIO', 'ECONNRESET', 'ENOTCONN']);

/** Writes as much of the bytes as there is room for. @throws as `writeSync` of `node:fs` does */
export type WriteBytes = (bytes: Uint8Array) => number;

export interface LineWriterOptions {
  /** Told what became of each line; whoever hands a line over has had it accepted there. */
  readonly outcomes: Outcomes;
  /** Default: standard output. */
  readonly write?: WriteBytes;
  /** Bytes that wait at most. Default 1 MiB. */
  readonly maxWaitingBytes?: number;
}

/**
 * Lines on standard output that never hold the app: a line is written at once, straight to the descriptor, and is out when
 * `print` returns; while the pipe is full, lines wait within a bound, and what comes beyond it is dropped and counted.
 * Whole lines leave by one write each: on a pipe, writes of up to 4 KiB are not mixed with those of others (POSIX, PIPE_BUF).
 */
export class LineWriter {
  private readonly outcomes: Outcomes;
  private readonly write: WriteBytes;
  private readonly maxWaitingBytes: number;
  /** The first may be a rest. */
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private gone: unknown;
  private closed = false;

  constructor({ outcomes, write, maxWaitingBytes }: LineWriterOptions) {
    this.outcomes = outcomes;
    this.write = write ?? ((bytes) => writeSync(STANDARD_OUTPUT, bytes));
    this.maxWaitingBytes = maxWaitingBytes ?? MAX_WAITING_BYTES;
  }

  /** @param line without its end */
  print(line: string): void {
    if (this.closed) {
      this.outcomes.drop('closed', 1);
      return;
    }
    if (this.gone !== undefined) {
      this.outcomes.drop('output_closed', 1, this.gone);
      return;
    }
    const bytes = Buffer.from(`${line}\n`);
    if (this.waitingBytes + bytes.length > this.maxWaitingBytes) {
      this.outcomes.drop('output_full', 1, new Error('standard output is not read as fast as spans end'));
      return;
    }
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    // With a retry under way the pipe was full a moment ago.
    if (this.timer === undefined) this.printWaiting();
  }

  /** Writes what waits, as far as there is room. */
  printWaiting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.waiting.length > 0) {
      if (this.printFirst()) continue;
      // Whoever waits keeps the process alive; the end of the process has `printWithin`.
      this.timer = runOutside(() => setTimeout(() => this.printWaiting(), RETRY_MILLIS).unref());
      return;
    }
  }

  /** @returns false when there is no room now */
  private printFirst(): boolean {
    const [first] = this.waiting as [Uint8Array];
    let written: number;
    try {
      written = this.write(first);
    } catch (error) {
      return this.failed(error);
    }
    this.waitingBytes -= written;
    if (written < first.length) {
      this.waiting[0] = first.subarray(written);
      return written > 0;
    }
    this.waiting.shift();
    this.outcomes.deliver(1);
    return true;
  }

  private failed(error: unknown): boolean {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return false;
    if (code !== undefined && GONE.has(code)) {
      this.gone = error;
      this.dropWaiting('output_closed', error);
    } else {
      // A full disk may have room again for the next line.
      const first = this.waiting.shift();
      this.waitingBytes -= first?.length ?? 0;
      this.outcomes.drop('output_error', 1, error);
    }
    return true;
  }

  private dropWaiting(reason: string, error?: unknown): void {
    const count = this.waiting.length;
    this.waiting = [];
    this.waitingBytes = 0;
    this.outcomes.drop(reason, count, error);
  }

  /** Blocks until nothing waits, at most `millis`. */
  printWithin(millis: number): void {
    const end = performance.now() + millis;
    this.printWaiting();
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    while (this.waiting.length > 0 && performance.now() < end) {
      Atomics.wait(nobody, 0, 0, 1);
      this.printWaiting();
    }
  }

  /** What still waits is dropped. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.printWaiting();
    clearTimeout(this.timer);
    this.dropWaiting('output_full');
    this.closed = true;
  }
}

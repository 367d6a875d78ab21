import { closeSync, fdatasyncSync, fstatSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Signal } from '../../model/telemetry-sink.ts';
import { appendPrivate } from '../journal/private-files.ts';
import type { JournalRecord } from '../journal/segment-format.ts';

/** What the file may grow to, bytes. Past it, records that no backend takes are dropped and counted. */
const MAX_BYTES = 32 * 1024 ** 2;
export const DEAD_LETTERS_FILE = 'dead-letters.ndjson';

/** One line of the file. */
export interface DeadLetter {
  /** When it was set aside, RFC 3339. */
  readonly at: string;
  /** When it was accepted, RFC 3339. */
  readonly accepted: string;
  readonly signal: Signal;
  readonly id: string;
  readonly destination: string;
  readonly reason: string;
  /** The record as it was sent, byte for byte. */
  readonly record: string;
}

/**
 * Records that their backend will never take, with the reason: one JSON object a line, appended in one write, so that
 * several processes of a service can share the file.
 */
export class DeadLetters {
  private readonly path: string;

  /** @param directory of the service */
  constructor(directory: string) {
    this.path = join(directory, DEAD_LETTERS_FILE);
  }

  /** @returns false when it could not be kept */
  add(signal: Signal, id: string, destination: string, reason: string, record: JournalRecord): boolean {
    const letter: DeadLetter = {
      at: new Date().toISOString(),
      accepted: new Date(record.timeMillis).toISOString(),
      signal,
      id,
      destination,
      reason,
      record: record.payload.toString(),
    };
    const line = Buffer.from(`${JSON.stringify(letter)}\n`);
    let fd = -1;
    try {
      fd = appendPrivate(this.path);
      if (fstatSync(fd).size + line.length > MAX_BYTES) return false;
      if (writeSync(fd, line) < line.length) return false;
      // From here on the journal may forget it.
      fdatasyncSync(fd);
      return true;
    } catch {
      return false;
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }
}

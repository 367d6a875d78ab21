import type { Refusal } from '../../codec/es-bulk.ts';
import type { Signal } from '../../model/telemetry-sink.ts';
import type { DeadLetter } from '../journal/dead-letter.ts';
import {
  appendLetters,
  closeCurrent,
  deadLetterFiles,
  firstLetterMillis,
  readLetters,
} from '../journal/dead-letter-files.ts';
import { removeFile } from '../journal/journal-directory.ts';
import type { Parcel } from './parcel.ts';

/** What all files of a service may take together, bytes. Past it, records that no backend takes are dropped and counted. */
const MAX_DEAD_LETTER_BYTES = 32 * 1024 ** 2;
/** A file is closed at this size, and once its first letter is a day old, because files are deleted as a whole. */
const CLOSE_BYTES = 1024 ** 2;
const CLOSE_MILLIS = 24 * 3_600_000;
/** Dead letters are deleted, and counted, after this long: over a weekend and some days more, for somebody to look at them. */
const MAX_DEAD_LETTER_MILLIS = 7 * 24 * 3_600_000;

/** How a record was sent so far. */
export interface Trail {
  readonly attempts: number;
  /** Of the first attempt, milliseconds since the epoch; 0 before it. */
  readonly firstMillis: number;
}

/** A record that is refused. */
export interface Refused {
  /** Its place in the parcel. */
  readonly at: number;
  readonly refusal: Refusal;
}

export interface DeadLettersOptions {
  /** Of the service and its destination. */
  readonly directory: string;
  readonly service: string;
  readonly fingerprint: string;
  /** Told how many letters there are now, and how many were too old and are gone. */
  readonly onCount: (counts: Readonly<Record<Signal, { readonly waiting: number; readonly expired: number }>>) => void;
  /** Told how many were added. */
  readonly onAdd: (signal: Signal, count: number) => void;
  /** For tests. */
  readonly nowMillis?: () => number;
}

/** The dead letters of a service, as a worker adds to them: bounded in bytes and age. */
export class DeadLetters {
  private readonly options: DeadLettersOptions;
  private readonly now: () => number;
  /** How many letters a file has, as long as it has this size. */
  private readonly counted = new Map<string, { readonly bytes: number; readonly waiting: Record<Signal, number> }>();

  constructor(options: DeadLettersOptions) {
    this.options = options;
    this.now = options.nowMillis ?? Date.now;
  }

  /** @returns how many could be kept: all or none */
  add(destination: string, signal: Signal, parcel: Parcel, refused: readonly Refused[], trail: Trail): number {
    if (refused.length === 0) return 0;
    const letters = refused.map(({ at, refusal }) => this.letter({ destination, signal, parcel, at, refusal, trail }));
    try {
      // A batch is 1 MiB: what it adds beyond the bound is bounded too.
      const bytes = deadLetterFiles(this.options.directory).reduce((sum, file) => sum + file.bytes, 0);
      if (bytes >= MAX_DEAD_LETTER_BYTES) return 0;
      appendLetters(this.options.directory, letters);
      this.options.onAdd(signal, letters.length);
      return letters.length;
    } catch {
      return 0;
    }
  }

  private letter(found: {
    destination: string;
    signal: Signal;
    parcel: Parcel;
    at: number;
    refusal: Refusal;
    trail: Trail;
  }): DeadLetter {
    const { destination, signal, parcel, at, refusal, trail } = found;
    const before = parcel.before(at);
    const last = new Date(this.now()).toISOString();
    return {
      last,
      first: before?.first ?? (trail.firstMillis === 0 ? last : new Date(trail.firstMillis).toISOString()),
      accepted: before?.accepted ?? new Date(parcel.timeMillis(at)).toISOString(),
      attempts: trail.attempts + (before?.attempts ?? 0),
      signal,
      id: parcel.id(at),
      service: this.options.service,
      destination,
      fingerprint: this.options.fingerprint,
      ...refusal,
      record: parcel.record(at).payload.toString(),
    };
  }

  /** Closes the file that is appended to when it is time, deletes what is too old, and counts what is there. Never throws. */
  tend(): void {
    const { directory, onCount } = this.options;
    const counts = { logs: { waiting: 0, expired: 0 }, spans: { waiting: 0, expired: 0 } };
    for (const file of deadLetterFiles(directory)) {
      const waiting = this.count(file);
      const expired = this.now() - file.modifiedMillis > MAX_DEAD_LETTER_MILLIS && removeFile(file.path) > 0;
      for (const signal of ['logs', 'spans'] as const)
        counts[signal][expired ? 'expired' : 'waiting'] += waiting[signal];
      if (expired) this.counted.delete(file.path);
      else if (file.id === undefined && this.isToClose(file)) closeCurrent(directory);
    }
    onCount(counts);
  }

  private isToClose({ path, bytes }: { path: string; bytes: number }): boolean {
    return bytes >= CLOSE_BYTES || this.now() - (firstLetterMillis(path) ?? this.now()) > CLOSE_MILLIS;
  }

  private count({ path, bytes }: { path: string; bytes: number }): Record<Signal, number> {
    const known = this.counted.get(path);
    if (known?.bytes === bytes) return known.waiting;
    const waiting: Record<Signal, number> = { logs: 0, spans: 0 };
    for (const { signal } of readLetters(path)) waiting[signal] += 1;
    this.counted.set(path, { bytes, waiting });
    return waiting;
  }
}

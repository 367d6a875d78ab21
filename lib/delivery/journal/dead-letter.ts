import type { Signal } from '../../model/telemetry-sink.ts';

/** A record that its backend will never take as it is, with the reason: one line of the files of dead letters, as JSON. */
export interface DeadLetter {
  /** When it was refused for good, RFC 3339. The first member of each line, so that the age of a file is told by its head. */
  readonly last: string;
  /** First attempt to send it; the same as `last` when there was one alone. */
  readonly first: string;
  /** When the app's record was appended to the journal. */
  readonly accepted: string;
  /** Requests that it has been in. */
  readonly attempts: number;
  readonly signal: Signal;
  /** Under which its receiver knows copies of it: the same when it is sent again. */
  readonly id: string;
  readonly service: string;
  /** As it may be shown: without credentials and query. */
  readonly destination: string;
  /** Of service and destinations, 32 hex digits: what a journal is meant for. */
  readonly fingerprint: string;
  /** HTTP status of the answer, or of its part about this record; null when it was not sent at all. */
  readonly status: number | null;
  /** What is wrong with it, in one sentence. */
  readonly reason: string;
  /** What to do about it, in one sentence. */
  readonly fix: string;
  /** Excerpt of the answer. */
  readonly response: string;
  /** The record as it was to be sent, byte for byte. */
  readonly record: string;
}

/** What names a letter: its signal, since logs and spans are numbered each for themselves, and its ID. */
export function letterKey(letter: Pick<DeadLetter, 'signal' | 'id'>): string {
  return `${letter.signal}-${letter.id}`;
}

/** @returns undefined for a line that is none: cut off by a full disk, or of another version */
export function parseLetter(line: string): DeadLetter | undefined {
  try {
    const letter = JSON.parse(line) as Partial<DeadLetter> | null;
    const whole =
      typeof letter?.id === 'string' &&
      typeof letter.record === 'string' &&
      typeof letter.fingerprint === 'string' &&
      typeof letter.last === 'string' &&
      (letter.signal === 'logs' || letter.signal === 'spans');
    return whole ? (letter as DeadLetter) : undefined;
  } catch {
    return undefined;
  }
}

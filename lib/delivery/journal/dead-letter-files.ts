import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SightlineError } from '../../errors.ts';
import { type DeadLetter, letterKey, parseLetter } from './dead-letter.ts';
import { removeFile } from './journal-directory.ts';
import { LeaseWatch } from './lease.ts';
import { currentOwner, ownerName, parseOwner } from './owner.ts';
import { appendPrivate, createPrivate, readPrivate } from './private-files.ts';

/**
 * The files of dead letters of one service and destination, beside its journals; one JSON object a line.
 *
 * - `dead-letters.ndjson` is appended to by every process of the service.
 * - `dead-letters-ID.ndjson` is closed: nothing is added any more. A file is closed by renaming it; who was just writing
 *   notices that the name has gone from under it, and writes again.
 * - `dead-letters-ID~OWNER.ndjson` is being changed by `sightline dlq`; when the owner is gone, it is as good as closed.
 */
const CURRENT = 'dead-letters.ndjson';
const NAME = /^dead-letters(?:-([0-9a-f]{16})(?:~([0-9a-z.]+))?)?\.ndjson$/;
/** Tries to append while others keep closing the file. */
const MAX_TRIES = 5;
const LINE_FEED = 10;

export interface DeadLetterFile {
  readonly name: string;
  readonly path: string;
  /** Undefined for the one that is appended to. */
  readonly id: string | undefined;
  /** Who is changing it. */
  readonly owner: string | undefined;
  readonly bytes: number;
  /** Of its last letter, milliseconds since the epoch. */
  readonly modifiedMillis: number;
}

/** All files of a service, the oldest first. */
export function deadLetterFiles(directory: string): DeadLetterFile[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .flatMap((name): DeadLetterFile[] => {
      const match = NAME.exec(name);
      if (match === null) return [];
      const path = join(directory, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isFile() !== true) return [];
      return [{ name, path, id: match[1], owner: match[2], bytes: found.size, modifiedMillis: found.mtimeMs }];
    })
    .sort((one, two) => one.modifiedMillis - two.modifiedMillis);
}

/** The letters of one file; what cannot be read, or is no letter, is left out. */
export function readLetters(path: string): DeadLetter[] {
  let text = '';
  try {
    const fd = readPrivate(path);
    try {
      text = readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
  return text
    .split('\n')
    .map(parseLetter)
    .filter((letter) => letter !== undefined);
}

/** All letters of a service, the oldest first, each once: one that was refused again counts as it is now. */
export function allLetters(directory: string): DeadLetter[] {
  const byKey = new Map<string, DeadLetter>();
  for (const { path } of deadLetterFiles(directory)) {
    for (const letter of readLetters(path)) {
      const known = byKey.get(letterKey(letter));
      if (known === undefined || known.last <= letter.last) byKey.set(letterKey(letter), letter);
    }
  }
  return [...byKey.values()].sort((one, two) => (one.last < two.last ? -1 : one.last > two.last ? 1 : 0));
}

/**
 * Appends letters in one write and sees to it that they are on the disk.
 * @throws system errors; then none of them is there, or only parts that no reader takes for a letter
 */
export function appendLetters(directory: string, letters: readonly DeadLetter[]): void {
  const path = join(directory, CURRENT);
  const lines = Buffer.from(letters.map((letter) => `${JSON.stringify(letter)}\n`).join(''));
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const fd = appendPrivate(path);
    try {
      // A line that a full disk has cut off would swallow the next one.
      const bytes = endsInLine(fd) ? Buffer.concat([Buffer.from('\n'), lines]) : lines;
      if (writeSync(fd, bytes) < bytes.length) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      fdatasyncSync(fd);
      if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return;
    } finally {
      closeSync(fd);
    }
  }
  throw new Error('the file is closed again and again');
}

function endsInLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== LINE_FEED;
}

/** Closes the file that is appended to, if there is one. */
export function closeCurrent(directory: string): void {
  try {
    renameSync(join(directory, CURRENT), join(directory, `dead-letters-${randomBytes(8).toString('hex')}.ndjson`));
  } catch {
    // None there, or another process was quicker.
  }
}

/** The time of the first letter of a file, milliseconds since the epoch, told by its head; undefined for an empty one. */
export function firstLetterMillis(path: string): number | undefined {
  try {
    const fd = readPrivate(path);
    try {
      const head = Buffer.alloc(64);
      const text = head.toString('latin1', 0, readSync(fd, head, 0, head.length, 0));
      const millis = Date.parse(/^\{"last":"([^"]+)"/.exec(text)?.[1] ?? '');
      return Number.isNaN(millis) ? undefined : millis;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/**
 * Takes letters out, also while the service runs.
 *
 * @param chosen which ones
 * @param use what is done with them; when it throws, everything stays as it was. A process that dies after it and before
 *   the end leaves them in the files too: whatever is done with a letter must bear being done twice
 * @returns the letters that were taken out
 * @throws SightlineError SIGHTLINE_E_DLQ_BUSY while another process does the same
 */
export function takeLetters(
  directory: string,
  chosen: (letter: DeadLetter) => boolean,
  use: (letters: readonly DeadLetter[]) => void,
): DeadLetter[] {
  closeCurrent(directory);
  const claimed = claimAll(directory);
  let taken: DeadLetter[] = [];
  const kept = new Map<DeadLetterFile, DeadLetter[]>();
  try {
    const byKey = new Map<string, DeadLetter>();
    for (const file of claimed) {
      const letters = readLetters(file.path);
      kept.set(
        file,
        letters.filter((letter) => !chosen(letter)),
      );
      for (const letter of letters) if (chosen(letter)) byKey.set(letterKey(letter), letter);
    }
    taken = [...byKey.values()];
    if (taken.length > 0) use(taken);
  } catch (error) {
    for (const file of claimed) release(directory, file);
    throw error;
  }
  for (const file of claimed) replace(directory, file, kept.get(file) ?? []);
  return taken;
}

function claimAll(directory: string): DeadLetterFile[] {
  const self = currentOwner();
  const leases = new LeaseWatch();
  const claimed: DeadLetterFile[] = [];
  for (const file of deadLetterFiles(directory)) {
    if (file.id === undefined) continue;
    const holder = file.owner === undefined ? undefined : parseOwner(file.owner);
    const busy = holder !== undefined && !leases.isGone(holder, self, file.path);
    const name = `dead-letters-${file.id}~${ownerName(self)}.ndjson`;
    const path = join(directory, name);
    try {
      if (busy) throw new Error('held');
      renameSync(file.path, path);
    } catch {
      for (const own of claimed) release(directory, own);
      throw new SightlineError(
        'SIGHTLINE_E_DLQ_BUSY',
        `got dead letters in ${directory} that process ${holder?.pid ?? '(another)'} is changing, wanted them to be left alone; try again when it has ended`,
      );
    }
    claimed.push({ ...file, name, path });
  }
  return claimed;
}

function release(directory: string, file: DeadLetterFile): void {
  renameSync(file.path, join(directory, `dead-letters-${file.id}.ndjson`));
}

/** Puts what is kept in place of a claimed file, with its age: that is what it is deleted by. */
function replace(directory: string, file: DeadLetterFile, letters: readonly DeadLetter[]): void {
  if (letters.length > 0) {
    const path = join(directory, `dead-letters-${file.id}.ndjson`);
    // Of a process that died over it.
    removeFile(`${path}.new`);
    const fd = createPrivate(`${path}.new`);
    try {
      writeFileSync(fd, letters.map((letter) => `${JSON.stringify(letter)}\n`).join(''));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    utimesSync(`${path}.new`, new Date(), new Date(file.modifiedMillis));
    renameSync(`${path}.new`, path);
  }
  unlinkSync(file.path);
}

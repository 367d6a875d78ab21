import { lstatSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Owner, ownerName, parseOwner, RELEASED } from './owner.ts';
import { segmentNumber } from './segment-format.ts';

/**
 * One service and destination has one directory; in it each process has its journal, a directory named
 * `owner~journal ID`. The name is the lock: a journal changes hands by one atomic rename, which only one process wins.
 */
export interface JournalEntry {
  readonly path: string;
  /** Undefined: released, nobody's. */
  readonly owner: Owner | undefined;
  /** 16 hex digits. */
  readonly journalId: string;
}

const ENTRY = /^([0-9a-z.]+)~([0-9a-f]{16})$/;

/** The directory of one service and destination below the data directory. */
export function serviceDirectory(root: string, serviceName: string, fingerprint: string): string {
  const readable = serviceName
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '_')
    .slice(0, 60);
  return join(root, `${readable}-${fingerprint.slice(0, 12)}`);
}

export function journalName(owner: Owner | undefined, journalId: string): string {
  return `${owner === undefined ? RELEASED : ownerName(owner)}~${journalId}`;
}

/** All journals of a service, of the living and the dead; names that are not ours are left alone. */
export function listJournals(directory: string): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const name of readNames(directory)) {
    const match = ENTRY.exec(name);
    if (match === null) continue;
    const owner = match[1] === RELEASED ? undefined : parseOwner(match[1]!);
    if (owner === undefined && match[1] !== RELEASED) continue;
    entries.push({ path: join(directory, name), owner, journalId: match[2]! });
  }
  return entries;
}

/** Numbers of the segments of one journal, ascending. */
export function listSegments(path: string): number[] {
  return readNames(path)
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}

/** Takes a journal over. @returns its new path, or undefined when somebody else was quicker */
export function claimJournal(directory: string, entry: JournalEntry, owner: Owner | undefined): string | undefined {
  const path = join(directory, journalName(owner, entry.journalId));
  try {
    // Links are nobody's journal: renaming one would be harmless, following it later would not.
    if (!lstatSync(entry.path).isDirectory()) return undefined;
    renameSync(entry.path, path);
    return path;
  } catch {
    // A network file system may repeat a rename whose answer was lost, and then find nothing to rename. The new name is
    // ours alone, so that it exists means that we have done it. Nobody's name proves nothing.
    return owner !== undefined && isDirectory(path) ? path : undefined;
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Bytes of all files of a journal; 0 when it is gone. */
export function journalBytes(path: string): number {
  let bytes = 0;
  for (const name of readNames(path)) bytes += fileBytes(join(path, name));
  return bytes;
}

export function fileBytes(path: string): number {
  try {
    return lstatSync(path).size;
  } catch {
    return 0;
  }
}

/** Deletes a file; one that is gone already is fine. @returns bytes freed */
export function removeFile(path: string): number {
  const bytes = fileBytes(path);
  try {
    unlinkSync(path);
    return bytes;
  } catch {
    return 0;
  }
}

/** Deletes a journal with everything in it. */
export function removeJournal(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // What cannot be deleted is found and tried again by the next process.
  }
}

function readNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

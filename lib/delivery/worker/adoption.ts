import { closeSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import {
  claimJournal,
  type JournalEntry,
  listJournals,
  listSegments,
  removeFile,
} from '../journal/journal-directory.ts';
import type { OpenedJournal } from '../journal/journal-writer.ts';
import { isGone, type Owner } from '../journal/owner.ts';
import { readPrivate } from '../journal/private-files.ts';
import type { RecordKind } from '../journal/record-kind.ts';
import { segmentName } from '../journal/segment-format.ts';
import { lastNumbers, readHeader } from '../journal/segment-reader.ts';
import { DAMAGED_SUFFIX, type Journal } from './journal.ts';

/**
 * Takes over the journals of processes of this service that are gone.
 * @param known IDs of the journals that this process holds already
 */
export function adoptOrphans(
  directory: string,
  self: Owner,
  fingerprint: string,
  known: ReadonlySet<string>,
): OpenedJournal[] {
  const adopted: OpenedJournal[] = [];
  const now = Date.now();
  for (const entry of listJournals(directory)) {
    if (known.has(entry.journalId)) continue;
    if (entry.owner !== undefined && isSame(entry.owner, self)) continue;
    if (entry.owner !== undefined && !isGone(entry.owner, self, entry.path, now)) continue;
    if (!isOurs(entry, fingerprint)) continue;
    const path = claimJournal(directory, entry, self);
    if (path !== undefined) adopted.push({ path, journalId: entry.journalId });
  }
  return adopted;
}

function isSame(a: Owner, b: Owner): boolean {
  return a.boot === b.boot && a.namespace === b.namespace && a.pid === b.pid && a.start === b.start;
}

/** Every readable segment is meant for our destination and in a format that we know; one without a header holds nothing against it. */
function isOurs(entry: JournalEntry, fingerprint: string): boolean {
  return listSegments(entry.path).every((segment) => {
    try {
      const fd = readPrivate(join(entry.path, segmentName(segment)));
      try {
        const header = readHeader(fd);
        return header !== 'newer' && (header === undefined || header.fingerprint === fingerprint);
      } finally {
        closeSync(fd);
      }
    } catch {
      return false;
    }
  });
}

/** How many records of a kind a journal that nobody writes still holds, told by their numbers. */
export function countUnsettled(journal: Journal, kind: RecordKind): number {
  for (const segment of listSegments(journal.path).reverse()) {
    const last = lastNumbers(journal.path, segment);
    if (last !== undefined) return Math.max(0, last[kind] - journal.settledBefore(kind));
  }
  return 0;
}

/** Shows other hosts and containers, which cannot see our process, that the journals have an owner. */
export function touchJournals(paths: readonly string[]): void {
  const now = new Date();
  for (const path of paths) {
    try {
      utimesSync(path, now, now);
    } catch {
      // Deleted meanwhile, or a disk that takes nothing.
    }
  }
}

/** Deletes what was set aside as damaged once it is older than anything may be kept. */
export function removeOldDamage(directory: string, maxAgeMillis: number): void {
  try {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (name.endsWith(DAMAGED_SUFFIX) && Date.now() - statSync(path).mtimeMs > maxAgeMillis) removeFile(path);
    }
  } catch {
    // The next round tries again.
  }
}

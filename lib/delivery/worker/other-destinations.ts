import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  claimJournal,
  type JournalEntry,
  journalBytes,
  listJournals,
  listSegments,
  removeFile,
  removeJournal,
} from '../journal/journal-directory.ts';
import type { LeaseWatch } from '../journal/lease.ts';
import type { Owner } from '../journal/owner.ts';
import { RECORD_KINDS, RecordKind } from '../journal/record-kind.ts';
import { segmentName } from '../journal/segment-format.ts';
import { headerOf } from '../journal/segment-reader.ts';
import { countUnsettled } from '../journal/unsettled.ts';
import { isAbandoned } from './adoption.ts';

export interface OtherDestinationsOptions {
  /** Of this service and destination; those of its other destinations are its siblings. */
  readonly directory: string;
  readonly self: Owner;
  readonly leases: LeaseWatch;
  readonly maxAgeMillis: number;
  readonly nowMillis?: number;
}

/** What a service has left behind for destinations that it is no longer configured for. */
export interface OtherDestinations {
  /** Records that wait for a process with their destination. */
  readonly records: number;
  readonly bytes: number;
  /** Records that were too old and are gone now. */
  readonly expired: Readonly<Record<RecordKind, number>>;
}

/** A directory of the same service: its readable name and the twelve digits of another fingerprint. */
function siblings(directory: string): string[] {
  const own = basename(directory);
  const name = own.slice(0, -12);
  try {
    return readdirSync(dirname(directory))
      .filter((other) => other !== own && other.startsWith(name) && /^[0-9a-f]{12}$/.test(other.slice(name.length)))
      .map((other) => join(dirname(directory), other));
  } catch {
    return [];
  }
}

/**
 * Counts the journals of other destinations, and deletes the segments in them that are older than anything may be kept:
 * they are sent nowhere else, and nobody else may ever come for them.
 */
export function tendOtherDestinations(options: OtherDestinationsOptions): OtherDestinations {
  const expired = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
  let records = 0;
  let bytes = 0;
  for (const directory of siblings(options.directory)) {
    for (const entry of listJournals(directory)) {
      if (!isAbandoned(entry, options.self, options.leases) || isNewer(entry)) continue;
      const left = expire(directory, entry, options, expired);
      if (left === undefined) continue;
      for (const count of Object.values(countUnsettled(left))) records += count;
      bytes += journalBytes(left);
    }
    try {
      // Refused while anything is in it.
      rmdirSync(directory);
    } catch {
      // Then it stays.
    }
  }
  return { records, bytes, expired };
}

function isNewer({ path }: JournalEntry): boolean {
  return listSegments(path).some((segment) => headerOf(path, segment) === 'newer');
}

/** @returns where the journal is now; undefined when nothing is left of it, or it is somebody else's */
function expire(
  directory: string,
  entry: JournalEntry,
  { self, maxAgeMillis, nowMillis = Date.now() }: OtherDestinationsOptions,
  expired: Record<RecordKind, number>,
): string | undefined {
  const segments = listSegments(entry.path);
  const old = segments.filter((segment) => nowMillis - modified(entry.path, segment) > maxAgeMillis);
  if (old.length === 0 && segments.length > 0) return entry.path;
  const path = claimJournal(directory, entry, self);
  if (path === undefined) return undefined;
  const counts = countUnsettled(path, old);
  for (const kind of RECORD_KINDS) expired[kind] += counts[kind];
  for (const segment of old) removeFile(join(path, segmentName(segment)));
  if (listSegments(path).length > 0) return claimJournal(directory, { ...entry, path }, undefined);
  removeJournal(path);
  return undefined;
}

/** When something was written to a segment last; in the future for one that is not there, so that it is not old. */
function modified(path: string, segment: number): number {
  return statSync(join(path, segmentName(segment)), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

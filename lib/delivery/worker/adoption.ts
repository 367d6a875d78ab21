import { claimJournal, type JournalEntry, listJournals, listSegments } from '../journal/journal-directory.ts';
import type { OpenedJournal } from '../journal/journal-writer.ts';
import type { LeaseWatch } from '../journal/lease.ts';
import type { Owner } from '../journal/owner.ts';
import { headerOf } from '../journal/segment-reader.ts';

export interface AdoptionOptions {
  /** Of the service and destination. */
  readonly directory: string;
  readonly self: Owner;
  readonly fingerprint: string;
  readonly leases: LeaseWatch;
  /** IDs of the journals that this process holds already. */
  readonly known: ReadonlySet<string>;
}

/** Takes over the journals of processes of this service that are gone. */
export function adoptOrphans({ directory, self, fingerprint, leases, known }: AdoptionOptions): OpenedJournal[] {
  const adopted: OpenedJournal[] = [];
  const entries = listJournals(directory);
  leases.keep(new Set(entries.map(({ path }) => path)));
  for (const entry of entries) {
    if (known.has(entry.journalId)) continue;
    if (!isAbandoned(entry, self, leases)) continue;
    if (!isOurs(entry, fingerprint)) continue;
    const path = claimJournal(directory, entry, self);
    if (path !== undefined) adopted.push({ path, journalId: entry.journalId });
  }
  return adopted;
}

/** Whether a journal is nobody's: given back, or its owner is gone. */
export function isAbandoned({ owner, path }: JournalEntry, self: Owner, leases: LeaseWatch): boolean {
  if (owner === undefined) return true;
  return !isSame(owner, self) && leases.isGone(owner, self, path);
}

function isSame(a: Owner, b: Owner): boolean {
  return a.boot === b.boot && a.namespace === b.namespace && a.pid === b.pid && a.start === b.start;
}

/** Every readable segment is meant for our destination and in a format that we know; one without a header holds nothing against it. */
function isOurs(entry: JournalEntry, fingerprint: string): boolean {
  return listSegments(entry.path).every((segment) => {
    const header = headerOf(entry.path, segment);
    return header !== 'newer' && (header === undefined || header.fingerprint === fingerprint);
  });
}

import type { DeadLetter } from '../../delivery/journal/dead-letter.ts';
import { takeLetters } from '../../delivery/journal/dead-letter-files.ts';
import { listJournals } from '../../delivery/journal/journal-directory.ts';
import { LeaseWatch } from '../../delivery/journal/lease.ts';
import { currentOwner } from '../../delivery/journal/owner.ts';
import { writeRetryJournal } from '../../delivery/journal/retry-journal.ts';
import type { Selection } from './selection.ts';

export interface Retried {
  readonly service: string;
  readonly destinations: readonly string[];
  readonly count: number;
  /** Who will send them. */
  readonly sender: 'running' | 'next';
}

/** Puts the chosen letters of one service back into a journal. */
export function retryLetters(directory: string, selection: Selection): Retried[] {
  const taken = takeLetters(
    directory,
    (letter) => selection.includes(letter),
    (letters) => {
      // A directory is of one destination; should letters of others have been put there, each goes where it was meant to.
      for (const group of Map.groupBy(letters, ({ fingerprint }) => fingerprint).values())
        writeRetryJournal(directory, group);
    },
  );
  const sender = hasRunningProcess(directory) ? 'running' : 'next';
  return [...Map.groupBy(taken, ({ service }) => service)].map(([service, letters]: [string, DeadLetter[]]) => ({
    service,
    destinations: [...new Set(letters.map(({ destination }) => destination))],
    count: letters.length,
    sender,
  }));
}

/** Whether a process that lives holds a journal of this service and destination: it looks for orphans. */
export function hasRunningProcess(directory: string): boolean {
  const self = currentOwner();
  const leases = new LeaseWatch();
  return listJournals(directory).some(({ owner, path }) => owner !== undefined && !leases.isGone(owner, self, path));
}

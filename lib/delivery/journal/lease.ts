import { statSync, utimesSync } from 'node:fs';
import { isAlive, type Owner } from './owner.ts';

/** Owners show this often that they live: a lease is the time of the last change of the journal's directory. */
export const RENEW_MILLIS = 5000;
/**
 * A lease that was not renewed for this long while we looked on has expired. Counted by our own clock alone, because those
 * of two machines differ; longer than the minute for which NFS may show an old time (`acdirmax`, nfs(5)).
 */
const UNRENEWED_MILLIS = 90_000;
/** A lease this old has expired also for a process that has just started to look: more than clocks differ. */
const OLD_MILLIS = 600_000;

/** Renews the lease of a journal. Never throws: a disk that takes nothing, or a journal that was taken away, ends it. */
export function renewLease(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Whoever holds the journal now renews it.
  }
}

/** Remembers the leases of processes that cannot be asked: those of other machines and containers. */
export class LeaseWatch {
  private readonly seen = new Map<string, { readonly modified: number; readonly since: number }>();
  private readonly steady: () => number;
  private readonly now: () => number;

  /** @param clocks for tests: `steady` in milliseconds since any moment, `now` in milliseconds since the epoch */
  constructor(clocks: { steady?: () => number; now?: () => number } = {}) {
    this.steady = clocks.steady ?? (() => performance.now());
    this.now = clocks.now ?? Date.now;
  }

  /** Whether the owner of a journal is gone: by the process table where it can tell, else when its lease has expired. */
  isGone(owner: Owner, self: Owner, path: string): boolean {
    const alive = isAlive(owner, self);
    if (alive !== undefined) return !alive;
    try {
      return this.hasExpired(path, statSync(path).mtimeMs);
    } catch {
      // Gone, or nothing that we may look at: not ours to take.
      this.seen.delete(path);
      return false;
    }
  }

  private hasExpired(path: string, modified: number): boolean {
    if (this.now() - modified > OLD_MILLIS) return true;
    const before = this.seen.get(path);
    if (before?.modified === modified) return this.steady() - before.since > UNRENEWED_MILLIS;
    this.seen.set(path, { modified, since: this.steady() });
    return false;
  }

  /** Forgets all journals but these. */
  keep(paths: ReadonlySet<string>): void {
    for (const path of this.seen.keys()) if (!paths.has(path)) this.seen.delete(path);
  }
}

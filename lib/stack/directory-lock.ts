import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SightlineError } from '../errors.ts';

/** Attempts when another process takes or leaves the lock at the same moment. */
const MAX_ATTEMPTS = 5;

interface Holder {
  readonly pid: number;
  /** Start time of the process as the system tells it, so that a pid that was given out again is not taken for it. */
  readonly startTime: string | undefined;
  readonly bootId: string | undefined;
  readonly host: string;
}

/** Holds a data directory for one process. A lock whose process is gone is taken over. */
export class DirectoryLock {
  readonly #path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  /** @throws SightlineError SIGHTLINE_E_STACK_BUSY when a living process holds the directory */
  static acquire(directory: string): DirectoryLock {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, 'stack.lock');
    const content = JSON.stringify({
      pid: process.pid,
      startTime: startTimeOf(process.pid),
      bootId: bootId(),
      host: hostname(),
    } satisfies Holder);
    const draft = join(directory, `.stack.lock.${process.pid}.${process.hrtime.bigint()}`);
    writeFileSync(draft, content, { mode: 0o600 });
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        // A link appears with its content at once, or not at all.
        if (tryLink(draft, path)) return new DirectoryLock(path, content);
        const held = readText(path);
        if (held === undefined) continue;
        const holder = parseHolder(held);
        if (holder !== undefined && isAlive(holder)) {
          throw new SightlineError(
            'SIGHTLINE_E_STACK_BUSY',
            `got data directory ${directory}, which process ${holder.pid} holds; stop it, or give another with --data-dir or --memory`,
          );
        }
        takeAway(path, held, draft);
      }
    } finally {
      unlinkSync(draft);
    }
    throw new SightlineError(
      'SIGHTLINE_E_STACK_BUSY',
      `got data directory ${directory}, whose lock keeps changing hands; try again`,
    );
  }

  /** Gives the directory free, unless another process has taken it over meanwhile. */
  release(): void {
    if (readText(this.#path) === this.#content) unlinkSync(this.#path);
  }
}

/** Removes a stale lock; puts back what turns out to be another one's fresh lock. */
function takeAway(path: string, stale: string, draft: string): void {
  const aside = `${draft}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readText(aside) !== stale) tryLink(aside, path);
  unlinkSync(aside);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  // On a shared disk another machine's processes cannot be looked at: leave its lock alone.
  if (holder.host !== hostname()) return true;
  if (holder.bootId !== bootId()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.startTime === undefined || startTimeOf(holder.pid) === holder.startTime;
}

/** Field 22 of `/proc/<pid>/stat` (proc(5)); undefined where there is no such file. */
function startTimeOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function bootId(): string | undefined {
  return readText('/proc/sys/kernel/random/boot_id')?.trim();
}

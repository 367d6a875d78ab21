import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Missing levels that are made at most; deeper paths are no data directories. */
const MAX_LEVELS = 16;

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Makes a directory and its missing parents. Not `mkdirSync` with `recursive`: on a file system that refuses with
 * "no such file or directory" whatever is asked (`/proc`), Node's own loop never ends.
 *
 * @throws the system's error
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let level = path; !isDirectory(level) && missing.length < MAX_LEVELS; level = dirname(level))
    missing.push(level);
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory, mode);
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectory(directory)) throw error;
    }
  }
}

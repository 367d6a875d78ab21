import { chmodSync, constants, lstatSync, openSync } from 'node:fs';
import { makeDirectory } from '../../core/directories.ts';
import { SightlineError } from '../../errors.ts';

/** Only the user of the process may look: records hold what the app logs. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Undefined on Windows, where symbolic links need a privilege. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/**
 * Makes a directory that only this user can enter, or checks and tightens the one that is there.
 * @throws SightlineError SIGHTLINE_E_JOURNAL when it is a link, no directory or another user's; system errors as they are
 */
export function privateDirectory(path: string): void {
  makeDirectory(path, DIRECTORY_MODE);
  const stats = lstatSync(path);
  const user = process.getuid?.();
  if (!stats.isDirectory())
    throw new SightlineError(
      'SIGHTLINE_E_JOURNAL',
      `got ${path}, which is a link or a file, wanted a directory; remove it or set SIGHTLINE_DATA_DIR`,
    );
  if (user !== undefined && user !== 0 && stats.uid !== user) {
    throw new SightlineError(
      'SIGHTLINE_E_JOURNAL',
      `got ${path}, which belongs to user ${stats.uid}, wanted one of user ${user}; set SIGHTLINE_DATA_DIR`,
    );
  }
  if (user !== undefined && (stats.mode & 0o077) !== 0) chmodSync(path, DIRECTORY_MODE);
}

/** Makes a new file and opens it for writing; fails when the name is taken, also by a dangling link. */
export function createPrivate(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW, FILE_MODE);
}

/** Opens a file for reading and writing, making it if needed. */
export function openPrivate(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_CREAT | NO_FOLLOW, FILE_MODE);
}

/** Opens a file for reading and appending, making it if needed. */
export function appendPrivate(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | NO_FOLLOW, FILE_MODE);
}

export function readPrivate(path: string): number {
  return openSync(path, constants.O_RDONLY | NO_FOLLOW);
}

/** The code of a system error (`ENOSPC`), or an empty string. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

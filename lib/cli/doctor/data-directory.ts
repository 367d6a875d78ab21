import { accessSync, constants, lstatSync, type Stats, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dataDirectory } from '../../core/data-dir.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';

/** Less room than this on the disk of the journal is said, bytes: the smallest journal that is ever kept. */
const LEAST_FREE_BYTES = 32 * 1024 ** 2;

function about(status: Diagnosis['status'], text: string, fix?: string): Diagnosis {
  return {
    part: 'data',
    status,
    subject: 'directory',
    text,
    ...(fix !== undefined && { fix }),
    ...(status === 'failed' && { code: 'SIGHTLINE_E_JOURNAL' }),
  };
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Whether a service that runs as this user could keep its journal where the environment says. Makes nothing that stays. */
export function checkDataDirectory(env: NodeJS.ProcessEnv): Diagnosis[] {
  const path = dataDirectory(env);
  try {
    return [...rightsOf(path), ...roomOf(path)];
  } catch (error) {
    return [
      about('failed', `${path}: ${(error as Error).message}`, 'set SIGHTLINE_DATA_DIR to a directory of this user'),
    ];
  }
}

function rightsOf(path: string): Diagnosis[] {
  const journal = join(path, 'journal');
  const found = statsOf(journal);
  const fix = 'set SIGHTLINE_DATA_DIR to a directory of the user that the service runs as';
  if (found !== undefined) {
    const user = process.getuid?.();
    if (!found.isDirectory())
      return [about('failed', `${journal} is a link or a file; the journal is not written through links`, fix)];
    if (user !== undefined && found.uid !== user)
      return [
        about(
          user === 0 ? 'info' : 'failed',
          `${journal} belongs to user ${found.uid}, and this is user ${user}`,
          user === 0 ? 'run this as the user of the service to see what it may do' : fix,
        ),
      ];
    return [writable(journal, journal, fix)];
  }
  // Not made yet: the nearest directory that is there decides.
  let nearest = path;
  while (statsOf(nearest) === undefined && dirname(nearest) !== nearest) nearest = dirname(nearest);
  return [writable(nearest, `${journal}, which is made with the first record`, fix)];
}

function writable(directory: string, shown: string, fix: string): Diagnosis {
  const probe = join(directory, `.sightline-doctor-${process.pid}`);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    writeFileSync(probe, 'x', { flag: 'wx', mode: 0o600 });
    unlinkSync(probe);
    return about('ok', `${shown}: can be written`);
  } catch (error) {
    return about('failed', `${shown}: cannot be written (${(error as Error).message})`, fix);
  }
}

function roomOf(path: string): Diagnosis[] {
  let nearest = path;
  while (statsOf(nearest) === undefined && dirname(nearest) !== nearest) nearest = dirname(nearest);
  const { bavail, bsize } = statfsSync(nearest);
  const free = bavail * bsize;
  if (free >= LEAST_FREE_BYTES) return [];
  const text = `${Math.round(free / 1024 ** 2)} MB are free on the disk of ${path}`;
  return [about('warn', text, 'make room: what a full disk does not take is dropped, and counted')];
}

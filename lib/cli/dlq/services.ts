import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from '../../core/data-dir.ts';
import type { DeadLetter } from '../../delivery/journal/dead-letter.ts';
import { allLetters } from '../../delivery/journal/dead-letter-files.ts';

/** What the processes of one service share on disk, for one pair of destinations. */
export interface ServiceDirectory {
  readonly path: string;
  readonly letters: readonly DeadLetter[];
}

/** The directories of all services below a data directory; none when there is no such directory. */
export function serviceDirectories(env: NodeJS.ProcessEnv): string[] {
  const root = join(dataDirectory(env), 'journal');
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(root, entry.name))
      .sort();
  } catch {
    return [];
  }
}

/** All services that have dead letters. */
export function servicesWithLetters(env: NodeJS.ProcessEnv): ServiceDirectory[] {
  return serviceDirectories(env)
    .map((path) => ({ path, letters: allLetters(path) }))
    .filter(({ letters }) => letters.length > 0);
}

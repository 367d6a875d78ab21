import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKENDS } from './directory.ts';

export interface NpmFixture {
  /** Folder with a `node_modules`: a working directory, or what `createRequire` starts from. */
  readonly directory: string;
  /** Why it cannot be used, for the `skip` option of a test. */
  readonly missing: string | undefined;
}

/** Programs and libraries as the registry has them; the folders are the rows of `npm-fixtures.txt`. */
export function npmFixture(folder: string): NpmFixture {
  const directory = join(BACKENDS, 'npm', folder);
  const table = readFileSync(new URL('npm-fixtures.txt', import.meta.url), 'utf8');
  const row = table.split('\n').find((line) => line.split(/\s+/, 1)[0] === folder);
  if (row === undefined) throw new Error(`npm-fixtures.txt has no row ${folder}`);
  const packages = row.split(/\s+/).slice(1).join(' ').trim();
  const there =
    existsSync(join(directory, '.packages')) && readFileSync(join(directory, '.packages'), 'utf8').trim() === packages;
  return { directory, missing: there ? undefined : `${packages} not installed; npm run backends` };
}

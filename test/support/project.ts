import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './temporary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ProjectOptions {
  /** `name` of its package.json: what the service is called. */
  readonly name: string;
  /** File name to content. */
  readonly files: Readonly<Record<string, string>>;
  /** Packages of this repository that it may load. `sightline` itself is always there. */
  readonly packages?: readonly string[];
  /** Packages from elsewhere: name to folder. */
  readonly linked?: Readonly<Record<string, string>>;
  readonly type?: 'module' | 'commonjs';
}

/** A project as a user has it, in a directory of its own: package.json, sources, and a `node_modules` with `sightline`. */
export function createProject(options: ProjectOptions): string {
  const directory = temporaryDirectory('project');
  const { name, type } = options;
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', private: true, ...(type && { type }) }),
  );
  for (const [file, content] of Object.entries(options.files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
  const links: [string, string][] = [
    ['sightline', root],
    ...(options.packages ?? []).map((name): [string, string] => [name, join(root, 'node_modules', name)]),
    ...Object.entries(options.linked ?? {}),
  ];
  for (const [name, target] of links) {
    const link = join(directory, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'dir');
  }
  return directory;
}

/** The text of a file below `test/fixtures/`. */
export function fixture(path: string): string {
  return readFileSync(join(root, 'test', 'fixtures', path), 'utf8');
}

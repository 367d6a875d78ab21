import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { type Child, startChild } from '../support/child.ts';
import type { NodeRuntime } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { pem } from './next-hop.ts';
import type { Row } from './rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folder whose `node_modules` a program loads its libraries from. */
function home(row: Row): string {
  return row.folder === undefined ? root : npmFixture(row.folder).directory;
}

/** Why a row cannot be measured, for the `skip` option of a test. */
export function missingFor(row: Row): string | undefined {
  return row.folder === undefined ? undefined : npmFixture(row.folder).missing;
}

/** Version of the row's package as it is installed. */
export function versionOf(row: Row): string {
  if (row.package === undefined) return "Node's own";
  const file = join(home(row), 'node_modules', row.package, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/** Every package below a `node_modules`, with its folder. */
function packagesIn(directory: string): Record<string, string> {
  const modules = join(directory, 'node_modules');
  const names = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((one) => `${name}/${one}`) : name));
  return Object.fromEntries(names.map((name) => [name, join(modules, name)]));
}

/** A project with the program of a row: its libraries, and pino of this repository where the row brings none. */
export function projectOf(row: Row): string {
  const own = row.folder === undefined ? {} : packagesIn(home(row));
  const packages = ['pino', 'express', 'fastify'].filter((name) => !(name in own));
  return createProject({
    name: 'orders',
    packages,
    linked: own,
    files: {
      [row.program]: fixture(`support/${row.program}`),
      'service.cjs': fixture('support/service.cjs'),
      'shop.proto': fixture('support/shop.proto'),
      'localhost-key.pem': pem('key'),
      'localhost-cert.pem': pem('cert'),
    },
  });
}

/** Starts the program of a row in its project, with or without the one line. */
export function startProgram(
  row: Row,
  node: NodeRuntime,
  { directory, observed, env }: { directory: string; observed: boolean; env: NodeJS.ProcessEnv },
): Child {
  const oneLine = observed ? ['--import', 'sightline/register'] : [];
  return startChild({ node, cwd: directory, args: [...oneLine, row.program, ...row.args], env });
}

/**
 * `npm run check [-- NAME…]`: everything that can be said about the repository without running it. Every check is
 * run and says `ok` or `failed` with its time; all failures are printed; exit 1 when there was one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERRORS, WARNINGS } from '../lib/errors.ts';
import { cycles, forbiddenImports, forbiddenPackages } from './rules/dependencies.ts';
import { errorTable } from './rules/errors.ts';
import { readSources } from './rules/sources.ts';
import { exportsByName, leftOpen, longFiles, machineTraces, topLevelAwait } from './rules/style.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The repository's own Node and tools come first, whatever the machine has. */
const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}` };

/** What a check found wrong; empty when nothing. */
type Check = () => readonly string[];

function program(command: string, ...args: string[]): Check {
  return () => {
    const result = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (result.error !== undefined) return [`${command}: ${result.error.message}`];
    return result.status === 0 ? [] : [`${result.stdout}${result.stderr}`.trimEnd() || `exit ${result.status}`];
  };
}

function read(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
}

/** Text files under version control, and those that will be. */
function trackedFiles(): { path: string; text: string }[] {
  const listed =
    spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).stdout ?? '';
  return listed
    .split('\n')
    .filter(
      (path) =>
        /\.(?:c?ts|mjs|cjs|js|json|md|ya?ml|sh|html|css|txt)$|(?:^|\/)run$/.test(path) && path !== 'package-lock.json',
    )
    .map((path) => ({ path, text: read(path) }));
}

function knownPackages(): Set<string> {
  const { dependencies, peerDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  return new Set([...Object.keys(dependencies ?? {}), ...Object.keys(peerDependencies ?? {})]);
}

const sources = readSources(root);
const typescript = (files: readonly { path: string; text: string }[]) =>
  files.filter(({ path }) => path.endsWith('.ts'));

const CHECKS: Readonly<Record<string, Check>> = {
  types: program('tsc', '-p', 'tsconfig.json', '--noEmit'),
  'types of tests': program('tsc', '-p', 'tsconfig.test.json'),
  biome: program('biome', 'check', '--error-on-warnings'),
  oxlint: program('oxlint', '--type-aware', '--deny-warnings'),
  knip: program('knip', '--no-progress'),
  'who may import whom': () => forbiddenImports(sources),
  packages: () => forbiddenPackages(sources, knownPackages()),
  cycles: () => cycles(sources),
  exports: () => exportsByName(sources),
  'top-level await': () => topLevelAwait(sources),
  'file length': () => longFiles(typescript(trackedFiles())),
  'left open': () => leftOpen(typescript(trackedFiles())),
  'machine traces': () => machineTraces(trackedFiles()),
  errors: () => errorTable([...Object.keys(ERRORS), ...Object.keys(WARNINGS)], read('docs/errors.md'), sources),
  'generated files': program('node', 'scripts/generate.ts', '--check'),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => CHECKS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`no check ${unknown.join(', ')}; there are: ${Object.keys(CHECKS).join(', ')}\n`);
  process.exit(2);
}

const failures: string[] = [];
for (const [name, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const start = performance.now();
  const found = check();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(`${found.length === 0 ? 'ok    ' : 'failed'} ${seconds.padStart(5)} s  ${name}\n`);
  if (found.length > 0) failures.push(`\n${name}:\n${found.join('\n')}`);
}
if (failures.length > 0) {
  process.stdout.write(`${failures.join('\n')}\n`);
  process.exitCode = 1;
}

/**
 * What register asks before it loads anything else. No imports of the package here: on a runtime that cannot be
 * observed nothing more may be loaded.
 */

/** Oldest Node that is observed: OpenTelemetry JS 3 needs 22.15, `node:sqlite` has FTS5 from 22.16. */
const OLDEST = [22, 16] as const;

/** Package managers and build tools that NODE_OPTIONS reaches as well: left alone. Directory names below `node_modules`. */
const TOOLS = new Set([
  'npm',
  'npx',
  'pm2',
  'yarn',
  'pnpm',
  'corepack',
  'lerna',
  'nx',
  'turbo',
  'typescript',
  'esbuild',
  'vite',
  'webpack',
  'webpack-cli',
  'rollup',
  'parcel',
  'eslint',
  'prettier',
  '@biomejs/biome',
  'oxlint',
  '@swc/cli',
  '@babel/cli',
  'husky',
  'lint-staged',
  'node-gyp',
  'rimraf',
  'tsx',
  'tsup',
  'tsdown',
  '@nestjs/cli',
  '@vercel/ncc',
  '@rspack/cli',
  'prisma',
  'concurrently',
  'nodemon',
  'npm-run-all',
  'npm-run-all2',
  'cross-env',
  'dotenv-cli',
]);

/** Commands whose package has another name. */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['tsc', 'typescript'],
  ['nest', '@nestjs/cli'],
  ['swc', '@swc/cli'],
  ['babel', '@babel/cli'],
  ['biome', '@biomejs/biome'],
  ['ncc', '@vercel/ncc'],
  ['rspack', '@rspack/cli'],
  ['conc', 'concurrently'],
  ['yarnpkg', 'yarn'],
  ['pnpx', 'pnpm'],
  ['run-s', 'npm-run-all'],
  ['run-p', 'npm-run-all'],
  ['dotenv', 'dotenv-cli'],
]);

/** Programs that build with these commands and serve with others. */
const BUILDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['next', ['build', 'info', 'lint', 'telemetry', 'typegen', 'upgrade']],
  ['nuxt', ['build', 'generate', 'prepare', 'typecheck']],
  ['astro', ['build', 'check', 'sync']],
]);

/** Processes of theirs that only a build starts, by path. */
const BUILD_WORKERS = /\/node_modules\/next\/dist\/(?:compiled\/jest-worker|build)\//;

/** Programs whose app is in the working directory, as packages and as commands. */
const LAUNCHERS: ReadonlySet<string> = new Set([
  'next',
  'nuxt',
  'astro',
  'fastify-cli',
  '@react-router/serve',
  '@remix-run/serve',
  '.bin/next',
  '.bin/nuxt',
  '.bin/astro',
  '.bin/fastify',
  '.bin/react-router-serve',
  '.bin/remix-serve',
]);

/** One sentence for a copy of this package that a bundler has put into the app's own file, away from all that it loads. */
export const BUNDLED =
  'got sightline inside a bundle, wanted its own files; mark the package sightline as external in the bundler, install it where the app runs and start with node --import sightline/register. The app runs unobserved.';

/** One sentence when this runtime cannot be observed, else undefined. */
export function unobservable(): string | undefined {
  if ('bun' in process.versions)
    return 'Bun is not observed; run the app with Node 22.16 or newer. The app runs unobserved.';
  if ('Deno' in globalThis)
    return 'Deno is not observed; run the app with Node 22.16 or newer. The app runs unobserved.';
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    return `got Node ${process.versions.node}, wanted ${OLDEST.join('.')} or newer; upgrade Node. The app runs unobserved.`;
  }
  return undefined;
}

/** The scripts within which PM2 runs an app, in cluster and in fork mode: not the tool, but the app. */
export function isPm2Container(mainFile: string | undefined): boolean {
  return /[\\/]node_modules[\\/]pm2[\\/]lib[\\/]ProcessContainer(?:Fork|Bun|ForkBun)?\.js$/.test(mainFile ?? '');
}

/** Whether the main file belongs to a program that serves somebody else's app, found from the working directory. */
export function isLauncher(mainFile: string | undefined): boolean {
  const path = (mainFile ?? '').replaceAll('\\', '/');
  const [first = '', second = ''] = path.slice(path.lastIndexOf('/node_modules/') + '/node_modules/'.length).split('/');
  if (!path.includes('/node_modules/')) return false;
  return LAUNCHERS.has(first === '.bin' || first.startsWith('@') ? `${first}/${second}` : first);
}

/**
 * Whether the main file belongs to a package manager or build tool: `…/node_modules/<tool>/…`, its shim in `.bin`, or one
 * that corepack, an installer or a project (`.yarn/releases`) keeps elsewhere.
 *
 * @param command the first argument, for programs that build and serve
 */
export function isTool(mainFile: string | undefined, command?: string): boolean {
  if (mainFile === undefined || isPm2Container(mainFile)) return false;
  const path = mainFile.replaceAll('\\', '/');
  const at = path.lastIndexOf('/node_modules/');
  if (at < 0) return /\/(?:npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)(?:-cli)?(?:-\d[\w.-]*)?(?:\.[cm]?js)?$/.test(path);
  // npm's own helpers live below node_modules/npm/node_modules.
  if (/\/node_modules\/npm\//.test(path) || BUILD_WORKERS.test(path)) return true;
  const [first = '', second = '', third = ''] = path.slice(at + '/node_modules/'.length).split('/');
  if (first === '.bin') {
    const program = second.replace(/\.(?:c?js|cmd|ps1)$/, '');
    return TOOLS.has(PROGRAMS.get(program) ?? program) || isBuild(program, command);
  }
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  return (TOOLS.has(name) && third !== undefined) || isBuild(name, command);
}

function isBuild(program: string, command: string | undefined): boolean {
  return command !== undefined && (BUILDS.get(program)?.includes(command) ?? false);
}

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
  'concurrently',
  'nodemon',
  'npm-run-all',
  'npm-run-all2',
  'cross-env',
  'dotenv-cli',
]);

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

/** Whether the main file belongs to a package manager or build tool: `…/node_modules/<tool>/…`, or its shim in `.bin`. */
export function isTool(mainFile: string | undefined): boolean {
  if (mainFile === undefined || isPm2Container(mainFile)) return false;
  const path = mainFile.replaceAll('\\', '/');
  const at = path.lastIndexOf('/node_modules/');
  if (at < 0) return /\/(?:npm|npx|pnpm|yarn|corepack)(?:-cli)?(?:\.c?js)?$/.test(path);
  const [first = '', second = '', third = ''] = path.slice(at + '/node_modules/'.length).split('/');
  if (first === '.bin') return TOOLS.has(second.replace(/\.(?:c?js|cmd|ps1)$/, '')) || second === 'tsc';
  // npm's own helpers live below node_modules/npm/node_modules.
  if (/\/node_modules\/npm\//.test(path)) return true;
  return TOOLS.has(first.startsWith('@') ? `${first}/${second}` : first) && third !== undefined;
}

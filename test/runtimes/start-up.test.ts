/**
 * What the one line loads before a bare HTTP server listens. Each module is time that every app pays at every start, and an
 * innocent import can bring dozens: `import … from 'node:http'` loads Node's whole `fetch`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Own modules before the first listen. Raise it with a reason: a module costs about a tenth of a millisecond. */
const MOST_OWN_MODULES = 200;
/** Modules of Node beyond those of the bare app, its internal ones included. */
const MOST_BUILTINS = 75;
/** Modules of Node that an app can ask for by name, and that we bring. */
const BUILTINS: Readonly<Record<string, string>> = {
  worker_threads: 'whether this is the main thread; the courier',
  module: 'createRequire',
  os: 'host name, home, temporary directory',
  crypto: 'IDs, fingerprints',
  'fs/promises': 'comes with every import from node:fs',
  zlib: 'CRC-32 of the journal',
  perf_hooks: 'the clock',
};
/** Parts of ours that belong to other moments or other programs. */
const LATER = /^(?:cli|stack|testing|codec\/lint|delivery\/(?:worker|direct))\//;

const SPY = `
const { registerHooks } = require('node:module');
globalThis.seen = [];
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (found.url.startsWith('file:')) globalThis.seen.push(found.url);
    return found;
  },
});
`;
const APP = `
const { createServer } = require('node:http');
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { moduleLoadList } = process;
  require('node:fs').writeSync(1, JSON.stringify({ builtins: [...moduleLoadList], files: globalThis.seen ?? [] }));
  server.close();
});
`;

interface Loaded {
  readonly builtins: readonly string[];
  readonly files: readonly string[];
}

const cwd = createProject({ name: 'order-service', files: { 'app.cjs': APP, 'spy.cjs': SPY } });

async function loaded(...args: readonly string[]): Promise<Loaded> {
  const receiver = await startReceiver();
  const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
  const ended = await runChild({ cwd, args: [...args, 'app.cjs'], env });
  await receiver.close();
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  return JSON.parse(ended.stdout) as Loaded;
}

test('modules of Node that a bare HTTP server gets with the one line', async () => {
  const bare = new Set((await loaded()).builtins);
  const added = (await loaded('--import', 'sightline/register')).builtins
    .filter((name) => !bare.has(name))
    .map((name) => name.replace(/^NativeModule |^Internal Binding /, ''));
  const named = added.filter((name) => process.getBuiltinModule(name) !== undefined);
  assert.deepEqual([...new Set(named)].sort(), Object.keys(BUILTINS).sort());
  assert.ok(!added.some((name) => name.includes('undici')), 'fetch');
  assert.ok(added.length <= MOST_BUILTINS, `${added.length}: ${added.join(' ')}`);
});

test('own modules by folder, and no packages', async () => {
  const files = [...new Set((await loaded('-r', './spy.cjs', '--import', 'sightline/register')).files)];
  assert.deepEqual(
    files.filter((file) => file.includes('/node_modules/')),
    [],
    'pino, prom-client and the API are loaded when they are first used',
  );
  const own = files.filter((file) => file.includes('/dist/')).map((file) => file.replace(/.*\/dist\//, ''));
  assert.deepEqual(
    own.filter((file) => LATER.test(file)),
    [],
  );
  assert.ok(own.length > 100, 'the spy sees them');
  const folders = Object.entries(Object.groupBy(own, (file) => file.split('/')[0] ?? ''));
  const counts = folders.map(([folder, members]) => `${folder} ${members?.length}`).join(', ');
  assert.ok(own.length <= MOST_OWN_MODULES, `${own.length}: ${counts}`);
});

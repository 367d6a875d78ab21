/** Runtimes that are not observed: one line on stderr, nothing hooked, nothing opened, and the app does what it does without us. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { type Ended, startProgram } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_TOO_OLD, NODES_MUCH_TOO_OLD } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const project = createProject({
  name: 'order-service',
  packages: ['pino'],
  files: {
    'app.mjs': fixture('runtimes/plain.mjs'),
    'app.cjs': "import('./app.mjs');\n",
    'first-line.mjs': "import 'sightline/register';\nimport './app.mjs';\n",
    'first-line.cjs': "require('sightline/register');\nimport('./app.mjs');\n",
    'observe.mjs': `import { correlation, health, metrics, observe } from 'sightline';
const observation = observe({ serviceName: 'orders' });
metrics.counter({ name: 'orders_total', help: 'Orders.' }).inc();
health.check('database', () => true);
observation.tracer.startSpan('work').end();
await observation.flush();
const done = await observation.shutdown();
console.log(JSON.stringify([correlation.run('job-1', () => correlation.id()), done]));
await import('./app.mjs');
`,
    'log.mjs': "import { log } from 'sightline';\nlog.warn({ orderId: 7 }, 'said');\n",
  },
});

interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly before: readonly string[];
  readonly missing: string | undefined;
  readonly line: RegExp;
}

const bun = npmFixture('bun');
const deno = npmFixture('deno');
const platform = `${process.platform}-${process.arch}`;
const bunFile = join(bun.directory, 'node_modules', '@oven', `bun-${platform}`, 'bin', 'bun');
const denoFile = join(deno.directory, 'node_modules', '@deno', `${platform}-glibc`, 'deno');

const RUNTIMES: readonly Runtime[] = [
  ...[NODE_TOO_OLD, ...NODES_MUCH_TOO_OLD].map(({ version, path, missing }) => ({
    name: `Node ${version}`,
    command: path,
    before: [],
    missing,
    line: new RegExp(`got Node ${version}, wanted 22.16 or newer; upgrade Node`),
  })),
  {
    name: 'Bun',
    command: bunFile,
    before: [],
    missing: bun.missing ?? (existsSync(bunFile) ? undefined : `no Bun for ${platform}; npm run backends`),
    line: /Bun is not observed; run the app with Node 22.16 or newer/,
  },
  {
    name: 'Deno',
    command: denoFile,
    before: ['run', '-A'],
    missing: deno.missing ?? (existsSync(denoFile) ? undefined : `no Deno for ${platform}; npm run backends`),
    line: /Deno is not observed; run the app with Node 22.16 or newer/,
  },
];

interface Served extends Ended {
  readonly body: string;
  readonly id: unknown;
  readonly openedAnything: boolean;
}

async function serve(runtime: Runtime, args: readonly string[], nodeOptions?: string): Promise<Served> {
  const dataDirectory = join(temporaryDirectory('data'), 'sightline');
  const child = startProgram(runtime.command, [...runtime.before, ...args], {
    cwd: project,
    env: {
      SIGHTLINE_DATA_DIR: dataDirectory,
      HOME: temporaryDirectory('home'),
      DENO_NO_UPDATE_CHECK: '1',
      NO_COLOR: '1',
      NODE_OPTIONS: nodeOptions,
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': 'check' } });
  await send(`${url}/stop`);
  const ended = await child.ended;
  return {
    ...ended,
    stdout: ended.stdout.replace(/listening \d+/, 'listening'),
    body: answer.body,
    id: answer.headers['x-correlation-id'],
    openedAnything: existsSync(dataDirectory),
  };
}

function waysOf(runtime: Runtime): readonly { name: string; args: readonly string[]; nodeOptions?: string }[] {
  const firstLines = [
    { name: 'first line of an ES module', args: ['first-line.mjs'] },
    { name: 'first line of CommonJS', args: ['first-line.cjs'] },
  ];
  // Deno resolves what is preloaded as a URL; it knows no packages there.
  if (runtime.name === 'Deno') return firstLines;
  if (runtime.name === 'Bun')
    return [...firstLines, { name: '--preload', args: ['--preload', 'sightline/register', 'app.mjs'] }];
  const byRequire = [...firstLines, { name: '-r', args: ['-r', 'sightline/register', 'app.cjs'] }];
  // Node 16 does not know --import, and says so itself.
  if (runtime.name.startsWith('Node 16.')) return byRequire;
  return [
    ...byRequire,
    { name: '--import', args: ['--import', 'sightline/register', 'app.mjs'] },
    { name: 'NODE_OPTIONS', args: ['app.mjs'], nodeOptions: '--import=sightline/register' },
  ];
}

for (const runtime of RUNTIMES) {
  suite(runtime.name, { skip: runtime.missing }, () => {
    for (const { name, args, nodeOptions } of waysOf(runtime)) {
      test(`${name}: one line, and the app runs as without it`, async () => {
        const bare = await serve(runtime, ['app.mjs']);
        const observed = await serve(runtime, args, nodeOptions);
        assert.equal(bare.code, 3, bare.stderr);
        const lines = observed.stderr.replace(bare.stderr, '').trimEnd().split('\n');
        assert.equal(lines.length, 1, observed.stderr);
        assert.match(lines[0] ?? '', /^sightline: SIGHTLINE_E_RUNTIME: /);
        assert.match(lines[0] ?? '', runtime.line);
        assert.deepEqual({ ...observed, stderr: '' }, { ...bare, stderr: '' });
        assert.equal(observed.id, undefined);
        assert.equal(observed.openedAnything, false);
      });
    }

    test('observe() in code: one line, a handle that does nothing, and the app runs', async () => {
      const observed = await serve(runtime, ['observe.mjs']);
      assert.equal(observed.code, 3, observed.stderr);
      assert.equal(observed.stdout, '["job-1",{"delivered":0,"onDisk":0,"dropped":0}]\nlistening\n');
      assert.match(observed.stderr, runtime.line);
      assert.equal(observed.stderr.trimEnd().split('\n').length, 1);
      assert.equal(observed.id, undefined);
      assert.equal(observed.openedAnything, false);
    });

    test('log writes its line to stdout', async () => {
      const ended = await startProgram(runtime.command, [...runtime.before, 'log.mjs'], { cwd: project }).ended;
      assert.equal(ended.code, 0, ended.stderr);
      const line = JSON.parse(ended.stdout);
      assert.deepEqual([line.level, line.orderId, line.msg], [40, 7, 'said']);
    });
  });
}

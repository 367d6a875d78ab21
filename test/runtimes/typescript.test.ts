/** TypeScript without a build and with one: every order of the one line and the loader, and stacks that point at the sources. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import type { Ended } from '../support/child.ts';
import { NODE_NEWEST, NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { eventually } from '../support/wait.ts';
import { documentsOf, serve, spansOf } from './serving.ts';

const tsx = npmFixture('tsx');
const root = fileURLToPath(new URL('../..', import.meta.url));
const REGISTER = '--import=sightline/register';

const files = {
  'typed.ts': fixture('runtimes/typed.ts'),
  'typed-enum.ts': fixture('runtimes/typed-enum.ts'),
  'typed-greeting.ts': fixture('runtimes/typed-greeting.ts'),
  'tsconfig.json': JSON.stringify({
    compilerOptions: { experimentalDecorators: true, module: 'nodenext', target: 'es2022', types: [] },
  }),
};
const linked = { tsx: join(tsx.directory, 'node_modules', 'tsx') };
const projects = {
  module: createProject({ name: 'order-service', type: 'module', packages: ['pino'], files, linked }),
  commonjs: createProject({ name: 'order-service', packages: ['pino'], files, linked }),
};

interface Way {
  readonly name: string;
  readonly node?: NodeRuntime;
  readonly type: keyof typeof projects;
  /** Without the one line. */
  readonly bare: readonly string[];
  readonly observed: readonly string[];
  readonly nodeOptions?: string;
  readonly missing?: string | undefined;
}

const TSX = 'node_modules/tsx/dist/cli.mjs';
const WAYS: readonly Way[] = [
  { name: 'types stripped by Node', type: 'module', bare: ['typed.ts'], observed: [REGISTER, 'typed.ts'] },
  {
    name: `types stripped by Node ${NODE_NEWEST.version}, CommonJS`,
    node: NODE_NEWEST,
    missing: NODE_NEWEST.missing,
    type: 'commonjs',
    bare: ['typed.ts'],
    observed: ['-r', 'sightline/register', 'typed.ts'],
  },
  ...(['module', 'commonjs'] as const).flatMap((type): Way[] => [
    {
      name: `--import tsx, then the one line, ${type}`,
      type,
      bare: ['--import', 'tsx', 'typed-enum.ts'],
      observed: ['--import', 'tsx', REGISTER, 'typed-enum.ts'],
    },
    {
      name: `the one line, then --import tsx, ${type}`,
      type,
      bare: ['--import', 'tsx', 'typed-enum.ts'],
      observed: [REGISTER, '--import', 'tsx', 'typed-enum.ts'],
    },
    {
      name: `the command tsx under NODE_OPTIONS, ${type}`,
      type,
      bare: [TSX, 'typed-enum.ts'],
      observed: [TSX, 'typed-enum.ts'],
      nodeOptions: REGISTER,
    },
  ]),
  {
    name: 'the command tsx with the one line as its argument',
    type: 'module',
    bare: [TSX, 'typed-enum.ts'],
    observed: [TSX, REGISTER, 'typed-enum.ts'],
  },
  {
    name: `--import tsx, then the one line, Node ${NODE_OLDEST.version}`,
    node: NODE_OLDEST,
    missing: NODE_OLDEST.missing,
    type: 'module',
    bare: ['--import', 'tsx', 'typed-enum.ts'],
    observed: ['--import', 'tsx', REGISTER, 'typed-enum.ts'],
  },
];

suite('TypeScript', { skip: tsx.missing }, () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  /** What an app says and how it ends, with the stack that it gave; ports and frames of Node's own differ. */
  async function run(way: Way, isObserved: boolean, id: string): Promise<Ended & { readonly line: string }> {
    const { child, ask } = await serve({
      receiver,
      node: way.node ?? NODE_OWN,
      cwd: projects[way.type],
      args: isObserved ? way.observed : way.bare,
      env: isObserved ? { NODE_OPTIONS: way.nodeOptions } : {},
    });
    const answer = await ask('/orders/7', id);
    assert.equal(answer.headers['x-correlation-id'], isObserved ? id : undefined);
    if (isObserved) {
      const lines = await documentsOf(receiver, id, 2);
      assert.equal(lines.find(({ message }) => message === 'order read')?.['orderId'], '7');
      const [span] = await spansOf(receiver, id, 1);
      assert.equal(span?.localEndpoint?.serviceName, 'order-service');
    }
    const { body } = await ask('/line', id);
    // The process dies of it, and the connection with it.
    await ask('/throws', `${id}-throws`).catch(() => undefined);
    const ended = await child.ended;
    return { ...ended, stdout: ended.stdout.replace(/listening \d+/, ''), line: body.split('\n')[1]?.trim() ?? '' };
  }

  for (const way of WAYS) {
    test(way.name, { skip: way.missing }, async () => {
      const id = way.name.replaceAll(/[^a-z0-9]+/gi, '-');
      const bare = await run(way, false, id);
      const observed = await run(way, true, id);
      assert.match(bare.line, /typed(?:-enum)?\.ts:\d+:\d+\)?$/);
      assert.equal(observed.line, bare.line);
      assert.equal(observed.stdout, bare.stdout);
      assert.equal(observed.code, bare.code);
      const lines = (text: string) =>
        text
          .replaceAll(/\(node:\d+\)/g, '(node)')
          .split('\n')
          .filter((line) => !/^\s+at |^Node\.js|^\s*$/.test(line));
      assert.deepEqual(lines(observed.stderr), lines(bare.stderr));
    });
  }

  test('compiled by tsc, with source maps: the shipped stack names the source', async () => {
    const project = createProject({ name: 'order-service', type: 'module', packages: ['pino'], files });
    const compiled = spawnSync(
      NODE_OWN.path,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        ...[
          '--ignoreConfig',
          '--outDir',
          'out',
          '--sourceMap',
          '--noCheck',
          '--module',
          'nodenext',
          '--target',
          'es2022',
        ],
        'typed.ts',
      ],
      { cwd: project, encoding: 'utf8' },
    );
    assert.equal(compiled.status, 0, compiled.stdout);
    const { child, ask, dataDirectory } = await serve({
      receiver,
      cwd: project,
      args: ['--enable-source-maps', REGISTER, 'out/typed.js'],
    });
    await ask('/orders/7', 'compiled');
    await documentsOf(receiver, 'compiled', 2);
    await ask('/throws', 'compiled-throws').catch(() => undefined);
    const ended = await child.ended;
    assert.equal(ended.code, 1);
    const at =
      fixture('runtimes/typed.ts')
        .split('\n')
        .findIndex((line) => line.includes('out of stock')) + 1;
    assert.match(ended.stderr, new RegExp(`typed\\.ts:${at}:`));
    // What was not acknowledged before the end is sent by the next start.
    const next = await serve({
      receiver,
      cwd: project,
      args: [REGISTER, 'out/typed.js'],
      env: { SIGHTLINE_DATA_DIR: dataDirectory },
    });
    const fatal = await eventually('the fatal line', () =>
      receiver.documents.find((line) => line['error.message'] === 'out of stock' && line['log.level'] === 'fatal'),
    );
    await next.child.stop();
    assert.match(fatal['error.stack_trace'], new RegExp(`typed\\.ts:${at}:`));
  });
});

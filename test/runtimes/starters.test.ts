/** What starts apps, under `NODE_OPTIONS`: left alone itself, its output as ever, the app below it observed, signals passed on. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { announcedAdmin } from '../support/announced.ts';
import { type Child, startProgram } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OWN } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { documentsOf, spansOf } from './serving.ts';

const starters = npmFixture('starters');
const managers = npmFixture('package-managers');
const modules = (directory: string, ...rest: string[]): string => join(directory, 'node_modules', ...rest);
const NODEMON = modules(starters.directory, 'nodemon', 'bin', 'nodemon.js');
const CONCURRENTLY = modules(starters.directory, 'concurrently', 'dist', 'bin', 'index.js');
const YARN = modules(managers.directory, 'yarn', 'bin', 'yarn.js');
const PNPM = modules(managers.directory, 'pnpm', 'bin', 'pnpm.cjs');

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

interface Started {
  readonly child: Child;
  readonly project: string;
  readonly dataDirectory: string;
}

function start(name: string, args: readonly string[], isObserved = true): Started {
  const project = createProject({
    name,
    files: {
      'app.mjs': fixture('runtimes/plain.mjs'),
      'package.json': JSON.stringify({ name, version: '1.2.3', type: 'module', scripts: { serve: 'node app.mjs' } }),
      // Two of them in one place: each says which it is.
      'other.mjs': fixture('runtimes/plain.mjs').replace('listening', 'other listening'),
    },
  });
  const dataDirectory = join(temporaryDirectory('data'), 'sightline');
  const child = startProgram(NODE_OWN.path, args, {
    cwd: project,
    env: {
      // This Node for whatever is started, not the machine's own.
      PATH: `${dirname(NODE_OWN.path)}${delimiter}${process.env['PATH']}`,
      HOME: temporaryDirectory('home'),
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      ...(isObserved && {
        ...receiver.environment,
        NODE_OPTIONS: '--import=sightline/register',
        SIGHTLINE_DATA_DIR: dataDirectory,
      }),
    },
  });
  return { child, project, dataDirectory };
}

const announced = (dataDirectory: string): string[] => readdirSync(join(dataDirectory, 'targets'));

/** Asks an app and waits for what it sends. */
async function ask(port: string | undefined, id: string): Promise<void> {
  const answer = await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': id } });
  assert.equal(answer.headers['x-correlation-id'], id);
  await spansOf(receiver, id, 1);
  await documentsOf(receiver, id, 1);
}

/** Output without what differs from run to run. */
const comparable = (text: string): string =>
  text
    .replaceAll(/listening \d+/g, 'listening')
    .replaceAll(/\/[^\s]*sightline-project-\w+/g, 'project')
    .replaceAll(/in \d+\.\d+s/g, 'in s')
    .split('\n')
    .sort()
    .join('\n');

suite('nodemon', { skip: starters.missing }, () => {
  test('it is left alone, the app is observed, started again with everything of its own, and gets the signal', async () => {
    const args = [NODEMON, '--no-stdin', '--signal', 'SIGTERM', 'app.mjs'];
    const { child, project, dataDirectory } = start('with-nodemon', args);
    const [, port] = await child.line(/listening (\d+)/);
    await ask(port, 'nodemon-1');
    const [before] = announced(dataDirectory);
    assert.ok((await (await fetch(`${await announcedAdmin(dataDirectory)}/livez`)).text()).length > 0);

    appendFileSync(join(project, 'app.mjs'), '// changed\n');
    const [, second] = await child.line(/listening \d+[\s\S]*listening (\d+)/);
    await ask(second, 'nodemon-2');
    const files = await eventually('one target file of the new process', () => {
      const found = announced(dataDirectory).filter((file) => file.endsWith('.json'));
      return found.length === 1 && found[0] !== before ? found : undefined;
    });
    assert.equal(files.length, 1);

    const ended = await child.stop('SIGTERM');
    assert.equal(ended.stderr, '');
    await eventually('the app to go', () => (announced(dataDirectory).length === 0 ? true : undefined));
    const said = ended.stdout.split('\n').filter((line) => !/\[nodemon\]|^listening \d+$|^$/.test(line));
    assert.deepEqual(said, []);
  });
});

suite('concurrently', { skip: starters.missing }, () => {
  test('two apps: both observed, same output and exit code', async () => {
    const args = [CONCURRENTLY, 'node app.mjs', 'node other.mjs'];
    const run = async (isObserved: boolean) => {
      const { child, dataDirectory } = start('with-concurrently', args, isObserved);
      const [, one] = await child.line(/\[0\] listening (\d+)/);
      const [, two] = await child.line(/\[1\] other listening (\d+)/);
      if (isObserved) {
        await ask(one, 'concurrently-1');
        await ask(two, 'concurrently-2');
        await eventually('two target files', () => (announced(dataDirectory).length === 2 ? true : undefined));
      }
      const ended = await child.stop('SIGTERM');
      // Whether the shell between is still there when the signal comes is a race of its own: it then says what ended.
      const stdout = comparable(
        ended.stdout.replace(/^\[\d\] Terminated\n/gm, '').replaceAll('code 143', 'code SIGTERM'),
      );
      return { code: ended.code, signal: ended.signal, stdout, stderr: ended.stderr };
    };
    assert.deepEqual(await run(true), await run(false));
  });
});

suite('package managers', () => {
  const MANAGERS = [
    { name: 'yarn 1', missing: managers.missing, args: [YARN, '--silent', 'run', 'serve'] },
    { name: 'pnpm 10', missing: managers.missing, args: [PNPM, '--silent', 'run', 'serve'] },
  ];
  for (const { name, missing, args } of MANAGERS) {
    test(`${name}: left alone, the app is observed, same output and exit code`, { skip: missing }, async () => {
      const id = name.replaceAll(' ', '-');
      const run = async (isObserved: boolean) => {
        const { child, dataDirectory } = start(id, args, isObserved);
        const [, port] = await child.line(/listening (\d+)/);
        if (isObserved) {
          await ask(port, id);
          await eventually('one target file', () => (announced(dataDirectory).length === 1 ? true : undefined));
        }
        await send(`http://127.0.0.1:${port}/stop`);
        const ended = await child.ended;
        return { code: ended.code, stdout: comparable(ended.stdout), stderr: comparable(ended.stderr) };
      };
      assert.deepEqual(await run(true), await run(false));
    });
  }

  for (const [name, args] of [
    ['yarn', [YARN, '--version']],
    ['pnpm', [PNPM, '--version']],
    ['nodemon', [NODEMON, '--version']],
    ['concurrently', [CONCURRENTLY, '--version']],
  ] as const) {
    test(`${name} --version opens nothing`, { skip: managers.missing ?? starters.missing }, async () => {
      const { child, dataDirectory } = start(`${name}-version`, args);
      const ended = await child.ended;
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
      assert.match(ended.stdout, /^\d+\.\d+\.\d+\n$/);
      assert.equal(existsSync(dataDirectory), false);
    });
  }
});

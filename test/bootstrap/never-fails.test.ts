/** What happens inside a service that cannot be observed, or not as asked: it runs as if the line were not there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Ended, runChild, startChild, startProgram } from '../support/child.ts';
import { type Answer, send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN, NODE_TOO_OLD, type NodeRuntime } from '../support/nodes.ts';
import { freePort } from '../support/ports.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const project = createProject({
  name: 'order-service',
  packages: ['pino'],
  files: {
    'app.cjs': fixture('loading/cjs.cjs'),
    'app.mjs': fixture('loading/esm.mjs'),
    'first-line.cjs': `require('sightline/register');\n${fixture('loading/cjs.cjs')}`,
    'first-line.mjs': `import 'sightline/register';\n${fixture('loading/esm.mjs')}`,
    'script.mjs': "console.log('worked');\nprocess.exitCode = 5;\n",
    'broken.mjs': "console.log('starting');\nthrow new TypeError('the app is broken');\n",
    'observe.mjs': [
      "import { observe, SightlineError } from 'sightline';",
      'try {',
      "  observe({ adminPort: 99_999, logLevel: 'loud', nonsense: true });",
      "  console.log('no error');",
      '} catch (error) {',
      '  console.log(JSON.stringify([error instanceof SightlineError, error.code, error.mistakes]));',
      '}',
    ].join('\n'),
  },
});

interface Run extends Ended {
  readonly answer: Answer;
  readonly dataDirectory: string;
}

/** Starts the app, sends one request, stops it. The port is taken out of the output. */
async function serve(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  node: NodeRuntime = NODE_OWN,
): Promise<Run> {
  const dataDirectory = join(temporaryDirectory('data'), 'sightline');
  const child = startChild({ node, cwd: project, args, env: { SIGHTLINE_DATA_DIR: dataDirectory, ...env } });
  const [, port] = await child.line(/listening (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': 'check-1' } });
  await send(`${url}/stop`);
  const ended = await child.ended;
  return { ...ended, stdout: ended.stdout.replace(/listening \d+/, 'listening'), answer, dataDirectory };
}

function sameAsBare(observed: Run, bare: Run): void {
  assert.equal(observed.answer.status, 200);
  assert.equal(observed.answer.body, bare.answer.body);
  assert.deepEqual([observed.code, observed.signal], [bare.code, bare.signal]);
  assert.equal(observed.stdout, bare.stdout);
}

const ONE_LINE = ['--import', 'sightline/register'];
let receiver: Receiver;
let bare: Run;

before(async () => {
  receiver = await startReceiver();
  bare = await serve(['app.mjs']);
  assert.equal(bare.code, 3);
});
after(() => receiver.close());

suite('wrong options', () => {
  const wrong = {
    SIGHTLINE_ADMIN_PORT: '99999',
    SIGHTLINE_LOG_LEVEL: 'loud',
    SIGHTLINE_STACK_URL: 'ftp://nowhere',
    SIGHTLINE_JOURNAL_MAX: 'much',
  };

  test('every mistake is printed, coded; the app runs unobserved', async () => {
    const observed = await serve([...ONE_LINE, 'app.mjs'], wrong);
    sameAsBare(observed, bare);
    assert.equal(observed.answer.headers['x-correlation-id'], undefined);
    for (const [name, value] of Object.entries(wrong)) {
      const lines = observed.stderr.split('\n').filter((line) => line.includes(name));
      assert.equal(lines.length, 1, `${name} in:\n${observed.stderr}`);
      assert.match(lines[0] ?? '', /^sightline: SIGHTLINE_E_OPTION: /);
      assert.match(lines[0] ?? '', /wanted /);
      assert.ok(lines[0]?.includes(value), 'what was got');
    }
    assert.equal(existsSync(observed.dataDirectory), false, 'nothing was opened');
  });

  test('observe() in code throws them all instead', async () => {
    const ended = await runChild({ cwd: project, args: ['observe.mjs'] });
    const [known, code, mistakes] = JSON.parse(ended.stdout);
    assert.equal(known, true);
    assert.equal(code, 'SIGHTLINE_E_OPTION');
    assert.equal(mistakes.length, 3);
    for (const name of ['adminPort', 'logLevel', 'nonsense']) {
      assert.equal(mistakes.filter((mistake: string) => mistake.includes(name)).length, 1, name);
    }
  });
});

suite('nothing to observe', () => {
  test('OTEL_SDK_DISABLED=true: nothing is hooked, opened or said', async () => {
    const observed = await serve([...ONE_LINE, 'app.mjs'], { ...receiver.environment, OTEL_SDK_DISABLED: 'true' });
    sameAsBare(observed, bare);
    assert.equal(observed.answer.headers['x-correlation-id'], undefined);
    assert.equal(observed.stderr, '');
    assert.equal(existsSync(observed.dataDirectory), false);
  });

  test('a script without server or record opens nothing', async () => {
    const dataDirectory = join(temporaryDirectory('data'), 'sightline');
    const env = { SIGHTLINE_DATA_DIR: dataDirectory, ...receiver.environment };
    const ended = await runChild({ cwd: project, args: [...ONE_LINE, 'script.mjs'], env });
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [5, 'worked\n', '']);
    assert.equal(existsSync(dataDirectory), false);
  });

  test('an app that is broken fails as it would', async () => {
    const alone = await runChild({ cwd: project, args: ['broken.mjs'] });
    const observed = await runChild({ cwd: project, args: [...ONE_LINE, 'broken.mjs'], env: receiver.environment });
    assert.equal(alone.code, 1);
    assert.deepEqual(observed, alone);
  });
});

suite('surroundings that fail', () => {
  test('no backend answers: same output, same end', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const observed = await serve([...ONE_LINE, 'app.mjs'], { SIGHTLINE_STACK_URL: url, SIGHTLINE_ADMIN_PORT: '0' });
    sameAsBare(observed, bare);
    assert.equal(observed.answer.headers['x-correlation-id'], 'check-1');
  });

  test('a data directory that cannot be made', async () => {
    const observed = await serve([...ONE_LINE, 'app.mjs'], {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: join(process.execPath, 'is-a-file'),
    });
    sameAsBare(observed, bare);
    assert.equal(observed.answer.headers['x-correlation-id'], 'check-1');
    assert.match(observed.stderr, /^sightline: SIGHTLINE_[EW]_(?:JOURNAL|DATA_DIR): /m);
  });

  test('standard error is closed', async () => {
    const command = 'exec "$0" --import sightline/register app.mjs 2>&-';
    const child = startProgram('sh', ['-c', command, NODE_OWN.path], {
      cwd: project,
      env: { ...receiver.environment, SIGHTLINE_LOG_LEVEL: 'wrong', SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
    });
    const [, port] = await child.line(/listening (\d+)/);
    assert.equal((await send(`http://127.0.0.1:${port}/orders/7`)).status, 200);
    await send(`http://127.0.0.1:${port}/stop`);
    assert.equal((await child.ended).code, 3);
  });

  test('an admin port that was asked for and is taken: said, and the app runs', async () => {
    const taken = String(new URL(receiver.url).port);
    const observed = await serve([...ONE_LINE, 'app.mjs'], { ...receiver.environment, SIGHTLINE_ADMIN_PORT: taken });
    sameAsBare(observed, bare);
    assert.match(observed.stderr, /^sightline: SIGHTLINE_E_PORT_TAKEN: .*\b/m);
    assert.equal(observed.answer.headers['x-correlation-id'], 'check-1');
  });
});

suite('a Node that is too old', { skip: NODE_TOO_OLD.missing }, () => {
  const ways: readonly { name: string; args: readonly string[]; app?: string; nodeOptions?: string }[] = [
    { name: '--import', args: ['--import', 'sightline/register', 'app.mjs'] },
    { name: '-r', args: ['-r', 'sightline/register', 'app.cjs'] },
    { name: 'NODE_OPTIONS', args: ['app.mjs'], nodeOptions: '--import=sightline/register' },
    { name: 'first line of an ES module', args: ['first-line.mjs'] },
    { name: 'first line of CommonJS', args: ['first-line.cjs'] },
  ];
  for (const { name, args, nodeOptions } of ways) {
    test(`${name}: one line, nothing hooked, the app runs`, async () => {
      const observed = await serve(args, { ...receiver.environment, NODE_OPTIONS: nodeOptions }, NODE_TOO_OLD);
      sameAsBare(observed, bare);
      assert.equal(observed.answer.headers['x-correlation-id'], undefined);
      assert.match(observed.stderr, /^sightline: SIGHTLINE_E_RUNTIME: got Node 20\.19\.5, wanted 22\.16[^\n]*\n$/);
      assert.equal(existsSync(observed.dataDirectory), false);
    });
  }
});

suite('loaded more than once', () => {
  for (const node of [NODE_OLDEST, NODE_OWN]) {
    test(`three times on Node ${node.version}: observed once`, { skip: node.missing }, async () => {
      const id = `three-times-${node.version}`;
      const child = startChild({
        node,
        cwd: project,
        args: ['-r', 'sightline/register', '--import', 'sightline/register', 'first-line.mjs'],
        env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
      });
      const [, port] = await child.line(/listening (\d+)/);
      const url = `http://127.0.0.1:${port}`;
      const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': id } });
      assert.equal(answer.headers['x-correlation-id'], id);
      const lines = () => receiver.documents.filter((document) => document['correlation.id'] === id);
      // Before it ends: what is not acknowledged by then stays on disk.
      await eventually('span and lines', () =>
        receiver.spans.some((span) => span.tags?.['correlation.id'] === id) && lines().length >= 2 ? true : undefined,
      );
      await send(`${url}/stop`);
      const ended = await child.ended;
      assert.equal(ended.code, 3);
      assert.equal(ended.stderr, '');
      assert.equal(receiver.spans.filter((span) => span.tags?.['correlation.id'] === id).length, 1);
      assert.equal(lines().length, 2, 'one line of the app, one access line');
    });
  }
});

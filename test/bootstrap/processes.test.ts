/** The one line where a program is more than one process or thread, and where it reaches programs that are no services. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ended, runChild, startChild, startProgram } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const NODE_OPTIONS = '--import=sightline/register';

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

function linesOf(id: string): readonly Record<string, any>[] {
  return receiver.documents.filter((document) => document['correlation.id'] === id);
}

function spansOf(id: string): readonly { localEndpoint?: { serviceName?: string }; kind?: string }[] {
  return receiver.spans.filter((span) => span.tags?.['correlation.id'] === id);
}

suite('two copies of the package', () => {
  test('the second finds the first and steps back', async () => {
    const directory = createProject({
      name: 'order-service',
      packages: ['pino'],
      files: {
        'app.mjs': `import 'sightline/register';\nimport 'plugin';\n${fixture('loading/esm.mjs')}`,
      },
    });
    const plugin = join(directory, 'node_modules', 'plugin');
    const copy = join(plugin, 'node_modules', 'sightline');
    mkdirSync(copy, { recursive: true });
    cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
    writeFileSync(
      join(plugin, 'package.json'),
      '{"name":"plugin","version":"1.0.0","type":"module","exports":"./index.js"}',
    );
    writeFileSync(
      join(plugin, 'index.js'),
      "import 'sightline/register';\nimport { observe } from 'sightline';\nobserve();\n",
    );
    const child = startChild({
      cwd: directory,
      args: ['app.mjs'],
      env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
    });
    const [, port] = await child.line(/listening (\d+)/);
    await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': 'two-copies' } });
    await eventually('span and lines', () =>
      spansOf('two-copies').length > 0 && linesOf('two-copies').length >= 2 ? true : undefined,
    );
    await send(`http://127.0.0.1:${port}/stop`);
    const ended = await child.ended;
    assert.deepEqual([ended.code, ended.stderr], [3, '']);
    assert.equal(spansOf('two-copies').length, 1);
    assert.equal(linesOf('two-copies').length, 2);
  });
});

suite('programs that are no services, under NODE_OPTIONS', () => {
  const directory = createProject({
    name: 'order-service',
    packages: ['pino', 'typescript'],
    files: {
      'hello.mjs': "console.log('hello');\n",
      'code.ts': 'export const answer: number = 42;\n',
      'tsconfig.json': '{ "compilerOptions": { "outDir": "out" }, "files": ["code.ts"] }',
    },
  });
  const tools: readonly { name: string; command: string; args: readonly string[] }[] = [
    { name: 'npm --version', command: 'npm', args: ['--version'] },
    { name: 'npm pkg get name', command: 'npm', args: ['pkg', 'get', 'name'] },
    { name: 'npx --version', command: 'npx', args: ['--version'] },
    { name: 'tsc', command: NODE_OWN.path, args: ['node_modules/typescript/bin/tsc', '-p', '.'] },
    { name: 'node -e', command: NODE_OWN.path, args: ['-e', "console.log('e')"] },
    { name: 'node --check', command: NODE_OWN.path, args: ['--check', 'hello.mjs'] },
    { name: 'a script', command: NODE_OWN.path, args: ['hello.mjs'] },
  ];
  const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> =>
    startProgram(command, args, {
      cwd: directory,
      // This Node, not the machine's own.
      env: { PATH: `${dirname(NODE_OWN.path)}${delimiter}${process.env['PATH']}`, ...env },
    }).ended;

  for (const { name, command, args } of tools) {
    test(`${name} is left alone`, async () => {
      const dataDirectory = join(temporaryDirectory('data'), 'sightline');
      const bare = await run(command, args, {});
      assert.equal(bare.code, 0, bare.stderr);
      const observed = await run(command, args, {
        ...receiver.environment,
        NODE_OPTIONS,
        SIGHTLINE_DATA_DIR: dataDirectory,
      });
      assert.deepEqual(observed, bare);
      assert.equal(existsSync(dataDirectory), false, 'nothing was opened');
    });
  }

  test('npm start: npm is left alone, the app that it starts is observed', async () => {
    const app = createProject({
      name: 'order-service',
      packages: ['pino'],
      files: { 'app.mjs': fixture('loading/esm.mjs') },
    });
    await run('npm', ['pkg', 'set', 'scripts.start=node app.mjs', '--prefix', app], {});
    const child = startProgram('npm', ['start', '--silent', '--prefix', app], {
      cwd: app,
      env: {
        ...receiver.environment,
        PATH: `${dirname(NODE_OWN.path)}${delimiter}${process.env['PATH']}`,
        NODE_OPTIONS,
        SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      },
    });
    const [, port] = await child.line(/listening (\d+)/);
    const answer = await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': 'npm-start' } });
    assert.equal(answer.headers['x-correlation-id'], 'npm-start');
    await eventually('the lines', () =>
      linesOf('npm-start').length >= 2 && spansOf('npm-start').length > 0 ? true : undefined,
    );
    await send(`http://127.0.0.1:${port}/stop`);
    assert.equal((await child.ended).code, 3);
    assert.equal(spansOf('npm-start')[0]?.localEndpoint?.serviceName, 'order-service');
  });
});

const WORKER_APP = `
import { createServer } from 'node:http';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const server = createServer((request, response) => {
    if (request.url === '/stop') {
      response.end();
      process.exitCode = 3;
      worker.terminate();
      server.close();
      return;
    }
    worker.once('message', (sum) => response.end(String(sum)));
    worker.postMessage([1, 2, 3]);
  });
  server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
} else {
  parentPort.on('message', (numbers) => parentPort.postMessage(numbers.reduce((a, b) => a + b)));
}
`;

const CHILD_APP = `
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
if (process.send === undefined) {
  const child = fork(fileURLToPath(import.meta.url));
  const childPort = await new Promise((resolve) => child.once('message', resolve));
  const server = createServer(async (request, response) => {
    if (request.url === '/stop') {
      response.end();
      process.exitCode = 3;
      child.send('stop');
      server.close();
      return;
    }
    const answer = await fetch('http://127.0.0.1:' + childPort + '/');
    response.end(await answer.text());
  });
  server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
} else {
  const server = createServer((request, response) => response.end(String(request.headers['x-correlation-id'])));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('message', () => process.exit(0));
}
`;

const CLUSTER_APP = `
import cluster from 'node:cluster';
import { createServer } from 'node:http';
if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()];
  let listening = 0;
  cluster.on('listening', (worker, address) => {
    listening += 1;
    if (listening === 2) console.log('listening', address.port);
  });
  cluster.on('message', () => {
    process.exitCode = 3;
    for (const worker of workers) worker.disconnect();
  });
} else {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end('served');
    if (request.url === '/stop') process.send('stop');
  });
  server.listen(0, '127.0.0.1');
}
`;

for (const node of [NODE_OLDEST, NODE_OWN]) {
  suite(`more than one thread or process, Node ${node.version}`, { skip: node.missing }, () => {
    async function compare(source: string, id: string, withNodeOptions: boolean, servers = 1): Promise<string> {
      const run = async (observed: boolean) => {
        const directory = createProject({ name: 'order-service', files: { 'app.mjs': source } });
        const child = startChild({
          node,
          cwd: directory,
          args: [...(observed && !withNodeOptions ? ['--import', 'sightline/register'] : []), 'app.mjs'],
          env: observed
            ? {
                ...receiver.environment,
                SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
                ...(withNodeOptions && { NODE_OPTIONS }),
              }
            : {},
        });
        const [, port] = await child.line(/listening (\d+)/);
        const answer = await send(`http://127.0.0.1:${port}/`, { headers: { 'x-correlation-id': id } });
        assert.equal(answer.status, 200);
        if (observed) {
          assert.equal(answer.headers['x-correlation-id'], id);
          // Before it ends: what is not acknowledged by then stays on disk.
          await eventually('the server spans', () =>
            spansOf(id).filter(({ kind }) => kind === 'SERVER').length >= servers ? true : undefined,
          );
        }
        await send(`http://127.0.0.1:${port}/stop`);
        const ended = await child.ended;
        return { answer: answer.body, code: ended.code, signal: ended.signal, stderr: ended.stderr };
      };
      const bare = await run(false);
      assert.equal(bare.code, 3, bare.stderr);
      const observed = await run(true);
      assert.deepEqual({ ...observed, answer: '' }, { ...bare, answer: '' });
      return observed.answer;
    }

    for (const withNodeOptions of [false, true]) {
      const way = withNodeOptions ? 'NODE_OPTIONS' : '--import';
      test(`worker threads by ${way}`, async () => {
        const id = `worker-${node.version}-${withNodeOptions}`;
        assert.equal(await compare(WORKER_APP, id, withNodeOptions), '6');
        assert.equal(spansOf(id).length, 1);
      });
      test(`a forked server by ${way} is observed too, under the same ID`, async () => {
        const id = `fork-${node.version}-${withNodeOptions}`;
        assert.equal(await compare(CHILD_APP, id, withNodeOptions, 2), id);
        assert.equal(spansOf(id).filter(({ kind }) => kind === 'SERVER').length, 2);
      });
      test(`a cluster by ${way}`, async () => {
        const id = `cluster-${node.version}-${withNodeOptions}`;
        assert.equal(await compare(CLUSTER_APP, id, withNodeOptions), 'served');
        assert.equal(spansOf(id).length, 1);
      });
    }
  });
}

test('the courier does not run the one line inside itself', async () => {
  const ended = await runChild({
    cwd: createProject({
      name: 'order-service',
      packages: ['pino'],
      files: { 'app.mjs': "import pino from 'pino';\npino().info('x');\n" },
    }),
    args: ['app.mjs'],
    env: { ...receiver.environment, NODE_OPTIONS, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
  });
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});

/** The package as it is published: what it contains, what it says about itself, and that it works where it is installed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, runChild, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { fixture } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What one line may bring into a project. */
const MAX_PACKAGES = 35;
/** Unpacked size of everything that an installation brings, bytes. */
const MAX_INSTALLED_BYTES = 12 * 1024 ** 2;

const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

/** Runs a program to its end; standard output, or an error with everything that it said. */
function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = cleanEnvironment({ PATH: `${dirname(NODE_OWN.path)}${delimiter}${process.env['PATH']}` });
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

suite('the packed package', () => {
  let tarball: string;
  let project: string;

  before(async () => {
    const directory = temporaryDirectory('pack');
    // The build is there already (`npm test` made it); packing must not replace it under other tests.
    const [packed] = JSON.parse(
      await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], root),
    );
    tarball = join(directory, packed.filename);
    project = temporaryDirectory('installed');
    writeFileSync(join(project, 'package.json'), '{ "name": "order-service", "version": "1.2.3", "private": true }');
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], project);
  });

  test('contains what runs and nothing of the workshop', async () => {
    const installed = join(project, 'node_modules', 'sightline');
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    for (const wanted of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/register.js',
      'dist/cli/main.js',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
    ]) {
      assert.ok(files.includes(wanted), wanted);
    }
    assert.deepEqual(
      files.filter((file) => /^(?:lib|test|scripts|benchmarks|node_modules)\b|\.test\.|tsconfig|\.map$/.test(file)),
      [],
    );
    assert.ok((statSync(join(installed, 'dist/cli/main.js')).mode & 0o111) !== 0, 'the command can be run');
  });

  test('publint has nothing to say', async () => {
    await run(bin('publint'), ['run', tarball, '--strict'], root);
  });

  test('types resolve for every kind of importer', async () => {
    await run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'ascii'], root);
  });

  test(`brings at most ${MAX_PACKAGES} packages, none of which runs a script at installation`, async () => {
    const lock = JSON.parse(readFileSync(join(project, 'node_modules', '.package-lock.json'), 'utf8'));
    const packages = Object.entries<{ hasInstallScript?: boolean; optional?: boolean }>(lock.packages);
    assert.ok(packages.length <= MAX_PACKAGES, `${packages.length} packages`);
    assert.deepEqual(
      packages.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([name]) => name),
      [],
    );
    const bytes = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
      .map((file) => statSync(join(project, 'node_modules', file)))
      .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
    assert.ok(bytes <= MAX_INSTALLED_BYTES, `${bytes} bytes`);
    // For the documents, which state nothing that was not printed.
    console.log(`installed: ${packages.length} packages, ${(bytes / 1024 ** 2).toFixed(1)} MB`);
  });

  for (const node of [NODE_OLDEST, NODE_OWN]) {
    test(`the one line works in an empty project, Node ${node.version}`, { skip: node.missing }, async (context) => {
      const receiver = await startReceiver();
      context.after(() => receiver.close());
      writeFileSync(join(project, 'app.mjs'), fixture('loading/esm.mjs'));
      const child = startChild({
        node,
        cwd: project,
        args: ['--import', 'sightline/register', 'app.mjs'],
        env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
      });
      context.after(() => child.kill('SIGKILL'));
      const [, port] = await child.line(/listening (\d+)/);
      const answer = await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': 'installed' } });
      assert.equal(answer.headers['x-correlation-id'], 'installed');
      await eventually('span and lines', () =>
        receiver.spans.length > 0 && receiver.documents.length >= 2 ? true : undefined,
      );
      assert.equal(receiver.spans[0]?.localEndpoint?.serviceName, 'order-service');
      await send(`http://127.0.0.1:${port}/stop`);
      const ended = await child.ended;
      assert.deepEqual([ended.code, ended.stderr], [3, '']);
    });
  }

  test('every subpath can be imported and required', async () => {
    const script = [
      "import { createRequire } from 'node:module';",
      'const require = createRequire(import.meta.url);',
      "const imported = await import('sightline');",
      "const required = require('sightline');",
      "for (const name of ['observe', 'log', 'metrics', 'correlation', 'health', 'SightlineError']) {",
      '  if (imported[name] === undefined) throw new Error(name);',
      '  if (imported[name] !== required[name]) throw new Error(name + " twice");',
      '}',
      "for (const name of ['startReceiver', 'startObserved', 'assertLog', 'matchers', 'faults'])",
      "  if (require('sightline/testing')[name] === undefined) throw new Error(name);",
      "console.log(require('sightline/package.json').name);",
    ].join('\n');
    writeFileSync(join(project, 'subpaths.mjs'), script);
    const ended = await runChild({ cwd: project, args: ['subpaths.mjs'] });
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'sightline\n', '']);
  });

  test('a TypeScript project compiles against it, without skipLibCheck', async () => {
    mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      const target = join(project, 'node_modules', name);
      if (!existsSync(target)) cpSync(join(root, 'node_modules', name), target, { recursive: true, dereference: true });
    }
    writeFileSync(
      join(project, 'typed.mts'),
      [
        "import { correlation, log, metrics, observe, SightlineError, type Observation } from 'sightline';",
        "import { assertLog, faults, type Receiver, startReceiver } from 'sightline/testing';",
        "import 'sightline/register';",
        'const observation: Observation = observe({ adminPort: 0 });',
        'const url: string | undefined = observation.admin.url;',
        "log.info({ url, id: correlation.id() }, 'typed');",
        'const { delivered }: { delivered: number } = await observation.shutdown({ timeoutMs: 10 });',
        'const receiver: Receiver = await startReceiver({ port: 0 });',
        'receiver.fail(/_bulk/, faults.tooManyRequests(1), faults.hang);',
        "await assertLog(receiver, 'id', { message: /typed/ });",
        'if (delivered < 0) throw new SightlineError("SIGHTLINE_E_USAGE", String(metrics));',
      ].join('\n'),
    );
    const options = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      noEmit: true,
      types: ['node'],
      skipLibCheck: false,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['typed.mts'] }));
    await run(bin('tsc'), ['-p', 'tsconfig.json'], project);
  });

  test('direct delivery names the packages to install', async () => {
    const ended = await runChild({
      cwd: project,
      args: ['--import', 'sightline/register', '-e', "console.log('runs')"],
      env: { SIGHTLINE_DELIVERY: 'direct', SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
    });
    assert.deepEqual([ended.code, ended.stdout], [0, 'runs\n']);
    assert.match(ended.stderr, /SIGHTLINE_E_PEER_MISSING: .*npm install .*@opentelemetry\/sdk-node/);
  });
});

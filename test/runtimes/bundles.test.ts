/** Apps whose every package is inside one file: what the one line still reaches, and what the bundle hides (docs/runtimes.md). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { NODE_OWN } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { documentsOf, ONE_LINE, routesOf, serve, spansOf } from './serving.ts';

const bundlers = npmFixture('bundlers');
const oldPino = npmFixture('pino-9.9');
const modules = join(bundlers.directory, 'node_modules');

const APPS = ['express-app', 'fastify-app', 'own-app', 'register-app', 'old-pino-app'] as const;
type App = (typeof APPS)[number];

const sources = createProject({
  name: 'order-service',
  packages: ['express', 'fastify', 'pino', 'prom-client'],
  linked: { 'pino-old': join(oldPino.directory, 'node_modules', 'pino') },
  files: {
    'express-app.mjs': fixture('runtimes/express-app.mjs'),
    'fastify-app.mjs': fixture('runtimes/fastify-app.mjs'),
    'own-app.mjs': fixture('runtimes/own-app.mjs'),
    'register-app.mjs': `import 'sightline/register';\n${fixture('runtimes/own-app.mjs')}`,
    'old-pino-app.mjs': fixture('loading/esm.mjs').replace("'pino'", "'pino-old'"),
  },
});

/** Gives ES modules the `require` that packages of CommonJS call: what users of esbuild put there. */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

function esbuild(out: string, ...options: readonly string[]): void {
  const entries = APPS.map((app) => `${app}.mjs`);
  const program = join(modules, 'esbuild', 'bin', 'esbuild');
  const result = spawnSync(
    NODE_OWN.path,
    [program, ...entries, '--bundle', '--platform=node', '--log-level=error', `--outdir=${out}`, ...options],
    { cwd: sources, encoding: 'utf8' },
  );
  assert.equal(result.status, 0, result.stderr);
}

function webpack(out: string): void {
  const config = {
    mode: 'production',
    target: 'node',
    context: sources,
    entry: Object.fromEntries(APPS.map((app) => [app, `./${app}.mjs`])),
    output: { path: out, filename: '[name].cjs' },
    // Two thirds of the time; esbuild's minified bundle is among the builds.
    optimization: { minimize: false },
  };
  const code = `require('webpack')(${JSON.stringify(config)}, (error, stats) => {
    if (error ?? stats.hasErrors()) { console.error(error ?? stats.toString()); process.exit(1); }
  });`;
  const result = spawnSync(NODE_OWN.path, ['-e', code], { cwd: bundlers.directory, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stdout + result.stderr);
}

interface Build {
  readonly name: string;
  readonly extension: string;
  readonly build: (out: string) => void;
}

const BUILDS: readonly Build[] = [
  {
    name: 'esbuild, CommonJS',
    extension: 'cjs',
    build: (out) => esbuild(out, '--format=cjs', '--out-extension:.js=.cjs', '--log-override:empty-import-meta=silent'),
  },
  {
    name: 'esbuild, ES modules, minified',
    extension: 'mjs',
    build: (out) => esbuild(out, '--format=esm', '--minify', '--out-extension:.js=.mjs', `--banner:js=${BANNER}`),
  },
  { name: 'webpack', extension: 'cjs', build: webpack },
];

suite('bundles', { skip: bundlers.missing ?? oldPino.missing }, () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  for (const { name, extension, build } of BUILDS) {
    suite(name, () => {
      let deployed: string;
      let alone: string;
      before(() => {
        const out = temporaryDirectory('bundles');
        build(out);
        // As it is deployed: the bundle, a package.json, and of all packages at most Sightline.
        deployed = createProject({ name: 'order-service', files: {} });
        alone = temporaryDirectory('alone');
        for (const directory of [deployed, alone]) cpSync(out, directory, { recursive: true });
      });
      const file = (app: App): string => `${app}.${extension}`;

      test('Express, pino and prom-client: HTTP, IDs, lines and HTTP metrics; no routes, no errors, not its own metrics', async () => {
        const id = `express ${name}`.replaceAll(/[^a-z]+/gi, '-');
        const { child, ask, metrics } = await serve({
          receiver,
          cwd: deployed,
          args: [...ONE_LINE, file('express-app')],
        });
        const answer = await ask('/shops/berlin/orders/7', id);
        assert.equal(answer.headers['x-correlation-id'], id);
        assert.deepEqual(JSON.parse(answer.body), [id, id], 'forwarded by fetch and by http');
        assert.equal((await ask('/fails', `${id}-fails`)).status, 500);

        const lines = await documentsOf(receiver, id, 4);
        const spans = await spansOf(receiver, id, 5);
        assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
        const own = lines.find(({ message }) => message === 'order read');
        assert.equal(own?.['orderId'], '7');
        assert.equal(own?.['trace.id'], spans[0]?.traceId);
        const failed = await documentsOf(receiver, `${id}-fails`, 1);
        assert.deepEqual(
          failed.map((line) => [line['message'].replace(/\d+ms/, 'ms'), line['error.message']]),
          [['GET /fails 500 ms', undefined]],
        );
        const page = await metrics();
        assert.deepEqual(routesOf(page), { '': 4 });
        assert.match(page, /^http_client_request_duration_seconds_count\{.*\} 2$/m);
        assert.doesNotMatch(page, /^orders_read_total/m, 'registries inside a bundle are not found');
        const ownPage = await ask('/own-metrics', id);
        assert.match(ownPage.body, /^orders_read_total 1$/m);
        await ask('/stop', id);
        const ended = await child.ended;
        assert.deepEqual([ended.code, ended.stderr], [3, '']);
        assert.match(ended.stdout, /^listening \d+\n\{"level":30,"orderId":"7","msg":"order read"\}\n$/);
      });

      test('Fastify: everything, routes and errors, too', async () => {
        const id = `fastify ${name}`.replaceAll(/[^a-z]+/gi, '-');
        const { child, ask, metrics } = await serve({
          receiver,
          cwd: deployed,
          args: [...ONE_LINE, file('fastify-app')],
        });
        assert.equal((await ask('/orders/7', id)).headers['x-correlation-id'], id);
        assert.equal((await ask('/fails', `${id}-fails`)).status, 500);
        const lines = await documentsOf(receiver, id, 2);
        assert.equal(lines.find(({ message }) => message === 'order read')?.['orderId'], '7');
        const [span] = await spansOf(receiver, id, 1);
        assert.equal(span?.name, 'GET /orders/:id');
        const [failed] = await spansOf(receiver, `${id}-fails`, 1);
        assert.equal(failed?.tags?.['exception.message'], 'no stock');
        assert.deepEqual(routesOf(await metrics()), { '/orders/:id': 1, '/fails': 1 });
        await ask('/stop', id);
        assert.equal((await child.ended).code, 3);
      });

      test('pino below 9.10 inside a bundle: its lines are not shipped, everything else is as ever', async () => {
        const id = `old-pino ${name}`.replaceAll(/[^a-z]+/gi, '-');
        const { child, ask } = await serve({ receiver, cwd: deployed, args: [...ONE_LINE, file('old-pino-app')] });
        assert.equal((await ask('/orders/7', id)).headers['x-correlation-id'], id);
        await documentsOf(receiver, id, 1);
        await ask('/stop', id);
        assert.equal((await child.ended).code, 3);
        assert.ok(receiver.documents.every((line) => line['correlation.id'] !== id || /^GET \//.test(line['message'])));
        assert.match(child.stdout(), /"msg":"order read"/);
      });

      test('Sightline itself bundled, beside the one line: log, metrics, health and correlation are those that run', async () => {
        const id = `own ${name}`.replaceAll(/[^a-z]+/gi, '-');
        const { child, ask, metrics } = await serve({ receiver, cwd: deployed, args: [...ONE_LINE, file('own-app')] });
        const answer = await ask('/', id);
        assert.deepEqual(JSON.parse(answer.body), [id, true]);
        const lines = await documentsOf(receiver, id, 2);
        assert.equal(lines.find(({ message }) => message === 'order read')?.['orderId'], 7);
        assert.match(await metrics(), /^orders_read_total 1$/m);
        await ask('/stop', id);
        const ended = await child.ended;
        assert.deepEqual([ended.code, ended.stderr], [3, '']);
      });

      for (const app of ['own-app', 'register-app'] as const) {
        test(`${app} with nothing beside the bundle: one line, and the app runs`, async () => {
          const { child, ask } = await serve({ receiver, cwd: alone, args: [file(app)] });
          const answer = await ask('/', 'nobody');
          assert.equal(answer.status, 200);
          assert.equal(answer.headers['x-correlation-id'], undefined);
          await ask('/stop', 'nobody');
          const ended = await child.ended;
          assert.equal(ended.code, 3, ended.stderr);
          assert.match(ended.stderr, /^sightline: SIGHTLINE_E_BUNDLED: got sightline inside a bundle, [^\n]*\n$/);
          assert.match(ended.stdout, /"orderId":7,"msg":"order read"/);
        });
      }
    });
  }
});

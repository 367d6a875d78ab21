/** Next.js as it is deployed: `output: 'standalone'`, built for real, with the one line in front of its server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { cleanEnvironment } from '../support/child.ts';
import { NODE_OWN } from '../support/nodes.ts';
import { freePort } from '../support/ports.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { documentsOf, ONE_LINE, routesOf, type Serving, serve, spansOf } from './serving.ts';

const next = npmFixture('next');
const sources = fileURLToPath(new URL('../fixtures/runtimes/next', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
/** A build of a busy machine, milliseconds; usually seven seconds. */
const BUILD_MILLIS = 300_000;

interface Built {
  readonly standalone: string;
  /** What the build said, when it was made now. */
  readonly output: string;
}

/**
 * The app, built once for each text of its sources and kept beside the packages: under the one line, which must leave a
 * build alone.
 */
function builtApp(): Built {
  const files = globSync('**/*.{js,mjs}', { cwd: sources }).sort();
  const text = files.map((file) => file + readFileSync(join(sources, file), 'utf8')).join('\n');
  const kept = join(next.directory, `standalone-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
  if (existsSync(kept)) return { standalone: kept, output: '' };
  // The compiler takes nothing from outside of the folder, not even by a link: it is a copy with hard links.
  const app = join(next.directory, `build-${process.pid}`);
  mkdirSync(app, { recursive: true });
  try {
    cpSync(sources, app, { recursive: true });
    writeFileSync(join(app, 'package.json'), '{"name":"shop-front","version":"1.2.3","private":true}');
    const copied = spawnSync('cp', ['-al', join(next.directory, 'node_modules'), join(app, 'node_modules')]);
    assert.equal(copied.status, 0, String(copied.stderr));
    symlinkSync(root, join(app, 'node_modules', 'sightline'), 'dir');
    const dataDirectory = join(temporaryDirectory('data'), 'sightline');
    const { status, stdout, stderr } = spawnSync(NODE_OWN.path, ['node_modules/.bin/next', 'build'], {
      cwd: app,
      encoding: 'utf8',
      timeout: BUILD_MILLIS,
      env: cleanEnvironment({
        NEXT_TELEMETRY_DISABLED: '1',
        NODE_OPTIONS: '--import=sightline/register',
        SIGHTLINE_DATA_DIR: dataDirectory,
      }),
    });
    assert.equal(status, 0, stdout + stderr);
    assert.equal(existsSync(dataDirectory), false, 'the build is left alone');
    renameSync(join(app, '.next', 'standalone'), kept);
    return { standalone: kept, output: stdout + stderr };
  } finally {
    rmSync(app, { recursive: true, force: true });
  }
}

suite('Next.js standalone', { skip: next.missing }, () => {
  let receiver: Receiver;
  let app: Serving;
  before(async () => {
    const { standalone, output } = builtApp();
    assert.doesNotMatch(output, /sightline: /);
    const deployed = temporaryDirectory('next');
    cpSync(standalone, deployed, { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(deployed, 'node_modules'), { recursive: true });
    symlinkSync(root, join(deployed, 'node_modules', 'sightline'), 'dir');
    receiver = await startReceiver();
    app = await serve({
      receiver,
      cwd: deployed,
      args: [...ONE_LINE, 'server.js'],
      line: /http:\/\/127\.0\.0\.1:(\d+)/,
      env: { PORT: String(await freePort()), HOSTNAME: '127.0.0.1' },
    });
  });
  after(() => receiver.close());

  test('a page: one server span with its route, the ID echoed', async () => {
    const answer = await app.ask('/orders/7', 'next-page');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-correlation-id'], 'next-page');
    const [access] = await documentsOf(receiver, 'next-page', 1);
    const spans = await spansOf(receiver, 'next-page', 2);
    const servers = spans.filter(({ kind }) => kind === 'SERVER');
    assert.deepEqual(
      servers.map(({ name }) => name),
      ['GET /orders/[id]'],
    );
    assert.equal(servers[0]?.localEndpoint?.serviceName, 'shop-front');
    assert.equal(access?.['trace.id'], servers[0]?.traceId);
    // The spans of Next.js itself belong to it.
    assert.ok(spans.every(({ traceId }) => traceId === servers[0]?.traceId));
  });

  test('a route handler: its pino line, the ID forwarded by fetch, one client span', async () => {
    const answer = await app.ask('/api/orders/8', 'next-api');
    assert.equal(JSON.parse(answer.body)['x-correlation-id'], 'next-api');
    const lines = await documentsOf(receiver, 'next-api', 3);
    const own = lines.find(({ message }) => message === 'order read');
    assert.equal(own?.['orderId'], '8');
    // Those of Next.js itself come and go with its versions.
    const isHttp = ({ kind }: { kind?: string }) => kind === 'SERVER' || kind === 'CLIENT';
    await spansOf(receiver, 'next-api', 5);
    const http = (await spansOf(receiver, 'next-api', 5)).filter(isHttp);
    assert.deepEqual(http.map(({ kind, name }) => `${kind} ${name}`).sort(), [
      'CLIENT GET',
      'SERVER GET /api/echo',
      'SERVER GET /api/orders/[id]',
    ]);
    const inner = http.find(({ name }) => name === 'GET /api/echo');
    assert.equal(inner?.parentId, http.find(({ kind }) => kind === 'CLIENT')?.id);
  });

  for (const { path, route, message } of [
    { path: '/api/fails', route: '/api/fails', message: 'no stock' },
    { path: '/broken', route: '/broken', message: 'broken page' },
  ]) {
    test(`${path}: the error once, with its route`, async () => {
      const id = `next-fails-${message.replace(' ', '-')}`;
      assert.equal((await app.ask(path, id)).status, 500);
      const lines = await documentsOf(receiver, id, 2);
      const errors = lines.filter((line) => line['error.message'] !== undefined);
      assert.deepEqual(
        errors.map((line) => [line['error.message'], line['http.route']]),
        [[message, route]],
      );
      const server = (await spansOf(receiver, id, 2)).find(({ kind }) => kind === 'SERVER');
      assert.equal(server?.name, `GET ${route}`);
      assert.equal(server?.tags?.['exception.message'], message);
    });
  }

  test('no route, metrics by route, and its own end', async () => {
    assert.equal((await app.ask('/nothing/here', 'next-nothing')).status, 404);
    await documentsOf(receiver, 'next-nothing', 1);
    assert.deepEqual(routesOf(await app.metrics()), {
      '': 1,
      '/api/echo': 1,
      '/api/fails': 1,
      '/api/orders/[id]': 1,
      '/broken': 1,
      '/orders/[id]': 1,
    });
    const ended = await app.child.stop();
    assert.deepEqual([ended.code, ended.signal], [143, null], 'as without us');
    assert.doesNotMatch(ended.stderr, /sightline: /);
  });
});

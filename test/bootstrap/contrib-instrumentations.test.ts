/** Instrumentations of OpenTelemetry that an app registers: their spans join our trace, and nothing is told twice. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { createProject } from '../support/project.ts';
import { type ReceivedSpan, type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

/** Requests reach `/leaf` by `fetch`, and Redis. */
const APP = `
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici');
const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis');
registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation(), new IORedisInstrumentation()] });
const http = require('node:http');
const Redis = require('ioredis');
const redis = process.env.REDIS_PORT === undefined ? undefined : new Redis(Number(process.env.REDIS_PORT), '127.0.0.1');
const server = http.createServer(async (request, response) => {
  if (request.url === '/leaf') return response.end(JSON.stringify(request.headers));
  if (request.url === '/stop') {
    response.end();
    server.close();
    redis?.disconnect();
    return;
  }
  await redis?.set('order' + request.url, 'canary-value');
  const stored = await redis?.get('order' + request.url);
  const leaf = await fetch('http://127.0.0.1:' + server.address().port + '/leaf').then((answer) => answer.json());
  response.end(JSON.stringify({ stored, leaf }));
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

const fixture = npmFixture('otel-libraries');
// Of the system's packages.
const REDIS = 'redis-server';
const hasRedis = spawnSync(REDIS, ['--version']).status === 0;

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

async function startRedis(t: { after(body: () => void): void }): Promise<number> {
  const port = await freePort();
  const redis = spawn(
    REDIS,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', temporaryDirectory('redis')],
    { stdio: 'ignore' },
  );
  t.after(() => redis.kill('SIGKILL'));
  await eventually('Redis', async () => {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    return answered ? true : undefined;
  });
  return port;
}

interface Run {
  readonly spans: readonly ReceivedSpan[];
  readonly documents: readonly Record<string, unknown>[];
  readonly answer: Awaited<ReturnType<typeof send>>;
  readonly stderr: string;
}

/** @param wanted spans of the requests under the IDs `first` and `second` to wait for, together */
async function run(name: string, env: NodeJS.ProcessEnv, wanted: number): Promise<Run> {
  const modules = join(fixture.directory, 'node_modules');
  const packages = ['instrumentation', 'instrumentation-http', 'instrumentation-undici', 'instrumentation-ioredis'];
  const child = startChild({
    cwd: createProject({
      name,
      linked: Object.fromEntries(
        [...packages.map((one) => `@opentelemetry/${one}`), 'ioredis'].map((one) => [one, join(modules, one)]),
      ),
      files: { 'app.cjs': APP },
    }),
    args: ['--import', 'sightline/register', 'app.cjs'],
    env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data'), ...env },
  });
  const [, port] = await child.line(/listening (\d+)/);
  const [answer] = await Promise.all(
    ['first', 'second'].map((id) =>
      send(`http://127.0.0.1:${port}/${id}`, { headers: { 'x-correlation-id': `${name}-${id}` } }),
    ),
  );
  const ours = () =>
    receiver.spans.filter(
      (span) =>
        span.localEndpoint?.serviceName === name && span.kind !== undefined && span.tags?.['db.statement'] !== 'info',
    );
  await eventually('the spans', () => (ours().length >= wanted ? true : undefined));
  await send(`http://127.0.0.1:${port}/stop`);
  const ended = await child.ended;
  assert.equal(ended.code, 0, ended.stderr);
  const documents = receiver.documents.filter((line) => String(line['correlation.id']).startsWith(name));
  return { spans: ours(), documents, answer: answer!, stderr: ended.stderr };
}

suite('instrumentations of libraries, registered by the app', { skip: fixture.missing }, () => {
  const skip = hasRedis ? false : 'no redis-server: npm run backends -- redis';
  test('Redis commands are below the right one of two requests at once; HTTP is told once', { skip }, async (t) => {
    const redisPort = await startRedis(t);
    // Of each: two servers, one call, two commands.
    const { spans, answer, stderr } = await run('libraries', { REDIS_PORT: String(redisPort) }, 10);
    assert.equal((JSON.parse(answer.body) as { stored: string }).stored, 'canary-value');
    for (const id of ['libraries-first', 'libraries-second']) {
      const inTrace = spans.filter((span) => span.tags?.['correlation.id'] === id);
      assert.equal(new Set(inTrace.map(({ traceId }) => traceId)).size, 1);
      const servers = inTrace.filter(({ kind }) => kind === 'SERVER');
      const root = servers.find(({ parentId }) => parentId === undefined);
      const calls = inTrace.filter((span) => span.kind === 'CLIENT' && span.tags?.['http.request.method'] === 'GET');
      assert.equal(servers.length, 2, 'one server span a request');
      assert.equal(calls.length, 1, 'one client span a call');
      assert.equal(calls[0]?.parentId, root?.id);
      assert.equal(servers.find((span) => span !== root)?.parentId, calls[0]?.id);
      const commands = inTrace.filter((span) => /^(?:get|set)/i.test(span.name ?? '') && !calls.includes(span));
      const redis = commands.filter((span) => span.kind === 'CLIENT');
      assert.equal(redis.length, 2, JSON.stringify(inTrace.map(({ name, kind }) => [name, kind])));
      for (const command of redis) assert.equal(command.parentId, root?.id);
    }
    const lines = stderr.trim().split('\n');
    assert.ok(
      lines.every((line) => line.includes('is active too; its HTTP spans are left out')),
      stderr,
    );
  });

  test('OTEL_NODE_DISABLED_INSTRUMENTATIONS=undici: theirs makes the span of the call, and ours none', async () => {
    const { spans, stderr } = await run('no-undici', { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'undici' }, 6);
    for (const id of ['no-undici-first', 'no-undici-second']) {
      const inTrace = spans.filter((span) => span.tags?.['correlation.id'] === id);
      const calls = inTrace.filter(({ kind }) => kind === 'CLIENT');
      assert.equal(calls.length, 1);
      assert.equal(
        calls[0]?.parentId,
        inTrace.find((span) => span.kind === 'SERVER' && span.parentId === undefined)?.id,
      );
    }
    assert.doesNotMatch(stderr, /undici/);
  });

  test('OTEL_NODE_DISABLED_INSTRUMENTATIONS=http,undici: all HTTP spans are theirs; no header and no line is ours', async () => {
    const env = { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'http,undici' };
    const { spans, answer, documents, stderr } = await run('no-http', env, 6);
    const traces = Map.groupBy(spans, ({ traceId }) => traceId);
    const whole = [...traces.values()].filter((inTrace) => inTrace.some(({ kind }) => kind === 'CLIENT'));
    assert.equal(whole.length, 2);
    for (const inTrace of whole)
      assert.deepEqual(inTrace.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER', 'SERVER']);
    assert.equal(answer.headers['x-correlation-id'], undefined);
    assert.deepEqual(documents, []);
    assert.equal(stderr, '');
  });
});

/** Apps that carry another observer: they keep working, and no request has two server spans in one place. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

/** Prints each span that the app's own SDK exports. */
const SDK = `
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const sdk = new NodeSDK({
  traceExporter: {
    export(spans, done) {
      for (const span of spans) {
        const parent = span.parentSpanContext?.spanId ?? span.parentSpanId ?? '';
        console.log('theirs', JSON.stringify({ name: span.name, kind: span.kind, ...span.spanContext(), parent }));
      }
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  },
  metricReaders: [],
  logRecordProcessors: [],
  instrumentations: [new HttpInstrumentation({ ignoreIncomingRequestHook: (request) => request.url === '/stop' })],
});
sdk.start();
module.exports = sdk;
`;

const APP = `
if (process.env.SDK_IN_CODE) require('./sdk.cjs');
const http = require('node:http');
const pino = require('pino');
const { trace } = require('@opentelemetry/api');
const logger = pino({ name: 'app' });
const server = http.createServer((request, response) => {
  if (request.url === '/stop') {
    response.end();
    server.close();
    const sdk = require.cache[require.resolve('./sdk.cjs')]?.exports;
    sdk?.shutdown().then(() => console.log('ended'));
    return;
  }
  if (request.url === '/leaf') return response.end('leaf');
  logger.info('got a request');
  const span = trace.getTracer('app').startSpan('manual');
  span.end();
  http.get('http://127.0.0.1:' + server.address().port + '/leaf', (answer) => {
    answer.resume().on('end', () => response.end(JSON.stringify(span.spanContext())));
  });
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

interface TheirSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string;
}
const SERVER = 1;
const CLIENT = 2;

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

async function run(folder: string, name: string, preloads: readonly string[], inCode: boolean) {
  const modules = join(npmFixture(folder).directory, 'node_modules');
  const packages = ['api', 'sdk-node', 'instrumentation-http'].map((one) => `@opentelemetry/${one}`);
  const child = startChild({
    cwd: createProject({
      name,
      packages: ['pino'],
      linked: Object.fromEntries(packages.map((one) => [one, join(modules, one)])),
      files: { 'sdk.cjs': SDK, 'app.cjs': APP },
    }),
    args: [...preloads.flatMap((preload) => ['--import', preload]), 'app.cjs'],
    env: {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      ...(inCode && { SDK_IN_CODE: '1' }),
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  const id = `neighbour-${name}`;
  const answer = await send(`http://127.0.0.1:${port}/work`, { headers: { 'x-correlation-id': id } });
  await eventually('the line', () =>
    receiver.documents.some((one) => one['service.name'] === name && one['message'] === 'got a request')
      ? true
      : undefined,
  );
  await send(`http://127.0.0.1:${port}/stop`);
  const ended = await child.ended;
  const theirs = [...ended.stdout.matchAll(/^theirs (.*)$/gm)].map(([, text]) => JSON.parse(text ?? '') as TheirSpan);
  const ours = receiver.spans.filter((span) => span.localEndpoint?.serviceName === name);
  return {
    id,
    answer,
    ended,
    theirs,
    ours,
    documents: receiver.documents.filter((one) => one['service.name'] === name),
  };
}

type Result = Awaited<ReturnType<typeof run>>;

/** What holds whoever makes the spans: one SERVER span a request, all lines under the trace of their request. */
function assertJoined({ id, answer, ended, documents }: Result, serverTraces: readonly string[]): void {
  assert.equal(ended.code, 0);
  assert.match(ended.stdout, /^ended$/m, 'their SDK was shut down');
  assert.equal(answer.headers['x-correlation-id'], id);
  const traces = documents.filter((one) => one['correlation.id'] === id).map((one) => one['trace.id']);
  assert.equal(traces.length, 3, 'the line of the app and two access lines');
  assert.deepEqual(new Set(traces), new Set([JSON.parse(answer.body).traceId]));
  assert.equal(serverTraces.filter((trace) => trace === traces[0]).length, 2, 'one server span a request');
  assert.equal(ended.stderr.split('\n').filter((line) => line !== '').length, 1, ended.stderr);
  assert.match(ended.stderr, /^sightline: SIGHTLINE_W_NEIGHBOUR: /);
}

for (const folder of ['otel-contrib', 'otel-1.9']) {
  suite(`an own NodeSDK with HTTP instrumentation, ${folder}`, { skip: npmFixture(folder).missing }, () => {
    test('loaded before: it makes the spans, we make none and name its traces', async () => {
      const result = await run(
        folder,
        `${folder.replace('.', '-')}-before`,
        ['./sdk.cjs', 'sightline/register'],
        false,
      );
      const server = result.theirs.filter(({ kind }) => kind === SERVER);
      assertJoined(
        result,
        server.map(({ traceId }) => traceId),
      );
      assert.deepEqual(result.ours, []);
      const [line] = result.documents.filter((one) => one['message'] === 'got a request');
      assert.ok(server.some(({ spanId }) => spanId === line?.['span.id']));
      const client = result.theirs.find(({ kind }) => kind === CLIENT);
      assert.ok(
        server.some(({ parent }) => parent === client?.spanId),
        'the next hop is below their client span',
      );
    });
    for (const [way, preloads, inCode] of [
      ['preloaded after', ['sightline/register', './sdk.cjs'], false],
      ['started in code', ['sightline/register'], true],
    ] as const) {
      test(`${way}: its spans come here, and the HTTP ones are not made twice`, async () => {
        const name = `${folder.replace('.', '-')}-${inCode ? 'code' : 'after'}`;
        const result = await run(folder, name, preloads, inCode);
        const server = result.ours.filter(({ kind }) => kind === 'SERVER');
        assertJoined(
          result,
          server.map(({ traceId }) => traceId),
        );
        assert.deepEqual(result.theirs, []);
        const client = result.ours.filter(({ kind }) => kind === 'CLIENT');
        assert.equal(client.length, 1);
        assert.ok(
          server.some(({ parentId }) => parentId === client[0]?.id),
          'the next hop is below the client span',
        );
        const manual = result.ours.find((span) => span.name === 'manual');
        assert.ok(
          server.some(({ id }) => id === manual?.parentId),
          'a span through the API is below its request',
        );
      });
    }
  });
}

const CONTRIB = `
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express');
registerInstrumentations({ instrumentations: [new ExpressInstrumentation()] });
const express = require('express');
const app = express();
app.get('/orders/:id', (request, response) => response.end('order'));
const server = app.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
app.get('/stop', (request, response) => {
  response.end();
  server.close();
});
`;

suite('a contrib instrumentation that the app registers', { skip: npmFixture('otel-contrib').missing }, () => {
  test('joins our trace: its spans are below the request, which has one server span', async () => {
    const modules = join(npmFixture('otel-contrib').directory, 'node_modules');
    const names = ['@opentelemetry/instrumentation', '@opentelemetry/instrumentation-express', 'express'];
    const child = startChild({
      cwd: createProject({
        name: 'contrib',
        linked: Object.fromEntries(names.map((one) => [one, join(modules, one)])),
        files: { 'app.cjs': CONTRIB },
      }),
      args: ['--import', 'sightline/register', 'app.cjs'],
      env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
    });
    const [, port] = await child.line(/listening (\d+)/);
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await send(`${url}/orders/7`, { headers: { 'x-correlation-id': 'contrib' } })).body, 'order');
    // Before it ends: what is not acknowledged by then stays on disk.
    const spans = await eventually('the spans', () => {
      const found = receiver.spans.filter((span) => span.tags?.['correlation.id'] === 'contrib');
      return found.length > 1 ? found : undefined;
    });
    await send(`${url}/stop`);
    const ended = await child.ended;
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    const [server, ...more] = spans.filter(({ kind }) => kind === 'SERVER');
    assert.deepEqual(more, []);
    const handler = spans.find(({ name }) => name?.startsWith('request handler'));
    assert.equal(handler?.traceId, server?.traceId);
    assert.equal(handler?.parentId, server?.id);
  });
});

/** Package, its start, and its name in the warning; backends that do not exist. */
const AGENTS: readonly (readonly [folder: string, name: string, start: string])[] = [
  ['sentry', '@sentry/node', "require('@sentry/node').init({ dsn: 'http://key@127.0.0.1:9/1', tracesSampleRate: 1 });"],
  [
    'elastic-apm',
    'elastic-apm-node',
    "require('elastic-apm-node').start({ serverUrl: 'http://127.0.0.1:9', logLevel: 'off', centralConfig: false, cloudProvider: 'none' });",
  ],
  ['newrelic', 'newrelic', "require('newrelic');"],
  ['dd-trace', 'dd-trace', "require('dd-trace').init({ hostname: '127.0.0.1', port: 9, startupLogs: false });"],
];

const AGENT_APP = `
if (process.env.AGENT_IN_CODE) require('./agent.cjs');
const http = require('node:http');
const server = http.createServer((request, response) => {
  if (request.url === '/stop') {
    response.end();
    server.close(() => process.exit(3));
    return;
  }
  if (request.url === '/leaf') return response.end(JSON.stringify(request.headers));
  http.get('http://127.0.0.1:' + server.address().port + '/leaf', (answer) => answer.pipe(response));
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

for (const [folder, agent, start] of AGENTS) {
  suite(`an app with ${agent}`, { skip: npmFixture(folder).missing }, () => {
    for (const way of ['before', 'code'] as const) {
      test(`loaded ${way === 'code' ? 'in code' : 'before'}: the app runs, one server span a request here, one line says so`, async () => {
        const name = `${folder}-${way}`;
        const preloads = way === 'before' ? ['./agent.cjs', 'sightline/register'] : ['sightline/register'];
        const child = startChild({
          cwd: createProject({
            name,
            linked: { [agent]: join(npmFixture(folder).directory, 'node_modules', agent) },
            files: { 'agent.cjs': start, 'app.cjs': AGENT_APP },
          }),
          args: [...preloads.flatMap((preload) => ['--import', preload]), 'app.cjs'],
          env: {
            ...receiver.environment,
            SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
            NEW_RELIC_APP_NAME: name,
            NEW_RELIC_LICENSE_KEY: '0123456789012345678901234567890123456789',
            NEW_RELIC_HOST: '127.0.0.1',
            NEW_RELIC_LOG_ENABLED: 'false',
            ...(way === 'code' && { AGENT_IN_CODE: '1' }),
          },
        });
        const [, port] = await child.line(/listening (\d+)/);
        const answer = await send(`http://127.0.0.1:${port}/work`, { headers: { 'x-correlation-id': name } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['x-correlation-id'], name);
        assert.equal(JSON.parse(answer.body)['x-correlation-id'], name, 'the ID goes on');
        const server = await eventually('the server spans', () => {
          const found = receiver.spans.filter(
            (span) => span.kind === 'SERVER' && span.tags?.['correlation.id'] === name,
          );
          return found.length >= 2 ? found : undefined;
        });
        await send(`http://127.0.0.1:${port}/stop`);
        const ended = await child.ended;
        assert.equal(ended.code, 3, ended.stderr);
        const said = ended.stderr.split('\n').filter((line) => line.startsWith('sightline: '));
        assert.equal(said.length, 1, ended.stderr);
        assert.ok(said[0]?.startsWith(`sightline: SIGHTLINE_W_NEIGHBOUR: ${agent} observes this process, too`));
        assert.deepEqual(server.map((span) => span.tags?.['url.path']).sort(), ['/leaf', '/work']);
      });
    }
  });
}

suite('an app with another version of the API', { skip: npmFixture('otel-api-1.4').missing }, () => {
  test('1.4: its tracers are ours', async () => {
    const source = `
const { trace, context } = require('@opentelemetry/api');
const span = trace.getTracer('old', '1.4').startSpan('from an old API');
context.with(trace.setSpan(context.active(), span), () => trace.getTracer('old').startSpan('below').end());
span.end();
setInterval(() => {}, 1000);
`;
    const child = startChild({
      cwd: createProject({
        name: 'old-api',
        linked: { '@opentelemetry/api': join(npmFixture('otel-api-1.4').directory, 'node_modules/@opentelemetry/api') },
        files: { 'app.cjs': source },
      }),
      args: ['--import', 'sightline/register', 'app.cjs'],
      env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
    });
    const spans = await eventually('both spans', () => {
      const found = receiver.spans.filter((span) => span.localEndpoint?.serviceName === 'old-api');
      return found.length >= 2 ? found : undefined;
    });
    const ended = await child.stop();
    assert.deepEqual([ended.signal, ended.stderr], ['SIGTERM', '']);
    const parent = spans.find(({ name }) => name === 'from an old API');
    assert.ok(parent !== undefined);
    assert.equal(spans.find(({ name }) => name === 'below')?.parentId, parent.id);
  });
});

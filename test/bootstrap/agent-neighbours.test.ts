/** Apps that carry another observer: they keep working, and no request has two server spans in one place. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject } from '../support/project.ts';
import { type ReceivedSpan, type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

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

interface Agent {
  /** Row of `npm-fixtures.txt`. */
  readonly folder: string;
  /** In the warning. */
  readonly name: string;
  /** Backends that do not exist. */
  readonly start: string;
  /** A tracer provider that the agent registers is named in a line of its own. */
  readonly provider?: string;
  readonly ways?: readonly Way[];
}

type Way = 'before' | 'after' | 'code';
const INSIGHTS = 'InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9';

const AGENTS: readonly Agent[] = [
  {
    folder: 'sentry',
    name: '@sentry/node',
    start: "require('@sentry/node').init({ dsn: 'http://key@127.0.0.1:9/1', tracesSampleRate: 1 });",
  },
  {
    // A tracer provider of its own kind. Loaded before, it keeps its spans to itself.
    folder: 'sentry-10',
    name: '@sentry/node',
    start: "require('@sentry/node').init({ dsn: 'http://key@127.0.0.1:9/1', tracesSampleRate: 1 });",
    provider: 'another tracer provider was registered',
    ways: ['after', 'code'],
  },
  {
    // The SDK that versions 8 and 9 have. Without a rate it records nothing, and is passed over for that.
    folder: 'sentry-10',
    name: '@sentry/node',
    start: "require('@sentry/node').init({ dsn: 'http://key@127.0.0.1:9/1', openTelemetryBasicTracerProvider: true });",
    ways: ['code'],
  },
  {
    folder: 'sentry-10',
    name: '@sentry/node',
    start:
      "require('@sentry/node').init({ dsn: 'http://key@127.0.0.1:9/1', openTelemetryBasicTracerProvider: true, tracesSampleRate: 1 });",
    provider: 'an OpenTelemetry SDK was started',
    ways: ['code'],
  },
  {
    folder: 'applicationinsights-2',
    name: 'applicationinsights',
    start: `require('applicationinsights').setup('${INSIGHTS}').setUseDiskRetryCaching(false).setInternalLogging(false, false).start();`,
    provider: 'an OpenTelemetry SDK was started',
  },
  {
    folder: 'elastic-apm',
    name: 'elastic-apm-node',
    start:
      "require('elastic-apm-node').start({ serverUrl: 'http://127.0.0.1:9', logLevel: 'off', centralConfig: false, cloudProvider: 'none' });",
  },
  { folder: 'newrelic', name: 'newrelic', start: "require('newrelic');" },
  {
    folder: 'dd-trace',
    name: 'dd-trace',
    start: "require('dd-trace').init({ hostname: '127.0.0.1', port: 9, startupLogs: false });",
  },
];

const PRELOADS: Readonly<Record<Way, readonly string[]>> = {
  before: ['./agent.cjs', 'sightline/register'],
  after: ['sightline/register', './agent.cjs'],
  code: ['sightline/register'],
};

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

const EVERY_WAY: readonly Way[] = ['before', 'after', 'code'];

for (const { folder, name: agent, start, provider, ways = EVERY_WAY } of AGENTS) {
  suite(`an app with ${agent}, ${folder}`, { skip: npmFixture(folder).missing }, () => {
    for (const way of ways) {
      test(`${way}: the app runs, one server span a request here, a line says so`, async () => {
        const name = `${folder}-${provider === undefined ? 'plain' : provider.length}-${way}`;
        const child = startChild({
          cwd: createProject({
            name,
            linked: { [agent]: join(npmFixture(folder).directory, 'node_modules', agent) },
            files: { 'agent.cjs': start, 'app.cjs': AGENT_APP },
          }),
          args: ['app.cjs'],
          env: {
            ...receiver.environment,
            NODE_OPTIONS: PRELOADS[way].map((preload) => `--import=${preload}`).join(' '),
            NODE_NO_WARNINGS: '1',
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
        const server = (): ReceivedSpan[] =>
          receiver.spans.filter((span) => span.kind === 'SERVER' && span.tags?.['correlation.id'] === name);
        await eventually('the server spans', () => (server().length >= 2 ? true : undefined));
        await send(`http://127.0.0.1:${port}/stop`);
        const ended = await child.ended;
        assert.equal(ended.code, 3, ended.stderr);
        const said = ended.stderr.split('\n').filter((line) => line.startsWith('sightline: '));
        assert.equal(said.length, provider === undefined ? 1 : 2, ended.stderr);
        assert.ok(provider === undefined || ended.stderr.includes(`SIGHTLINE_W_NEIGHBOUR: ${provider}`), ended.stderr);
        assert.ok(ended.stderr.includes(`SIGHTLINE_W_NEIGHBOUR: ${agent} observes this process, too`));
        const paths = server().map(({ tags }) => tags?.['url.path'] ?? tags?.['http.target'] ?? tags?.['http.url']);
        assert.equal(paths.length, 2, String(paths));
        assert.ok(paths.some((path) => path?.endsWith('/leaf')) && paths.some((path) => path?.endsWith('/work')));
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

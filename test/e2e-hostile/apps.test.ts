/** Apps that do to Node what an observer does, end in their own way, or bring their own tracing. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import type { Child } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { type ReceivedSpan, type Receiver, startReceiver } from '../support/receiver.ts';
import { eventually } from '../support/wait.ts';
import {
  API_APP,
  CLOSING_APP,
  FROZEN_APP,
  MANY_APP,
  MIDDLEWARE_APP,
  PATCHING_APP,
  SDK_APP,
  SIGNAL_APP,
  SUBCLASS_APP,
} from './apps-sources.ts';
import { bareAndObserved, type Scenario } from './compare.ts';
import { converse, withoutOurs } from './raw.ts';

const middleware = npmFixture('express-middleware');
const linked = Object.fromEntries(
  ['express', 'on-headers', 'compression', 'morgan', 'helmet', 'express-session', 'errorhandler', 'cookie-session'].map(
    (name) => [name, join(middleware.directory, 'node_modules', name)],
  ),
);

const get = (path: string, lines = ''): string =>
  `GET ${path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n${lines}\r\n`;

async function ask(port: number, ...paths: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const path of paths) answers.push(withoutOurs(await converse({ port, chunks: [get(path)] })));
  await send(`http://127.0.0.1:${port}/stop`).catch(() => undefined);
  return answers;
}

async function closing(port: number): Promise<unknown> {
  const agent = new Agent({ keepAlive: true });
  const url = `http://127.0.0.1:${port}`;
  await send(`${url}/idle`, { agent });
  const slow = send(`${url}/slow`, { agent });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const close = await send(`${url}/close`);
  const answers = [(await slow).body, close.body];
  agent.destroy();
  return answers;
}

const MANY = 2000;

async function manyAtOnce(port: number): Promise<unknown> {
  const agent = new Agent({ keepAlive: true, maxSockets: MANY });
  const answers = await Promise.all(
    Array.from({ length: MANY }, (_, n) =>
      send(`http://127.0.0.1:${port}/n/${n}`, { agent, headers: { 'x-correlation-id': `many-${n}` } }),
    ),
  );
  agent.destroy();
  const wrong = answers.filter(
    ({ headers }, n) => headers['x-correlation-id'] !== undefined && headers['x-correlation-id'] !== `many-${n}`,
  );
  const most = (await send(`http://127.0.0.1:${port}/stop`)).body;
  return { statuses: answers.filter(({ status }) => status === 200).length, wrong: wrong.length, most };
}

const byTerm = async (port: number, child: Child): Promise<unknown> => {
  const { body } = await send(`http://127.0.0.1:${port}/`);
  child.kill('SIGTERM');
  return body;
};

type Row = Omit<Scenario, 'node'> & {
  readonly name: string;
  readonly missing?: string | undefined;
  readonly code?: number | null;
};

const ROWS: readonly Row[] = [
  {
    name: 'morgan, helmet, compression, two sessions, on-headers',
    files: { 'app.cjs': MIDDLEWARE_APP },
    linked,
    missing: middleware.missing,
    client: async (port) => {
      const compressed = withoutOurs(await converse({ port, chunks: [get('/text', 'accept-encoding: gzip\r\n')] }));
      return [
        compressed,
        await ask(port, '/text', '/json/7', '/file', '/redirect', '/thrown', '/rejected', '/nothing'),
      ];
    },
  },
  {
    name: 'prototypes and instances patched by the app',
    files: { 'app.cjs': PATCHING_APP },
    client: (port) => ask(port, '/a', '/b'),
  },
  { name: 'subclasses of everything', files: { 'app.cjs': SUBCLASS_APP }, client: (port) => ask(port, '/abcdef') },
  { name: 'frozen prototypes', files: { 'app.cjs': FROZEN_APP }, client: (port) => ask(port, '/') },
  { name: 'close and closeIdleConnections', files: { 'app.cjs': CLOSING_APP }, client: closing },
  {
    name: `${MANY} sockets at once`,
    files: { 'app.cjs': MANY_APP },
    args: ['app.cjs', String(MANY)],
    client: manyAtOnce,
  },
  {
    name: "removeAllListeners('SIGTERM') at start",
    files: { 'app.cjs': SIGNAL_APP("process.removeAllListeners('SIGTERM');") },
    client: byTerm,
    code: null,
  },
  {
    name: "removeAllListeners('SIGTERM') later, then an own handler",
    files: {
      'app.cjs': SIGNAL_APP(
        "server.on('listening', () => { process.removeAllListeners('SIGTERM'); process.once('SIGTERM', () => { console.log('own'); process.exit(9); }); });",
      ),
    },
    client: byTerm,
    code: 9,
  },
  {
    name: 'removeAllListeners() of everything',
    files: { 'app.cjs': SIGNAL_APP("server.on('listening', () => process.removeAllListeners());") },
    client: byTerm,
    code: null,
  },
  {
    name: 'an app that counts its listeners',
    files: {
      'app.cjs': SIGNAL_APP(
        "server.on('listening', () => console.log(process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection'), process.listenerCount('beforeExit'), process.listenerCount('warning')));",
      ),
    },
    client: byTerm,
    code: null,
  },
  {
    name: 'an uncaught error',
    files: {
      'app.cjs': SIGNAL_APP(
        "server.on('request', (request) => { if (request.url === '/throw') throw new TypeError('not caught'); });",
      ),
    },
    client: async (port) => {
      await send(`http://127.0.0.1:${port}/throw`).catch(() => undefined);
    },
    code: 1,
  },
  {
    name: 'node --test',
    files: {
      'app.test.mjs': `
import assert from 'node:assert';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
const server = createServer((request, response) => response.end(request.url));
after(() => server.close());
test('serves', async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answer = await fetch('http://127.0.0.1:' + server.address().port + '/x');
  assert.equal(await answer.text(), '/x');
});
test('fails', { todo: true }, () => assert.equal(1, 2));
`,
    },
    args: ['--test', '--test-reporter=tap', 'app.test.mjs'],
  },
  {
    name: 'node -e',
    files: {},
    args: [
      '-e',
      "require('http').createServer((q, s) => s.end('e')).listen(0, function () { this.close(); console.log('done') })",
    ],
  },
  { name: 'node -p', files: {}, args: ['-p', '1 + 1'] },
  {
    name: 'a program on standard input',
    files: {},
    args: ['-'],
    input: "console.log('from input', typeof require);\n",
  },
  {
    name: 'a module on standard input',
    files: {},
    args: ['--input-type=module', '-'],
    input: "import http from 'node:http';\nconsole.log(typeof http.get);\n",
  },
  {
    name: 'the REPL on a pipe',
    files: {},
    args: ['-i'],
    input: "const x = 40;\nx + 2\nObject.keys(globalThis).length\nthrow new Error('typed');\n.exit\n",
  },
  {
    name: 'a package that needs punycode and the old URL parser',
    files: {
      'app.cjs': "require('old'); console.log('loaded');\n",
      'node_modules/old/package.json': '{ "name": "old", "version": "1.0.0" }',
      'node_modules/old/index.js':
        "require('punycode').toASCII('ü.example'); require('url').parse('http://a/b'); new Buffer(1);\n",
    },
  },
  { name: 'an app that needs punycode itself', files: { 'app.cjs': "require('punycode').toASCII('ü.example');\n" } },
  {
    name: '--no-deprecation and punycode',
    files: {
      'app.cjs': "require('old');\n",
      'node_modules/old/package.json': '{ "name": "old", "version": "1.0.0" }',
      'node_modules/old/index.js': "require('punycode');\n",
    },
    args: ['--no-deprecation', 'app.cjs'],
  },
  {
    name: 'the OpenTelemetry API',
    files: { 'app.mjs': API_APP },
    packages: ['@opentelemetry/api'],
    args: ['app.mjs'],
    client: (port) => ask(port, '/'),
  },
];

for (const node of [NODE_OWN, NODE_OLDEST]) {
  suite(`apps, Node ${node.version}`, { skip: node.missing, concurrency: 2 }, () => {
    let receiver: Receiver;
    before(async () => {
      receiver = await startReceiver();
    });
    after(() => receiver.close());

    for (const { name, missing, code = 0, ...scenario } of ROWS) {
      test(name, { skip: missing }, async () => {
        const { bare, observed } = await bareAndObserved({ ...scenario, node }, receiver);
        assert.deepEqual(observed, bare);
        assert.equal(bare.code, code, bare.stderr);
      });
    }

    /** Asks once; the observed app is stopped when the span of the request has arrived. */
    const askTraced =
      (service: string) =>
      async (port: number): Promise<unknown> => {
        const answer = await send(`http://127.0.0.1:${port}/traced`);
        const served = (): true | undefined => spansOf(service).some((span) => span.kind === 'SERVER') || undefined;
        if (answer.headers['x-correlation-id'] !== undefined) await eventually('the span of the request', served);
        await send(`http://127.0.0.1:${port}/stop`);
        return [answer.status, answer.body];
      };
    const spansOf = (service: string): readonly ReceivedSpan[] =>
      receiver.spans.filter(
        (span) => span.localEndpoint?.serviceName === service && span.tags?.['url.path'] !== '/stop',
      );

    test("spans that the app makes by the API are children of its request's span", async () => {
      const service = `api-${node.version}`;
      const scenario = { node, files: { 'app.mjs': API_APP }, packages: ['@opentelemetry/api'], args: ['app.mjs'] };
      await bareAndObserved({ ...scenario, env: { OTEL_SERVICE_NAME: service }, client: askTraced(service) }, receiver);
      const spans = spansOf(service);
      const server = spans.find((span) => span.kind === 'SERVER');
      const outer = spans.find((span) => span.name === 'outer');
      const inner = spans.find((span) => span.name === 'inner');
      assert.ok(server && outer && inner, JSON.stringify(spans));
      assert.equal(outer.parentId, server.id);
      assert.equal(inner.parentId, outer.id);
      assert.equal(inner.tags?.['app.key'], 'value');
    });

    test('an app with its own NodeSDK: it works, and there is one server span', async () => {
      const service = `sdk-${node.version}`;
      const { bare, observed } = await bareAndObserved(
        {
          node,
          files: { 'app.mjs': SDK_APP },
          packages: ['@opentelemetry/api', '@opentelemetry/sdk-node'],
          args: ['app.mjs'],
          env: { OTEL_SERVICE_NAME: service },
          client: askTraced(service),
        },
        receiver,
      );
      assert.deepEqual([observed.result, observed.code, observed.stdout], [bare.result, bare.code, bare.stdout]);
      assert.equal(spansOf(service).filter((span) => span.kind === 'SERVER').length, 1);
      const said = observed.stderr.split('\n').filter((line) => line.startsWith('sightline:'));
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0]!, /SIGHTLINE_W_NEIGHBOUR: an OpenTelemetry SDK was started after Sightline/);
    });
  });
}

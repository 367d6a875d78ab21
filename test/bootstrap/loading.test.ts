/**
 * Apps as users write them, every way of loading the one line, every Node that is promised. Each row runs a child
 * program against a receiver and sends a real request; what the app does must be what it does without the line.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { announcedAdmin } from '../support/announced.ts';
import { type Child, type Ended, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODES, type NodeRuntime } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const express4 = npmFixture('express-4');

interface App {
  readonly file: string;
  readonly packages: readonly string[];
  readonly linked?: Readonly<Record<string, string>>;
  readonly missing?: string | undefined;
  /** What the span of `GET /orders/7` is called: the route where a framework knows one. */
  readonly span: string;
}

const APPS: readonly App[] = [
  { file: 'cjs.cjs', packages: ['pino'], span: 'GET' },
  { file: 'esm.mjs', packages: ['pino'], span: 'GET' },
  { file: 'typescript.mts', packages: ['pino'], span: 'GET' },
  {
    file: 'express-4.cjs',
    packages: ['pino'],
    linked: { express: join(express4.directory, 'node_modules', 'express') },
    missing: express4.missing,
    span: 'GET /orders/:id',
  },
  { file: 'express-5.mjs', packages: ['pino', 'express'], span: 'GET /orders/:id' },
  { file: 'fastify-5.mjs', packages: ['fastify'], span: 'GET /orders/:id' },
  { file: 'koa-3.mjs', packages: ['pino', 'koa', '@koa/router'], span: 'GET /orders/:id' },
];

interface Way {
  readonly name: string;
  readonly args?: readonly string[];
  readonly nodeOptions?: string;
  /** Put before the app's own code. */
  readonly firstLine?: { readonly cjs: string; readonly esm: string };
}

const WAYS: readonly Way[] = [
  { name: '--import', args: ['--import', 'sightline/register'] },
  { name: '-r', args: ['-r', 'sightline/register'] },
  { name: 'NODE_OPTIONS', nodeOptions: '--import=sightline/register' },
  {
    name: 'first line',
    firstLine: { cjs: "require('sightline/register');\n", esm: "import 'sightline/register';\n" },
  },
  {
    name: 'observe() in code',
    firstLine: { cjs: "require('sightline').observe({ accessLog: 'on' });\n", esm: "import './observe.mjs';\n" },
  },
];

interface Row {
  readonly app: App;
  readonly node: NodeRuntime;
  readonly way: Way | undefined;
}

interface Running {
  readonly child: Child;
  readonly url: string;
  readonly dataDirectory: string;
}

async function start({ app, node, way }: Row, environment: Readonly<Record<string, string>>): Promise<Running> {
  const esm = !app.file.endsWith('.cjs');
  const firstLine = way?.firstLine === undefined ? '' : esm ? way.firstLine.esm : way.firstLine.cjs;
  const directory = createProject({
    name: 'order-service',
    packages: app.packages,
    ...(app.linked && { linked: app.linked }),
    files: {
      [app.file]: firstLine + fixture(`loading/${app.file}`),
      'observe.mjs': "import { observe } from 'sightline';\nobserve({ accessLog: 'on' });\n",
    },
  });
  const dataDirectory = temporaryDirectory('data');
  // Node strips types by itself from 22.18.
  const types = app.file.endsWith('.mts') && node.version.startsWith('22.16.') ? ['--experimental-strip-types'] : [];
  const child = startChild({
    node,
    cwd: directory,
    args: [...types, ...(way?.args ?? []), app.file],
    env: {
      SIGHTLINE_DATA_DIR: dataDirectory,
      ...environment,
      ...(way?.nodeOptions && { NODE_OPTIONS: way.nodeOptions }),
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  return { child, url: `http://127.0.0.1:${port}`, dataDirectory };
}

/** The port differs from run to run; Fastify's own deprecations name the process. */
function comparable(ended: Ended): { code: number | null; signal: string | null; stdout: string; stderr: string } {
  return {
    code: ended.code,
    signal: ended.signal,
    stdout: ended.stdout.replace(/listening \d+/, 'listening'),
    stderr: ended.stderr.replaceAll(/\(node:\d+\)/g, '(node)'),
  };
}

const bare = new Map<string, ReturnType<typeof comparable>>();

/** What an app does on one Node without the line; asked once. */
async function bareRun(app: App, node: NodeRuntime): Promise<ReturnType<typeof comparable>> {
  const key = `${app.file} ${node.version}`;
  const known = bare.get(key);
  if (known !== undefined) return known;
  const { child, url } = await start({ app, node, way: undefined }, {});
  const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': 'check-1' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-correlation-id'], undefined);
  await send(`${url}/stop`);
  const result = comparable(await child.ended);
  assert.equal(result.code, 3);
  bare.set(key, result);
  return result;
}

for (const node of NODES) {
  suite(`Node ${node.version}`, { concurrency: 2 }, () => {
    let receiver: Receiver;
    before(async () => {
      receiver = await startReceiver();
    });
    after(() => receiver.close());

    for (const app of APPS) {
      for (const way of WAYS) {
        test(`${app.file} by ${way.name}`, { skip: node.missing ?? app.missing }, async (context) => {
          const expected = await bareRun(app, node);
          const { child, url, dataDirectory } = await start({ app, node, way }, receiver.environment);
          context.after(() => child.kill('SIGKILL'));
          const id = `check-${node.version}-${app.file}-${way.name.replaceAll(/[^\w]/g, '')}`;

          const answer = await send(`${url}/orders/7`, { headers: { 'x-correlation-id': id } });
          assert.equal(answer.status, 200);
          assert.equal(answer.body, '{"path":"/orders/7"}');
          assert.equal(answer.headers['x-correlation-id'], id);

          const span = await eventually(`the span of ${id}`, () =>
            receiver.spans.find((candidate) => candidate.tags?.['correlation.id'] === id),
          );
          assert.equal(span.kind, 'SERVER');
          assert.equal(span.name?.toLowerCase(), app.span.toLowerCase());
          assert.equal(span.localEndpoint?.serviceName, 'order-service');

          const lines = await eventually(`the lines of ${id}`, () => {
            const found = receiver.documents.filter(
              (document) => document['correlation.id'] === id || document['correlation']?.id === id,
            );
            return found.length >= 2 ? found : undefined;
          });
          const own = lines.find((line) => line['message'] === 'order read');
          assert.ok(own, 'the line of the app');
          assert.equal(own['orderId'], '7');
          for (const line of lines) assert.equal(line['trace.id'] ?? line['trace']?.id, span.traceId);

          const exposition = await (await fetch(`${await announcedAdmin(dataDirectory)}/metrics`)).text();
          const count = exposition
            .split('\n')
            .filter((line) => line.startsWith('http_server_request_duration_seconds_count{'))
            .filter((line) => line.includes(`http_route="${app.span.slice(4)}"`));
          assert.equal(count.length, 1, exposition.slice(0, 3000));
          assert.match(count[0] ?? '', / 1$/);

          await send(`${url}/stop`);
          assert.deepEqual(comparable(await child.ended), expected);
        });
      }
    }
  });
}

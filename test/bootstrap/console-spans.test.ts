/** `OTEL_TRACES_EXPORTER=console`: spans as lines on standard output, seen from outside. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { cleanEnvironment, runChild, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

/** A request makes a span of its own below that of the server; `/end` ends the process in the way that it names. */
const SERVER = `
const http = require('node:http');
const { observe } = require('sightline');
const { tracer } = observe();
const server = http.createServer((request, response) => {
  const span = tracer.startSpan('work', { kind: 2, attributes: { long: 'x'.repeat(100), password: 'canary-1', odd: NaN } });
  span.addEvent('said', { text: 'token=canary-2' });
  span.end();
  response.statusCode = request.url === '/fails' ? 500 : 200;
  response.end('fine', () => { if (request.url === '/exit') process.exit(3); });
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

/** Ends so many spans and then tells the balance on stderr. */
const MANY = `
const { observe } = require('sightline');
const { tracer, shutdown } = observe();
const text = 'x'.repeat(500);
const started = performance.now();
for (let number = 0; number < Number(process.env.COUNT); number += 1) tracer.startSpan('n' + number, { attributes: { text } }).end();
if (process.env.WAYS_OUT === 'shutdown') shutdown({ timeoutMs: Number(process.env.TIMEOUT) }).then((result) => console.error(JSON.stringify(result)));
`;

interface Line {
  readonly resource: { readonly attributes: Readonly<Record<string, unknown>> };
  readonly instrumentationScope: { readonly name: string };
  readonly traceId: string;
  readonly id: string;
  readonly parentSpanContext?: { readonly traceId: string; readonly spanId: string };
  readonly name: string;
  readonly kind: number;
  readonly timestamp: number;
  readonly duration: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number };
  readonly events: readonly { readonly name: string; readonly time: readonly number[]; readonly attributes: object }[];
  readonly links: readonly unknown[];
}

const linesOf = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Line);

function environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    OTEL_TRACES_EXPORTER: 'console',
    SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
    SIGHTLINE_LOGS: 'none',
    SIGHTLINE_ADMIN_PORT: '0',
    ...more,
  };
}

const DIRECT = ['api', 'sdk-node', 'sdk-trace', 'resources'].map((name) => `@opentelemetry/${name}`);

for (const delivery of ['journal', 'direct']) {
  test(`${delivery}: every span is one line, redacted and limited; logs go their way; SIGTERM loses nothing`, async (t) => {
    const receiver = await startReceiver();
    t.after(() => receiver.close());
    const child = startChild({
      cwd: createProject({ name: 'printer', packages: DIRECT, files: { 'app.cjs': SERVER } }),
      args: ['app.cjs'],
      env: environment({
        ...receiver.environment,
        ...(delivery === 'journal' ? { SIGHTLINE_LOGS: undefined } : { SIGHTLINE_DELIVERY: 'direct' }),
        OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '40',
      }),
    });
    const [, port] = await child.line(/listening (\d+)/);
    const answer = await send(`http://127.0.0.1:${port}/a?token=canary-3`, {
      headers: { 'x-correlation-id': 'order-7' },
    });
    assert.equal(answer.status, 200);
    await send(`http://127.0.0.1:${port}/fails`);
    await eventually('the spans', () => (linesOf(child.stdout()).length >= 4 ? true : undefined));
    const ended = await child.stop();
    assert.equal(ended.signal, 'SIGTERM');
    assert.equal(ended.stderr, '');
    assert.doesNotMatch(ended.stdout, /canary/);
    const lines = linesOf(ended.stdout);
    assert.equal(lines.length, 4);
    const server = lines.find(({ kind }) => kind === 1)!;
    const work = lines.find(({ name }) => name === 'work')!;
    assert.deepEqual(Object.keys(work), [
      'resource',
      'instrumentationScope',
      'traceId',
      'parentSpanContext',
      'name',
      'id',
      'kind',
      'timestamp',
      'duration',
      'attributes',
      'status',
      'events',
      'links',
    ]);
    assert.equal(work.resource.attributes['service.name'], 'printer');
    assert.deepEqual(work.parentSpanContext, { traceId: server.traceId, spanId: server.id });
    assert.equal(server.parentSpanContext, undefined);
    assert.equal(work.attributes['correlation.id'], 'order-7');
    assert.equal(String(work.attributes['long']).length, 40);
    assert.equal(work.attributes['odd'], 'NaN');
    assert.ok(Math.abs(work.timestamp - Date.now() * 1000) < 600e6, 'microseconds');
    assert.equal(work.events[0]?.name, 'said');
    assert.equal(work.events[0]?.time[0], Math.floor(work.timestamp / 1e6));
    assert.deepEqual(
      lines.filter(({ status }) => status.code === 2).map(({ kind }) => kind),
      [1],
    );
    assert.equal(receiver.spans.length, 0, 'spans go nowhere else');
    if (delivery === 'journal') assert.ok(receiver.documents.length >= 2, 'access lines arrive');
  });

  test(`${delivery}: process.exit() loses nothing`, async () => {
    const child = startChild({
      cwd: createProject({ name: 'printer', packages: DIRECT, files: { 'app.cjs': SERVER } }),
      args: ['app.cjs'],
      env: environment({ SIGHTLINE_DELIVERY: delivery }),
    });
    const [, port] = await child.line(/listening (\d+)/);
    await send(`http://127.0.0.1:${port}/exit`).catch(() => {});
    const ended = await child.ended;
    assert.equal(ended.code, 3);
    assert.equal(linesOf(ended.stdout).length, 2);
  });
}

test('only what is sampled, or kept, is printed', async () => {
  const child = startChild({
    cwd: createProject({ name: 'printer', files: { 'app.cjs': SERVER } }),
    args: ['app.cjs'],
    env: environment({ OTEL_TRACES_SAMPLER: 'always_off', SIGHTLINE_TRACES_KEEP: 'errors' }),
  });
  const [, port] = await child.line(/listening (\d+)/);
  await send(`http://127.0.0.1:${port}/a`);
  await send(`http://127.0.0.1:${port}/fails`);
  await eventually('the kept ones', () => (linesOf(child.stdout()).length >= 2 ? true : undefined));
  const ended = await child.stop();
  assert.equal(new Set(linesOf(ended.stdout).map(({ traceId }) => traceId)).size, 1);
});

test('a burst is whole, in order, and counted', async () => {
  const ended = await runChild({
    cwd: createProject({ name: 'printer', files: { 'app.cjs': MANY } }),
    args: ['app.cjs'],
    env: environment({ COUNT: '800', WAYS_OUT: 'shutdown', TIMEOUT: '20000' }),
  });
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stderr), { delivered: 800, onDisk: 0, dropped: 0 });
  assert.deepEqual(
    linesOf(ended.stdout).map(({ name }) => name),
    Array.from({ length: 800 }, (_, number) => `n${number}`),
  );
});

for (const reader of ['never reads', 'has gone']) {
  test(`a reader that ${reader} neither holds nor ends the app, and what it misses is counted`, async (t) => {
    const child = spawn(process.execPath, ['app.cjs'], {
      cwd: createProject({ name: 'printer', files: { 'app.cjs': `process.stdout.isTTY;\n${MANY}` } }),
      env: cleanEnvironment(environment({ COUNT: '4000', WAYS_OUT: 'shutdown', TIMEOUT: '200' })),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    if (reader === 'has gone') child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0);
    await eventually('the balance', () => (stderr.includes('\n') ? true : undefined));
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 1, stderr);
    const { delivered, onDisk, dropped } = JSON.parse(lines[0]!);
    assert.equal(delivered + dropped, 4000);
    assert.equal(onDisk, 0);
    assert.ok(dropped > 0);
  });
}

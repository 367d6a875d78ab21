/** Other SDKs at their edges: one that has ended, one that is not registered, and what of their spans leaves the process. */
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

/** `/end` ends the app's own SDK; every other request makes a span by each of the two ways. */
const APP = `
const { trace } = require('@opentelemetry/api');
const { TracerProvider, BasicTracerProvider } = require('@opentelemetry/sdk-trace');
const { sightlineSpanProcessor } = require('sightline');
const Provider = TracerProvider ?? BasicTracerProvider;
const print = { onStart() {}, onEnd: (span) => console.log('theirs', span.name, span.spanContext().traceId), forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
const provider = new Provider({ spanProcessors: [print, sightlineSpanProcessor()] });
if (process.env.REGISTERED) trace.setGlobalTracerProvider(provider);
const http = require('node:http');
const server = http.createServer(async (request, response) => {
  if (request.url === '/stop') {
    response.end();
    return server.close();
  }
  if (request.url === '/end') await provider.shutdown();
  trace.getTracer('app').startSpan('by the API ' + request.url).end();
  provider.getTracer('own').startSpan('by the provider ' + request.url, {
    attributes: { 'url.full': 'http://user:canary-1@host/a?token=canary-2', 'url.query': 'api_key=canary-3', 'http.url': 'http://host/?password=canary-4', authorization: 'canary-5' },
  }).end();
  response.end();
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

const fixture = npmFixture('otel-contrib');

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

/** @param names of spans to wait for */
async function run(name: string, env: NodeJS.ProcessEnv, paths: readonly string[], names: readonly string[]) {
  const modules = join(fixture.directory, 'node_modules');
  const linked = ['@opentelemetry/api', '@opentelemetry/sdk-trace'];
  const stock = ['sdk-node', 'exporter-zipkin'].map((one) => `@opentelemetry/${one}`);
  const child = startChild({
    cwd: createProject({
      name,
      linked: Object.fromEntries(linked.map((one) => [one, join(modules, one)])),
      packages: stock,
      files: { 'app.cjs': APP },
    }),
    args: ['--import', 'sightline/register', 'app.cjs'],
    env: {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      ...env,
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  for (const path of paths)
    await send(`http://127.0.0.1:${port}${path}`, { headers: { 'x-correlation-id': name + path } });
  const ours = () => receiver.spans.filter((span) => span.localEndpoint?.serviceName === name);
  await eventually(`the spans ${names}`, () => {
    const there = new Set(ours().map((span) => span.name?.toLowerCase()));
    return names.every((one) => there.has(one.toLowerCase())) ? true : undefined;
  });
  await send(`http://127.0.0.1:${port}/stop`);
  const ended = await child.ended;
  assert.equal(ended.code, 0, ended.stderr);
  const theirs = [...ended.stdout.matchAll(/^theirs (.*) \S+$/gm)].map(([, text]) => text);
  return { spans: ours(), theirs, stderr: ended.stderr };
}

suite('an own SDK at its edges', { skip: fixture.missing }, () => {
  test('after its shutdown() our engine makes the spans again', async () => {
    const { spans, theirs, stderr } = await run(
      'edge-ended',
      { REGISTERED: '1' },
      ['/a', '/end', '/b'],
      ['by the API /a', 'by the API /end', 'by the API /b'],
    );
    assert.ok(theirs.includes('by the API /a'));
    assert.ok(!theirs.includes('by the API /b'));
    const after = spans.filter((span) => span.tags?.['correlation.id'] === 'edge-ended/b');
    assert.deepEqual(after.map(({ kind }) => kind).sort(), ['SERVER', undefined]);
    const server = after.find(({ kind }) => kind === 'SERVER');
    assert.equal(after.find((span) => span !== server)?.parentId, server?.id);
    assert.match(stderr, /an OpenTelemetry SDK was started after Sightline/);
    assert.equal(stderr.trim().split('\n').length, 1);
  });

  test('not registered: it makes what its tracers are asked for, we make the rest, and both are one tree', async () => {
    const { spans, theirs, stderr } = await run('edge-apart', {}, ['/a'], ['by the API /a', 'by the provider /a']);
    assert.deepEqual(theirs, ['by the provider /a']);
    const inTrace = spans.filter((span) => span.tags?.['correlation.id'] === 'edge-apart/a');
    const server = inTrace.find(({ kind }) => kind === 'SERVER');
    assert.equal(inTrace.length, 3);
    for (const span of inTrace) assert.equal(span.traceId, server?.traceId);
    for (const span of inTrace) if (span !== server) assert.equal(span.parentId, server?.id);
    assert.equal(stderr, '');
  });

  for (const delivery of ['journal', 'direct']) {
    test(`${delivery}: a foreign span leaves without the secrets in its addresses`, async () => {
      const name = `edge-${delivery}`;
      const env = { SIGHTLINE_DELIVERY: delivery, SIGHTLINE_LOGS: 'none' };
      const { spans } = await run(name, env, ['/a'], ['by the provider /a']);
      const foreign = spans.filter((span) => /provider/i.test(span.name ?? ''));
      assert.equal(foreign.length, 1);
      assert.match(foreign[0]?.tags?.['url.full'] ?? '', /^http:\/\/.*host\/a\?token=/);
      assert.doesNotMatch(JSON.stringify(foreign), /canary/);
      assert.equal(foreign[0]?.tags?.['correlation.id'], `${name}/a`);
    });
  }
});

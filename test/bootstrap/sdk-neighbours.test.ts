/** Apps that start an OpenTelemetry SDK of their own: it makes the spans, its exporters get them, and so do we, once. */
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

/** Prints each span that the app's own SDK exports. */
const SDK = `
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
function print(span) {
  if ((span.spanContext().traceFlags & 1) === 0) return;
  const parent = span.parentSpanContext?.spanId ?? span.parentSpanId ?? '';
  const { 'correlation.id': correlation, 'url.path': path, 'http.target': target } = span.attributes;
  console.log('theirs', JSON.stringify({ name: span.name, kind: span.kind, ...span.spanContext(), parent, correlation, path: path ?? target }));
}
const exporter = {
  export(spans, done) {
    spans.forEach(print);
    done({ code: 0 });
  },
  shutdown: () => Promise.resolve(),
};
const printing = { onStart() {}, onEnd: print, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
const sdk = new NodeSDK({
  ...(process.env.PROCESSOR
    ? { spanProcessors: [printing, require('sightline').sightlineSpanProcessor()] }
    : { traceExporter: exporter }),
  metricReaders: [],
  logRecordProcessors: [],
  instrumentations: process.env.HTTP_INSTRUMENTATION
    ? [new HttpInstrumentation({ ignoreIncomingRequestHook: (request) => request.url === '/favicon.ico' })]
    : [],
});
sdk.start();
module.exports = sdk;
`;

const APP = `
const { trace } = require('@opentelemetry/api');
const early = trace.getTracer('early');
for (const step of (process.env.IN_CODE ?? '').split(',')) {
  if (step === 'sdk') require('./sdk.cjs');
  if (step === 'observe') require('sightline').observe();
}
early.startSpan('boot').end();
const http = require('node:http');
const pino = require('pino');
const logger = pino({ name: 'app' });
const server = http.createServer((request, response) => {
  if (request.url === '/favicon.ico') {
    response.end();
    server.close();
    require('./sdk.cjs').shutdown().then(() => console.log('ended'));
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
  readonly correlation?: string;
  readonly path?: string;
}
/** Two requests, the call between them, a span of the app's own, and one from before the first request. */
const SPANS = 5;
const SERVER = 1;
const CLIENT = 2;

interface Way {
  readonly name: string;
  readonly says: RegExp;
  readonly preloads?: readonly string[];
  /** What the app starts itself, in order. */
  readonly inCode?: string;
  readonly http: boolean;
  readonly processor: boolean;
}

const FIRST =
  /^sightline: SIGHTLINE_W_NEIGHBOUR: an OpenTelemetry SDK was started before Sightline; it makes the spans/;
const LATER = /^sightline: SIGHTLINE_W_NEIGHBOUR: an OpenTelemetry SDK was started after Sightline; it makes all spans/;
const REGISTER = 'sightline/register';

const WAYS: readonly Way[] = [
  { name: 'preloaded first', says: FIRST, preloads: ['./sdk.cjs', REGISTER], http: true, processor: false },
  { name: 'preloaded first, processor', says: FIRST, preloads: ['./sdk.cjs', REGISTER], http: false, processor: true },
  { name: 'preloaded after', says: LATER, preloads: [REGISTER, './sdk.cjs'], http: true, processor: true },
  { name: 'in code', says: LATER, preloads: [REGISTER], inCode: 'sdk', http: true, processor: false },
  { name: 'observe() before', says: LATER, inCode: 'observe,sdk', http: false, processor: false },
  { name: 'observe() after', says: FIRST, inCode: 'sdk,observe', http: true, processor: true },
];

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

async function run(folder: string, way: Way) {
  const modules = join(npmFixture(folder).directory, 'node_modules');
  const packages = ['api', 'sdk-node', 'instrumentation-http'].map((one) => `@opentelemetry/${one}`);
  const name = `${folder}-${way.name}`.replaceAll(/[^a-z0-9]+/g, '-');
  const child = startChild({
    cwd: createProject({
      name,
      packages: ['pino'],
      linked: Object.fromEntries(packages.map((one) => [one, join(modules, one)])),
      files: { 'sdk.cjs': SDK, 'app.cjs': APP },
    }),
    args: [...(way.preloads ?? []).flatMap((preload) => ['--import', preload]), 'app.cjs'],
    env: {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      // A deprecated module of the oldest SDK's exporters.
      NODE_NO_WARNINGS: '1',
      ...(way.inCode !== undefined && { IN_CODE: way.inCode }),
      ...(way.http && { HTTP_INSTRUMENTATION: '1' }),
      ...(way.processor && { PROCESSOR: '1' }),
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  const answer = await send(`http://127.0.0.1:${port}/work`, { headers: { 'x-correlation-id': name } });
  const ours = (): ReceivedSpan[] => receiver.spans.filter((span) => span.localEndpoint?.serviceName === name);
  // Before its end: what a process leaves on disk is sent by the next one.
  await eventually('the spans', () => (ours().length >= SPANS ? true : undefined));
  const documents = await eventually('the lines', () => {
    const found = receiver.documents.filter((one) => one['correlation.id'] === name);
    return found.length >= 3 ? found : undefined;
  });
  await send(`http://127.0.0.1:${port}/favicon.ico`);
  const ended = await child.ended;
  const theirs = [...ended.stdout.matchAll(/^theirs (.*)$/gm)].map(([, text]) => JSON.parse(text ?? '') as TheirSpan);
  return { id: name, answer, ended, theirs, ours: ours(), documents };
}

/** One tree: request, below it the app's own span and the call, below that the next hop. */
function assertTree(spans: readonly TheirSpan[], traceId: string): void {
  const inTrace = spans.filter((span) => span.traceId === traceId);
  const servers = inTrace.filter(({ kind }) => kind === SERVER);
  const work = servers.find(({ path }) => path === '/work');
  const leaf = servers.find(({ path }) => path === '/leaf');
  const clients = inTrace.filter(({ kind }) => kind === CLIENT);
  assert.equal(servers.length, 2, 'one server span a request');
  assert.equal(clients.length, 1);
  assert.equal(work?.parent, '');
  assert.equal(clients[0]?.parent, work?.spanId);
  assert.equal(leaf?.parent, clients[0]?.spanId, 'the next hop is below the client span');
  assert.equal(inTrace.find((span) => span.name === 'manual')?.parent, work?.spanId);
  assert.equal(inTrace.length, 4);
}

for (const folder of ['otel-1', 'otel-1.9', 'otel-contrib']) {
  suite(`an own NodeSDK, ${folder}`, { skip: npmFixture(folder).missing }, () => {
    for (const way of WAYS) {
      test(`${way.name}${way.http ? ', with HTTP instrumentation' : ''}: one tree, in both places`, async () => {
        const { id, answer, ended, theirs, ours, documents } = await run(folder, way);
        assert.equal(ended.code, 0, ended.stderr);
        assert.match(ended.stdout, /^ended$/m, 'their SDK was shut down');
        assert.equal(answer.headers['x-correlation-id'], id);
        const { traceId } = JSON.parse(answer.body) as { traceId: string };
        assertTree(theirs, traceId);
        assert.equal(theirs.filter(({ name }) => name === 'boot').length, 1, 'a tracer from before their start');

        const ids = (spans: readonly { traceId: string; id: string; parentId?: string }[]): string[] =>
          spans.map((span) => `${span.traceId} ${span.parentId ?? ''} ${span.id}`).sort();
        const wanted = theirs.map((span) => ({ traceId: span.traceId, id: span.spanId, parentId: span.parent }));
        assert.deepEqual(ids(ours), ids(wanted), 'the same spans, each once');
        const inTrace = ours.filter((span) => span.traceId === traceId);
        assert.deepEqual(new Set(inTrace.map((span) => span.tags?.['correlation.id'])), new Set([id]));

        assert.deepEqual(new Set(documents.map((one) => one['trace.id'])), new Set([traceId]));
        const work = theirs.find((span) => span.kind === SERVER && span.path === '/work');
        const line = documents.find((one) => one['message'] === 'got a request');
        assert.equal(line?.['span.id'], work?.spanId);
        const lines = ended.stderr.split('\n').filter((text) => text !== '');
        assert.equal(lines.length, 1, ended.stderr);
        assert.match(lines[0] ?? '', way.says);
      });
    }
  });
}

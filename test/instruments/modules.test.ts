import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { isFileOf, onRequire } from '../../lib/instruments/module-hooks.ts';
import { isWrapped, patchMethod } from '../../lib/instruments/patch.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { ask, record } from './recorder.ts';

/** A project with packages of the names given, each exporting `{ name }` from `index.js` by way of `./lib/core.js`. */
function project(...names: string[]): { directory: string; require: NodeJS.Require } {
  const directory = temporaryDirectory('modules');
  for (const name of names) {
    const root = join(directory, 'node_modules', name);
    mkdirSync(join(root, 'lib'), { recursive: true });
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
    writeFileSync(join(root, 'index.js'), `exports.name = '${name}'; exports.core = require('./lib/core');`);
    writeFileSync(join(root, 'lib', 'core.js'), `exports.core = '${name}';`);
  }
  return { directory, require: createRequire(join(directory, 'x.js')) };
}

test('hands over exports before the importer sees them, once each, by name and by file', () => {
  const { require } = project('sl-a');
  const seen: string[] = [];
  const stopName = onRequire(
    (id) => id === 'sl-a',
    (exported, { id }) => {
      seen.push(id);
      exported.name = 'changed';
    },
  );
  const stopFile = onRequire(
    (id, parent) => isFileOf('sl-a', 'lib/core', id, parent),
    (exported) => {
      exported.core = 'reached';
    },
  );
  assert.deepEqual(require('sl-a'), { name: 'changed', core: { core: 'reached' } });
  require('sl-a');
  assert.deepEqual(seen, ['sl-a']);
  stopName();
  stopFile();
});

test('an ES module that imports CommonJS gets the changed exports', async () => {
  const { directory } = project('sl-b');
  const stop = onRequire(
    (id) => id.endsWith(join('sl-b', 'index.js')),
    (exported) => {
      exported.name = 'changed';
    },
  );
  const file = join(directory, 'app.mjs');
  writeFileSync(
    file,
    `import b, { name } from 'sl-b'; import * as all from 'sl-b'; export default [b.name, name, all.default.name];`,
  );
  assert.deepEqual((await import(pathToFileURL(file).href)).default, ['changed', 'changed', 'changed']);
  stop();
});

test('what was loaded before is walked', () => {
  const { require } = project('sl-c');
  const exported = require('sl-c');
  const stop = onRequire(
    (id, parent) => isFileOf('sl-c', 'lib/core', id, parent),
    (core) => {
      core.core = 'late';
    },
  );
  assert.equal(exported.core.core, 'late');
  stop();
});

test('a callback that throws is fenced and not called again; one that is not ready is', () => {
  const { require } = project('sl-d');
  const before = internalErrors();
  const write = process.stderr.write;
  let calls = 0;
  const stopThrowing = onRequire(
    (id) => id === 'sl-d',
    () => {
      throw new Error('expected by the test');
    },
  );
  const stopLater = onRequire(
    (id) => id === 'sl-d',
    () => {
      calls += 1;
      return calls > 1;
    },
  );
  for (let index = 0; index < 3; index += 1) require('sl-d');
  process.stderr.write = write;
  assert.equal(internalErrors(), before + 1);
  assert.equal(calls, 2);
  stopThrowing();
  stopLater();
});

test('a hook that was ended is not called; a module that fails to load is not offered', () => {
  const { directory, require } = project('sl-e');
  writeFileSync(join(directory, 'node_modules', 'sl-e', 'index.js'), 'throw new Error("broken")');
  let calls = 0;
  const stop = onRequire(
    (id) => id === 'sl-e',
    () => {
      calls += 1;
    },
  );
  assert.throws(() => require('sl-e'), /broken/);
  stop();
  writeFileSync(join(directory, 'node_modules', 'sl-e', 'index.js'), 'exports.a = 1');
  assert.equal(require('sl-e').a, 1);
  assert.equal(calls, 0);
});

test('isFileOf tells one package from another with the same file name', () => {
  assert.equal(isFileOf('pino', 'lib/tools', './tools', '/x/node_modules/pino/lib/proto.js'), true);
  assert.equal(isFileOf('pino', 'lib/tools', './lib/tools', 'C:\\x\\node_modules\\pino\\pino.js'), true);
  assert.equal(isFileOf('pino', 'lib/tools', './tools', '/x/node_modules/other/lib/proto.js'), false);
  assert.equal(isFileOf('pino', 'lib/tools', './tools', '/x/node_modules/pino-http/logger.js'), false);
  assert.equal(isFileOf('pino', 'lib/tools', '/x/node_modules/pino/lib/tools.js', ''), true);
  assert.equal(isFileOf('pino', 'lib/tools', '/x/node_modules/pino/test/tools.js', ''), false);
  assert.equal(isFileOf('pino', 'lib/tools', 'pino/lib/tools', ''), true);
});

test('patchMethod wraps once, looks like the original and takes itself back unless wrapped by another', () => {
  const target = {
    add(a: number, b: number) {
      return a + b;
    },
  };
  const original = target.add;
  const undo = patchMethod(
    target,
    'add',
    (inner) =>
      (...args: unknown[]) =>
        Number(Reflect.apply(inner, undefined, args)) + 1,
  );
  assert.equal(target.add(1, 2), 4);
  assert.ok(isWrapped(target.add));
  assert.deepEqual([target.add.name, target.add.length], ['add', 2]);
  assert.equal(
    patchMethod(target, 'add', (inner) => inner),
    undefined,
  );
  undo?.();
  assert.equal(target.add, original);
  const again = patchMethod(
    target,
    'add',
    (inner) =>
      (...args: unknown[]) =>
        Reflect.apply(inner, undefined, args),
  );
  const foreign = () => 0;
  target.add = foreign;
  again?.();
  assert.equal(target.add, foreign);
});

test('names turn instruments off; the first listen is told in any case; stop takes everything back', async () => {
  const { ServerResponse, IncomingMessage, Server } = await import('node:http');
  const emit = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'emit');
  const writeHead = ServerResponse.prototype.writeHead;
  const off = record({ enabled: (name) => name !== 'http' });
  let told = 0;
  off.instruments.onListen(() => {
    told += 1;
  });
  const own = Object.assign(createServer(), { [kOwn]: true });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  assert.equal(told, 0, 'our own server is none of the app');
  const server = createServer((_request, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  assert.equal(told, 1);
  off.instruments.onListen(() => {
    told += 1;
  });
  assert.equal(told, 2, 'at once when there was one');
  const { port } = server.address() as { port: number };
  assert.equal((await ask(port, '/')).headers['x-correlation-id'], undefined);
  off.instruments.stop();

  const on = record();
  assert.match(String((await ask(port, '/')).headers['x-correlation-id']), /^[0-9a-f]{32}$/);
  on.instruments.stop();
  assert.equal((await ask(port, '/')).headers['x-correlation-id'], undefined);
  assert.equal(ServerResponse.prototype.writeHead, writeHead);
  assert.deepEqual(Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'emit'), emit);
  assert.equal(Object.hasOwn(Server.prototype, 'emit'), false);
  own.close();
  server.close();
});

test('a part of ours that throws is fenced: the app answers, in and out', async () => {
  const broken = (): never => {
    throw new Error('expected by the test');
  };
  const recorded = record({
    hostPolicy: { propagate: broken, baggage: broken },
    enabled: (name) => name === 'http' || name === 'undici',
  });
  recorded.access.push = broken;
  recorded.serverMetrics.push = broken;
  recorded.clientMetrics.push = broken;
  const before = internalErrors();
  const server = createServer((_request, response) => response.end('fine'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  assert.equal((await ask(port, '/')).body, 'fine');
  assert.equal(await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text()), 'fine');
  assert.equal(
    await new Promise((resolve) =>
      get(`http://127.0.0.1:${port}/`, (response) => response.on('data', (chunk) => resolve(String(chunk)))),
    ),
    'fine',
  );
  assert.ok(internalErrors() > before);
  recorded.instruments.stop();
  server.closeAllConnections();
  server.close();
});

test('without trust: new trace with a link, the ID as a field only, no baggage, and the edge decides on sampling', async () => {
  const recorded = record({ trustInbound: false });
  const server = createServer((_request, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const answer = await ask(port, '/', {
    headers: {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      'x-request-id': 'from-outside',
      baggage: 'a=1',
    },
  });
  const [span] = recorded.server();
  assert.equal(span.parent, undefined);
  assert.equal(span.links[0].context.traceId, '0af7651916cd43dd8448eb211c80319c');
  assert.equal(span.attributes['correlation.id'], span.spanContext().traceId);
  assert.equal(span.attributes['correlation.id.inbound'], 'from-outside');
  assert.equal(answer.headers['x-correlation-id'], span.spanContext().traceId);
  assert.equal(answer.headers['x-request-id'], undefined);
  assert.equal(recorded.access[0].scope.inboundCorrelationId, 'from-outside');
  assert.equal(recorded.access[0].scope.context.baggage, undefined);
  recorded.instruments.stop();
  server.closeAllConnections();
  server.close();
});

/** `log` of the package: within this process, and in child programs with the built package, observed and not. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { announcedAdmin } from '../support/announced.ts';
import { runChild, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { deliverRest } from '../support/rest.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const ONE_LINE = ['--import', 'sightline/register'];
const pinoHttp = npmFixture('pino-http');

const PROXY = `
import assert from 'node:assert/strict';
import { log } from 'sightline';
assert.equal(log.level, 'info');
assert.equal(log.isLevelEnabled('debug'), false);
log.debug('not seen');
log.level = 'debug';
assert.equal(log.isLevelEnabled('debug'), true);
assert.equal(log.info, log.info);
assert.equal(typeof log.child, 'function');
assert.ok('info' in log && 'level' in log && !('nothing' in log));
assert.ok(Object.keys(log).includes('levels'));
const { warn } = log;
warn('taken out');
const child = log.child({ module: 'db' }, { level: 'error' });
child.info('below the level of the child');
child.error({ table: 'orders' }, 'from the child');
assert.equal(log.level, 'debug');
child.level = 'trace';
assert.equal(log.level, 'debug');
child.child({ deep: 1 }).trace('from its child');
assert.deepEqual(child.bindings().module, 'db');
assert.throws(() => { log.level = 'nonsense'; });
// What an app or a spy puts there is given back as it is, and can be taken away.
const spy = () => 'spied';
const original = log.fatal;
log.fatal = spy;
assert.equal(log.fatal, spy);
assert.equal(log.fatal(), 'spied');
log.fatal = original;
log.custom = 5;
assert.equal(log.custom, 5);
delete log.custom;
assert.equal('custom' in log, false);
// Nothing that is logged throws.
const boom = () => { throw new Error('boom'); };
log.info({ get boom() { return boom(); } }, 'a getter');
log.info(new Proxy({}, { get: boom, ownKeys: boom, has: boom, getOwnPropertyDescriptor: boom }), 'a proxy');
log.error(Object.defineProperty(new Error('x'), 'extra', { enumerable: true, get: boom }), 'an error');
log.info(JSON.parse('{"__proto__":{"a":1}}'), 'a prototype');
log.info(Symbol('s'));
log.info(null, 'null');
log.info(undefined, 'undefined');
log.info('%s %d %j', 'text', 5, { a: 1n && 1 });
const circular = {};
circular.self = circular;
log.info(circular, 'circular');
log.flush();
`;

const SAID = [
  'taken out',
  'from the child',
  'from its child',
  'a getter',
  'a proxy',
  'an error',
  'a prototype',
  'null',
  'undefined',
  'text 5 {"a":1}',
  'circular',
];

describe('log', () => {
  for (const node of [NODE_OLDEST, NODE_OWN]) {
    test(`Node ${node.version}: a pino in all that apps do with it, observed and not`, {
      skip: node.missing,
    }, async () => {
      const receiver = await startReceiver();
      try {
        const cwd = createProject({ name: 'proxy', type: 'module', files: { 'app.js': PROXY } });
        const bare = await runChild({ node, cwd, args: ['app.js'] });
        assert.deepEqual([bare.code, bare.stderr], [0, '']);
        const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
        const observed = await runChild({ node, cwd, env, args: [...ONE_LINE, 'app.js'] });
        assert.deepEqual([observed.code, observed.stderr], [0, '']);
        await deliverRest(receiver, observed.stdout.trimEnd().split('\n').length, { node, cwd, env });
        const stable = (text: string) => text.replaceAll(/"(time|pid)":\d+/g, '"n"').replaceAll(/\\n +at [^"]*/g, '');
        assert.equal(stable(observed.stdout), stable(bare.stdout));
        for (const message of SAID) assert.equal(bare.stdout.split(JSON.stringify(message)).length, 2, message);
        for (const message of SAID)
          assert.ok(
            receiver.documents.some((document) => document['message'] === message),
            message,
          );
        assert.equal(receiver.documents.find((document) => document['message'] === 'from its child')?.['module'], 'db');
      } finally {
        await receiver.close();
      }
    });
  }

  test('SIGHTLINE_LOG_LEVEL is its level', async () => {
    const cwd = createProject({
      name: 'level',
      type: 'module',
      files: { 'app.js': "import { log } from 'sightline'; log.debug('seen'); console.log(log.level);" },
    });
    const ended = await runChild({
      cwd,
      env: { SIGHTLINE_LOG_LEVEL: 'debug', SIGHTLINE_LOGS: 'none', SIGHTLINE_DATA_DIR: temporaryDirectory('data') },
      args: [...ONE_LINE, 'app.js'],
    });
    assert.match(ended.stdout, /"msg":"seen"/);
    assert.match(ended.stdout, /^debug$/m);
  });
});

const FASTIFY = `
import Fastify from 'fastify';
import { log } from 'sightline';
const app = Fastify({ loggerInstance: log });
app.get('/orders/:id', async (request) => { request.log.info({ order: request.params.id }, 'in the handler'); return { ok: true }; });
app.get('/fails', async () => { throw new TypeError('no order'); });
await app.listen({ port: 0, host: '127.0.0.1' });
console.log('listening on ' + app.server.address().port);
`;
const PINO_HTTP = `
const http = require('node:http');
const { log } = require('sightline');
const middleware = require('pino-http')({ logger: log });
const server = http.createServer((req, res) => {
  middleware(req, res);
  req.log.info({ order: '7' }, 'in the handler');
  if (req.url === '/fails') { res.statusCode = 500; res.err = new TypeError('no order'); }
  res.end('ok');
});
server.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;
const LEVELS = `
const http = require('node:http');
const pino = require('pino');
const log = pino({ name: 'app' });
const db = log.child({ module: 'db' });
const odd = pino({ name: 'odd', customLevels: { hot: 70 }, useOnlyCustomLevels: true, level: 'hot' });
const server = http.createServer((req, res) => {
  db.debug('from the database');
  log.child({ request: 1 }).debug('from a child of the request');
  odd.hot('odd');
  res.end('ok');
});
server.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

describe('in a server', () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  async function serve(
    name: string,
    files: Record<string, string>,
    packages: string[],
    linked: Record<string, string> = {},
    node = NODE_OWN,
  ) {
    const [file = ''] = Object.keys(files);
    const dataDirectory = temporaryDirectory('data');
    const child = startChild({
      node,
      cwd: createProject({ name, files, packages, linked }),
      env: { ...receiver.environment, SIGHTLINE_DATA_DIR: dataDirectory },
      args: [...ONE_LINE, file],
    });
    const [, port] = await child.line(/listening on (\d+)/);
    return { child, url: `http://127.0.0.1:${port}`, dataDirectory };
  }
  const ofService = (name: string) => receiver.documents.filter((document) => document['service.name'] === name);

  const rows: [string, Record<string, string>, string[], Record<string, string>, string | undefined][] = [
    ['fastify-logger', { 'app.mjs': FASTIFY }, ['fastify'], {}, undefined],
    [
      'pino-http-logger',
      { 'app.cjs': PINO_HTTP },
      [],
      { 'pino-http': join(pinoHttp.directory, 'node_modules', 'pino-http') },
      pinoHttp.missing,
    ],
  ];
  for (const [name, files, packages, linked, skip] of rows) {
    test(`${name}: lines carry the IDs of their request; a failure leaves one error line`, { skip }, async () => {
      const { child, url } = await serve(name, files, packages, linked);
      await send(`${url}/orders/7`, {
        headers: { 'x-correlation-id': `${name}-1`, authorization: 'Bearer canary-token' },
      });
      await send(`${url}/fails`, { headers: { 'x-correlation-id': `${name}-2`, cookie: 'sid=canary' } });
      await child.stop();
      const lines = await eventually('its lines', () =>
        ofService(name).some((line) => line['correlation.id'] === `${name}-2` && line['error.type'])
          ? ofService(name)
          : undefined,
      );
      const handler = lines.filter(
        (line) => line['message'] === 'in the handler' && line['correlation.id'] === `${name}-1`,
      );
      assert.equal(handler.length, 1);
      assert.equal(handler[0]?.['order'], '7');
      assert.match(handler[0]?.['trace.id'], /^[0-9a-f]{32}$/);
      const errors = lines.filter((line) => line['error.stack_trace'] !== undefined);
      assert.deepEqual(
        errors.map((line) => [line['error.type'], line['correlation.id']]),
        [['TypeError', `${name}-2`]],
      );
      assert.doesNotMatch(JSON.stringify(lines), /canary/);
    });
  }

  test('/loglevel: children that have never written, at run time, one logger or all', async () => {
    const { child, url, dataDirectory } = await serve('levels', { 'app.cjs': LEVELS }, ['pino']);
    const admin = await announcedAdmin(dataDirectory);
    const levels = async () => JSON.parse((await send(`${admin}/loglevel`)).body).loggers;
    assert.deepEqual(await levels(), { app: 'info', db: 'info', odd: 'hot' });
    await send(url);
    const put = async (body: string) => send(`${admin}/loglevel`, { method: 'PUT', body });
    const one = await put('{"level":"debug","logger":"db"}');
    assert.deepEqual([one.status, JSON.parse(one.body).changed], [200, ['db']]);
    await send(url);
    const all = await put('debug');
    assert.deepEqual(JSON.parse(all.body).changed, ['app', 'db'], 'a logger that has no such level keeps its own');
    await send(url);
    assert.deepEqual(await levels(), { app: 'debug', db: 'debug', odd: 'hot' }, 'children of requests are not listed');
    assert.equal((await put('{"level":"loud"}')).status, 400);
    assert.equal((await put('{"level":"info","logger":"nobody"}')).status, 404);
    await child.stop();
    const count = (message: string) =>
      child
        .stdout()
        .split('\n')
        .filter((line) => line.includes(message)).length;
    assert.deepEqual([count('from the database'), count('from a child of the request'), count('"odd"')], [2, 1, 3]);
  });

  test('an app that logs before any server listens', async () => {
    const source =
      "require('pino')().info('early'); setTimeout(() => require('node:http').createServer((q, s) => s.end()).listen(0, '127.0.0.1', function () { console.log('listening on ' + this.address().port); }), 50);";
    const { child } = await serve(
      'early',
      { 'app.cjs': source },
      ['pino'],
      {},
      NODE_OLDEST.missing === undefined ? NODE_OLDEST : NODE_OWN,
    );
    await eventually('the early line', () =>
      ofService('early').some((line) => line['message'] === 'early') ? true : undefined,
    );
    await child.stop();
    assert.equal(ofService('early').length, 1);
  });
});

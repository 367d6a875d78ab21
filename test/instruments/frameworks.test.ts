import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { internalErrors } from '../../lib/core/fence.ts';
import { npmFixture } from '../backends/npm.ts';
import { eventually } from '../support/wait.ts';
import { ask, record } from './recorder.ts';

// Before the frameworks: what is loaded earlier is walked, which has a test of its own.
const recorded = record();
const servers: Server[] = [];
const closers: (() => unknown)[] = [];

after(async () => {
  for (const close of closers) await close();
  recorded.instruments.stop();
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  recorded.clear();
  assert.equal(internalErrors(), 0, 'no bug of ours was caught');
});

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Asks and gives what the request left: route as metrics have it, span name, status, lines. */
async function leaves(port: number, path: string, method = 'GET') {
  recorded.clear();
  const answer = await ask(port, path, { method });
  await eventually('the end', () => (recorded.serverMetrics.length === 1 ? true : undefined), { pauseMillis: 2 });
  const [span] = recorded.server();
  return {
    status: answer.status,
    body: answer.body,
    route: recorded.serverMetrics[0].route,
    name: span.name,
    exceptions: span.exceptions.map((exception) => (exception as { message: string }).message),
    lines: recorded.errors.map(({ error, scope }) => ({ error, handler: scope.handler })),
  };
}

/** Collects what a framework writes to stderr while `body` runs. */
async function stderrOf<Value>(body: () => Promise<Value>): Promise<{ value: Value; text: string }> {
  const write = console.error;
  let text = '';
  console.error = (...args: unknown[]) => {
    text += `${args.join(' ')}\n`;
  };
  try {
    return { value: await body(), text };
  } finally {
    console.error = write;
  }
}

const express4 = npmFixture('express-4');
const expresses: [string, string | undefined, () => Promise<any>][] = [
  ['Express 5', undefined, async () => (await import('express' as string)).default],
  ['Express 4', express4.missing, async () => createRequire(`${express4.directory}/x.js`)('express')],
];

for (const [name, missing, load] of expresses) {
  describe(name, { skip: missing ?? false }, () => {
    let port = 0;
    const start = async (): Promise<void> => {
      const express = await load();
      const app = express();
      app.set('env', 'test');
      const users = express.Router();
      const deep = express.Router({ mergeParams: true });
      deep.get('/:item', function readItem(_request: unknown, response: any) {
        response.send('item');
      });
      users.get('/', (_request: unknown, response: any) => response.send('all'));
      users.get('/:id', (_request: unknown, response: any) => response.send('one'));
      users.use('/:id/items', deep);
      users.use((request: any, response: any, next: () => void) =>
        request.url.endsWith('/denied') ? response.status(401).end() : next(),
      );
      users.post('/fail', function createUser(_request: unknown, _response: unknown, next: (error: Error) => void) {
        next(new Error('no user'));
      });
      app.all(name === 'Express 4' ? '*' : '/{*any}', (_request: unknown, _response: unknown, next: () => void) =>
        next(),
      );
      app.use('/api/users', users);
      app.get('/orders/:id', (_request: unknown, response: any) => response.send('order'));
      app.get(['/a/:id', '/b/:id/c'], (_request: unknown, response: any) => response.send('list'));
      app.get(/^\/files\/(.+)$/, (_request: unknown, response: any) => response.send('file'));
      app.route('/chain').get(
        (_request: unknown, _response: unknown, next: () => void) => next(),
        (_r: unknown, response: any) => response.send('c'),
      );
      app.get('/throws', function throwsHere() {
        throw new TypeError('thrown');
      });
      app.get('/teapot', () => {
        throw Object.assign(new Error('short'), { status: 418 });
      });
      app.get('/skips', (_request: unknown, _response: unknown, next: (how: string) => void) => next('route'));
      const sub = express();
      sub.get('/inner/:x', (_request: unknown, response: any) => response.send('sub'));
      app.use('/sub', sub);
      app.use('/handled', (_request: unknown, _response: unknown, next: (error: Error) => void) =>
        next(new Error('first')),
      );
      app.use('/handled', (error: Error, _request: unknown, response: any, _next: unknown) => {
        response.status(500).send(`handled ${error.message}`);
      });
      app.use('/assets', (_request: unknown, response: any) => response.send('static'));
      app.use(name === 'Express 4' ? '*' : '/{*any}', (request: any, response: any, next: () => void) =>
        request.baseUrl.startsWith('/everything') ? response.status(410).end() : next(),
      );
      port = await serve(app);
    };
    const cases: [string, string, string, number, string][] = [
      ['GET', '/orders/7', '/orders/:id', 200, 'order'],
      ['GET', '/api/users', '/api/users', 200, 'all'],
      ['GET', '/api/users/42?x=1', '/api/users/:id', 200, 'one'],
      ['GET', '/api/users/42/items/9', '/api/users/:id/items/:item', 200, 'item'],
      ['GET', '/a/1', '/a/:id', 200, 'list'],
      ['GET', '/b/1/c', '/b/:id/c', 200, 'list'],
      ['GET', '/files/x/y', '/^\\/files\\/(.+)$/', 200, 'file'],
      ['GET', '/chain', '/chain', 200, 'c'],
      ['GET', '/sub/inner/1', '/sub/inner/:x', 200, 'sub'],
      ['GET', '/assets/x.js', '/assets', 200, 'static'],
      ['GET', '/api/users/42/denied', '/api/users', 401, ''],
      ['GET', '/everything/x', '', 410, ''],
      ['GET', '/nowhere/9', '', 404, ''],
      ['GET', '/skips', '', 404, ''],
      ['GET', '/api/users/42/items/', '', 404, ''],
      ['HEAD', '/orders/7', '/orders/:id', 200, ''],
    ];
    for (const [method, path, route, status, body] of cases) {
      test(`${method} ${path}`, async () => {
        await start();
        const left = await leaves(port, path, method);
        assert.equal(left.status, status);
        if (body !== '') assert.equal(left.body, body);
        assert.equal(left.route, route);
        assert.equal(left.name, route === '' ? method : `${method} ${route}`);
        assert.deepEqual(left.lines, []);
      });
    }

    test('next(error) into a 500: one line with its handler, exception on the span', async () => {
      await start();
      const { value: left, text } = await stderrOf(() => leaves(port, '/api/users/fail', 'POST'));
      assert.equal(left.status, 500);
      assert.equal(left.route, '/api/users/fail');
      assert.deepEqual(left.exceptions, ['no user']);
      assert.equal(left.lines.length, 1);
      assert.equal(left.lines[0].handler, 'createUser');
      assert.equal(text, '', 'we print nothing');
    });

    test('a thrown error and one that an error handler of the app answers', async () => {
      await start();
      const thrown = await leaves(port, '/throws');
      assert.deepEqual([thrown.status, thrown.route, thrown.exceptions], [500, '/throws', ['thrown']]);
      assert.equal(thrown.lines[0].handler, 'throwsHere');
      const handled = await leaves(port, '/handled');
      assert.equal(handled.body, 'handled first');
      assert.deepEqual([handled.exceptions, handled.route], [['first'], '/handled']);
      assert.equal(handled.lines.length, 1);
    });

    test('an error that becomes a 4xx is none', async () => {
      await start();
      const left = await leaves(port, '/teapot');
      assert.deepEqual([left.status, left.exceptions, left.lines], [418, [], []]);
    });
  });
}

test('router by itself', async () => {
  const Router = (await import('router' as string)).default;
  const router = new Router();
  router.get('/r/:id', (_request: unknown, response: any) => response.end('r'));
  const port = await serve((request, response) =>
    router(request, response, () => {
      response.statusCode = 404;
      response.end();
    }),
  );
  assert.equal((await leaves(port, '/r/1')).route, '/r/:id');
  assert.equal((await leaves(port, '/q/1')).route, '');
});

const fastify4 = npmFixture('fastify-4');
const fastifies: [string, string | undefined, () => Promise<any>][] = [
  ['Fastify 5', undefined, async () => (await import('fastify')).default],
  ['Fastify 4', fastify4.missing, async () => createRequire(`${fastify4.directory}/x.js`)('fastify')],
];
for (const [name, missing, load] of fastifies) {
  describe(name, { skip: missing ?? false }, () => {
    let port = 0;
    const start = async (): Promise<void> => {
      const app = (await load())();
      closers.push(() => app.close());
      app.get('/orders/:id', async () => 'order');
      app.get('/callback', (_request: unknown, reply: any) => reply.send({ a: 1 }));
      app.get('/throws', async function readsBadly() {
        throw new Error('thrown');
      });
      app.get('/throws-now', () => {
        throw new Error('now');
      });
      app.get('/sends-error', (_request: unknown, reply: any) => reply.send(new Error('sent')));
      app.get('/missing', async () => {
        throw Object.assign(new Error('not there'), { statusCode: 404 });
      });
      app.get('/denied', { onRequest: (_r: unknown, reply: any) => reply.code(401).send('no') }, async () => 'never');
      app.get('/bad-hook', { preHandler: async () => Promise.reject(new Error('hook')) }, async () => 'never');
      app.post('/valid', { schema: { body: { type: 'object', required: ['x'] } } }, async () => 'never');
      app.register(
        async (child: any) => {
          child.get('/items/:item', async () => 'item');
          child.setErrorHandler((error: Error, _request: unknown, reply: any) =>
            reply.code(503).send({ sorry: error.message }),
          );
          child.get('/custom', async () => {
            throw new Error('custom');
          });
        },
        { prefix: '/v1' },
      );
      await app.listen({ port: 0, host: '127.0.0.1' });
      port = (app.server.address() as AddressInfo).port;
    };
    for (const [path, route, status, exceptions] of [
      ['/orders/7', '/orders/:id', 200, []],
      ['/callback', '/callback', 200, []],
      ['/v1/items/9', '/v1/items/:item', 200, []],
      ['/throws', '/throws', 500, ['thrown']],
      ['/throws-now', '/throws-now', 500, ['now']],
      ['/sends-error', '/sends-error', 500, ['sent']],
      ['/bad-hook', '/bad-hook', 500, ['hook']],
      ['/v1/custom', '/v1/custom', 503, ['custom']],
      ['/missing', '/missing', 404, []],
      ['/denied', '/denied', 401, []],
      ['/nowhere/9', '', 404, []],
    ] as [string, string, number, string[]][]) {
      test(path, async () => {
        await start();
        const left = await leaves(port, path);
        assert.equal(left.status, status);
        assert.equal(left.route, route);
        assert.equal(left.name, route === '' ? 'GET' : `GET ${route}`);
        assert.deepEqual(left.exceptions, exceptions);
        assert.equal(left.lines.length, exceptions.length);
      });
    }
    test('validation that fails knows its route', async () => {
      await start();
      const left = await leaves(port, '/valid', 'POST');
      assert.deepEqual([left.status, left.route, left.exceptions], [400, '/valid', []]);
    });
  });
}

const koa2 = npmFixture('koa-2');
const fromKoa2 = (name: string) => createRequire(`${koa2.directory}/x.js`)(name);
const koas: [string, string | undefined, () => Promise<[any, any]>][] = [
  [
    'Koa 3 and @koa/router 15',
    undefined,
    async () => [(await import('koa' as string)).default, (await import('@koa/router')).default],
  ],
  ['Koa 2 and @koa/router 12', koa2.missing, async () => [fromKoa2('koa'), fromKoa2('@koa/router')]],
  ['Koa 2 and koa-router 12', koa2.missing, async () => [fromKoa2('koa'), fromKoa2('koa-router')]],
];
for (const [name, missing, load] of koas) {
  describe(name, { skip: missing ?? false }, () => {
    let port = 0;
    const start = async (): Promise<void> => {
      const [Koa, Router] = await load();
      const app = new Koa();
      app.silent = true;
      const router = new Router({ prefix: '/api' });
      const items = new Router();
      items.get('/items/:item', (ctx: any) => {
        ctx.body = 'item';
      });
      router.use(async (_ctx: unknown, next: () => Promise<void>) => await next());
      router.get('/orders/:id', (ctx: any) => {
        ctx.body = 'order';
      });
      router.use('/users/:id', items.routes());
      router.get('/throws', function readsBadly() {
        throw new Error('thrown');
      });
      router.get('/teapot', (ctx: any) => ctx.throw(418, 'short'));
      app.use(async (_ctx: unknown, next: () => Promise<void>) => await next());
      app.use(router.routes());
      app.use(router.allowedMethods());
      port = await serve(app.callback());
    };
    for (const [method, path, route, status, exceptions] of [
      ['GET', '/api/orders/7', '/api/orders/:id', 200, []],
      ['HEAD', '/api/orders/7', '/api/orders/:id', 200, []],
      ['GET', '/api/users/1/items/2', '/api/users/:id/items/:item', 200, []],
      ['GET', '/api/throws', '/api/throws', 500, ['thrown']],
      ['GET', '/api/teapot', '/api/teapot', 418, []],
      ['GET', '/nowhere/9', '', 404, []],
      ['GET', '/api/nowhere', '', 404, []],
      ['DELETE', '/api/orders/7', '', 405, []],
    ] as [string, string, string, number, string[]][]) {
      test(`${method} ${path}`, async () => {
        await start();
        const left = await leaves(port, path, method);
        assert.equal(left.status, status);
        assert.equal(left.route, route);
        assert.deepEqual(left.exceptions, exceptions);
        assert.equal(left.lines.length, exceptions.length);
      });
    }
    test('the handler of an error has its name', async () => {
      await start();
      assert.equal((await leaves(port, '/api/throws')).lines[0].handler, 'readsBadly');
    });
  });
}

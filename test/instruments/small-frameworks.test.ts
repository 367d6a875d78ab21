import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { ask } from './recorder.ts';
import { serving } from './serving.ts';

// It prints errors in every other environment, and reads this when it is loaded.
process.env['NODE_ENV'] = 'test';
const { recorded, serve, ended } = serving();

/** Asks and gives what the request left. */
async function leaves(port: number, path: string) {
  recorded.clear();
  const answer = await ask(port, path);
  await ended(1);
  const [span] = recorded.server();
  return {
    status: answer.status,
    route: recorded.serverMetrics[0].route,
    name: span.name,
    exceptions: span.exceptions.map((exception) => (exception as { message: string }).message),
    handlers: recorded.errors.map(({ scope }) => scope.handler),
    body: answer.body,
  };
}

type Case = readonly [path: string, status: number, route: string, exceptions: string[], handlers: unknown[]];

async function check(port: number, [path, status, route, exceptions, handlers]: Case): Promise<void> {
  const { body: _, ...left } = await leaves(port, path);
  const name = route === '' ? 'GET' : `GET ${route}`;
  assert.deepEqual(left, { status, route, name, exceptions, handlers }, path);
}

const connectFixture = npmFixture('connect');
const fromConnect = createRequire(`${connectFixture.directory}/x.js`);
const loads: readonly (readonly [string, () => Promise<any>])[] = [
  ['import', async () => (await import(pathToFileURL(fromConnect.resolve('connect')).href)).default],
  ['require', async () => fromConnect('connect')],
];
for (const [how, load] of loads) {
  describe(`Connect 3 by ${how}`, { skip: connectFixture.missing ?? false }, () => {
    let port = 0;
    beforeEach(async () => {
      const connect = await load();
      const app = connect();
      const inner = connect();
      inner.use('/list', (_request: unknown, response: any) => response.end('list'));
      inner.use('/fails', function listFails(_request: unknown, _response: unknown, next: (error: Error) => void) {
        next(new Error('passed on'));
      });
      app.use((_request: unknown, _response: unknown, next: () => void) => next());
      app.use('/items', (_request: unknown, response: any) => response.end('item'));
      app.use('/inner', inner);
      app.use('/throws', function throwsHere() {
        throw new RangeError('thrown');
      });
      app.use('/teapot', () => {
        throw Object.assign(new Error('short'), { status: 418 });
      });
      app.use('/handled', (_request: unknown, _response: unknown, next: (error: Error) => void) =>
        next(new Error('first')),
      );
      app.use('/handled', (error: Error, _request: unknown, response: any, _next: unknown) => {
        response.statusCode = 503;
        response.end(error.message);
      });
      app.use((request: any, response: any, next: () => void) =>
        request.url === '/everywhere' ? response.end('everywhere') : next(),
      );
      port = await serve(app);
    });
    for (const one of [
      ['/items/7?x=1', 200, '/items', [], []],
      ['/inner/list/7', 200, '/inner/list', [], []],
      ['/inner/fails', 500, '/inner/fails', ['passed on'], ['listFails']],
      ['/throws/7', 500, '/throws', ['thrown'], ['throwsHere']],
      ['/teapot', 418, '/teapot', [], []],
      ['/handled', 503, '/handled', ['first'], [undefined]],
      ['/everywhere', 200, '', [], []],
      ['/inner/nothing', 404, '', [], []],
      ['/nothing', 404, '', [], []],
    ] satisfies Case[]) {
      test(one[0], () => check(port, one));
    }
  });
}

test('Connect is the function that it was: name, parameters, one for all who load it', {
  skip: connectFixture.missing,
}, async () => {
  const [imported, required] = await Promise.all(loads.map(([, load]) => load()));
  assert.equal(imported, required);
  assert.deepEqual([required.name, required.length], ['createServer', 0]);
  const app = required();
  app.use(function four(_error: unknown, _request: unknown, _response: unknown, _next: unknown) {});
  assert.deepEqual([app.stack[0].handle.name, app.stack[0].handle.length], ['four', 4]);
  assert.deepEqual(Object.keys(app).includes('use'), true);
});

const polkaFixture = npmFixture('polka');
describe('polka 0.5', { skip: polkaFixture.missing ?? false }, () => {
  const polka = (options?: object) => createRequire(`${polkaFixture.directory}/x.js`)('polka')(options);
  for (const own of [false, true]) {
    describe(own ? 'with handlers of its own' : 'with its own handlers', () => {
      let port = 0;
      beforeEach(async () => {
        const inner = polka().get('/deep/:id', (_request: unknown, response: any) => response.end('deep'));
        const app = polka(
          own
            ? {
                onError: (error: Error, _request: unknown, response: any) => {
                  response.statusCode = 500;
                  response.end(error.message);
                },
                onNoMatch: (_request: unknown, response: any) => {
                  response.statusCode = 404;
                  response.end('nothing');
                },
              }
            : {},
        );
        app.use((_request: unknown, _response: unknown, next: () => void) => next());
        app.use('assets', (request: any, response: any, next: () => void) =>
          request.path === '/gone' ? next() : response.end('file'),
        );
        app.use('/inner', inner);
        app.get('/items/:id', (_request: unknown, response: any) => response.end('item'));
        app.get('/fails', (_request: unknown, _response: unknown, next: (error: Error) => void) =>
          next(new Error('passed on')),
        );
        app.all('/any/*', (_request: unknown, response: any) => response.end('any'));
        port = await serve(app.handler);
      });
      for (const one of [
        ['/items/7?x=1', 200, '/items/:id', [], []],
        ['/inner/deep/7', 200, '/inner/deep/:id', [], []],
        ['/any/x/y', 200, '/any/*', [], []],
        ['/assets/x.js', 200, '/assets', [], []],
        ['/assets/gone', 404, '', [], []],
        ['/fails', 500, '/fails', ['passed on'], [undefined]],
        ['/inner/nothing', 404, '', [], []],
        ['/nothing', 404, '', [], []],
      ] satisfies Case[]) {
        test(one[0], () => check(port, one));
      }
    });
  }
});

const microFixture = npmFixture('micro');
test('micro 10: no routes; what a handler throws or rejects with is told once', {
  skip: microFixture.missing,
}, async (t) => {
  t.mock.method(console, 'error', () => {});
  const { serve: micro, createError } = createRequire(`${microFixture.directory}/x.js`)('micro');
  const port = await serve(
    micro(async function orders(request: any) {
      if (request.url === '/broken') throw new RangeError('broken');
      if (request.url === '/teapot') throw createError(418, 'short', new Error('why'));
      return 'fine';
    }),
  );
  for (const one of [
    ['/orders/7', 200, '', [], []],
    ['/broken', 500, '', ['broken'], ['orders']],
    ['/teapot', 418, '', [], []],
  ] satisfies Case[]) {
    await check(port, one);
  }
  const synchronous = await serve(
    micro(() => {
      throw new Error('at once');
    }),
  );
  await check(synchronous, ['/', 500, '', ['at once'], [undefined]]);
});

const koaMount = npmFixture('koa-mount');
describe('Koa without a router, and with routers in koa-mount', { skip: koaMount.missing ?? false }, () => {
  let port = 0;
  beforeEach(async () => {
    const load = createRequire(`${koaMount.directory}/x.js`);
    const [Koa, mount, Router] = [load('koa'), load('koa-mount'), load('@koa/router').default];
    const app = Object.assign(new Koa(), { silent: true });
    const inner = new Router()
      .get('/items/:id', (context: any) => {
        context.body = 'item';
      })
      .get('/fails', function innerFails() {
        throw new Error('inside');
      });
    const outer = new Router().get('/assets/:file', (context: any) => {
      context.body = 'outer';
    });
    app.use(mount('/assets', async (_context: unknown, next: () => Promise<void>) => await next()));
    app.use(mount('/api', inner.routes()));
    app.use(outer.routes());
    app.use((context: any) => {
      if (context.path === '/throws') throw new Error('thrown');
      context.body = 'everything';
    });
    port = await serve(app.callback());
  });
  for (const one of [
    ['/api/items/7', 200, '/api/items/:id', [], []],
    ['/api/fails', 500, '/api/fails', ['inside'], ['innerFails']],
    ['/assets/x.js', 200, '/assets/:file', [], []],
    ['/other', 200, '', [], []],
    ['/throws', 500, '', ['thrown'], [undefined]],
  ] satisfies Case[]) {
    test(one[0], () => check(port, one));
  }
});

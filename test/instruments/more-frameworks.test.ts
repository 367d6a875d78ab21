import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { internalErrors } from '../../lib/core/fence.ts';
import { type NpmFixture, npmFixture } from '../backends/npm.ts';
import { eventually } from '../support/wait.ts';
import { ask, record } from './recorder.ts';

const recorded = record();
const closers: (() => unknown)[] = [];

after(() => recorded.instruments.stop());
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  recorded.clear();
  assert.equal(internalErrors(), 0, 'no bug of ours was caught');
});

/** Asks and gives what the request left. */
async function leaves(port: number, path: string, method = 'GET') {
  recorded.clear();
  const answer = await ask(port, path, { method });
  await eventually('the end', () => (recorded.serverMetrics.length === 1 ? true : undefined), { pauseMillis: 2 });
  const [span] = recorded.server();
  return {
    status: answer.status,
    route: recorded.serverMetrics[0].route,
    name: span.name,
    exceptions: span.exceptions.map((exception) => (exception as { message: string }).message),
    handlers: recorded.errors.map(({ scope }) => scope.handler),
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const from = (fixture: NpmFixture) => createRequire(`${fixture.directory}/x.js`);
/** Loads an ES module package as an app does. */
const importFrom = (fixture: NpmFixture, name: string) => import(pathToFileURL(from(fixture).resolve(name)).href);

const hapi = npmFixture('hapi');
describe('Hapi 21', { skip: hapi.missing ?? false }, () => {
  const start = async (): Promise<number> => {
    const Hapi = from(hapi)('@hapi/hapi');
    const server = Hapi.server({ port: 0, host: '127.0.0.1', debug: false });
    server.route([
      { method: 'GET', path: '/items/{id}', handler: () => 'item' },
      {
        method: 'GET',
        path: '/throws/{id}',
        handler: function readsBadly() {
          throw new RangeError('thrown');
        },
      },
      { method: 'GET', path: '/files/{path*}', handler: () => 'file' },
      { method: '*', path: '/any/{x?}', handler: () => 'any' },
      { method: 'GET', path: '/rejects', handler: async () => Promise.reject(new Error('rejected')) },
      { method: 'GET', path: '/teapot', handler: (_request: unknown, h: any) => h.response('short').code(418) },
      {
        method: 'GET',
        path: '/denied',
        handler: () => {
          throw Object.assign(new Error('denied'), {
            isBoom: true,
            output: { statusCode: 403, headers: {}, payload: {} },
          });
        },
      },
    ]);
    await server.register(
      {
        name: 'plugin',
        register: (inner: any) => inner.route({ method: 'GET', path: '/inner/{x}', handler: () => 'inner' }),
      },
      { routes: { prefix: '/mounted' } },
    );
    await server.start();
    closers.push(() => server.stop({ timeout: 1 }));
    return server.info.port;
  };
  for (const [path, status, route, exceptions, handlers] of [
    ['/items/7', 200, '/items/{id}', [], []],
    ['/throws/7', 500, '/throws/{id}', ['thrown'], ['readsBadly']],
    ['/rejects', 500, '/rejects', ['rejected'], [undefined]],
    ['/files/a/b/c', 200, '/files/{path*}', [], []],
    ['/any/7', 200, '/any/{x?}', [], []],
    ['/any', 200, '/any/{x?}', [], []],
    ['/teapot', 418, '/teapot', [], []],
    ['/denied', 403, '/denied', [], []],
    ['/mounted/inner/1', 200, '/mounted/inner/{x}', [], []],
    ['/nowhere', 404, '', [], []],
  ] as [string, number, string, string[], unknown[]][]) {
    test(path, async () => {
      const left = await leaves(await start(), path);
      assert.deepEqual(left, { status, route, name: route === '' ? 'GET' : `GET ${route}`, exceptions, handlers });
    });
  }
});

const restify = npmFixture('restify');
describe('restify', { skip: restify.missing ?? false }, () => {
  const start = async (): Promise<number> => {
    const server = from(restify)('restify').createServer();
    server.get('/items/:id', (_request: unknown, response: any, next: () => void) => {
      response.send('item');
      next();
    });
    server.get('/throws', (_request: unknown, _response: unknown, next: (error: Error) => void) =>
      next(new Error('passed on')),
    );
    server.get('/rejects', async () => {
      throw new Error('rejected');
    });
    return await listen(server.server);
  };
  for (const [path, status, route, exceptions] of [
    ['/items/7', 200, '/items/:id', []],
    ['/throws', 500, '/throws', ['passed on']],
    ['/rejects', 500, '/rejects', ['rejected']],
    ['/nowhere', 404, '', []],
  ] as [string, number, string, string[]][]) {
    test(path, async () => {
      const left = await leaves(await start(), path);
      assert.deepEqual([left.status, left.route, left.exceptions], [status, route, exceptions]);
    });
  }
});

for (const [version, load] of [
  ['11', async (fixture: NpmFixture, name: string) => from(fixture)(name)],
  ['12', importFrom],
] as const) {
  const fixture = npmFixture(`nest-${version}`);
  for (const platform of ['express', 'fastify'] as const) {
    describe(`NestJS ${version} on ${platform}`, { skip: fixture.missing ?? false }, () => {
      const start = async (): Promise<number> => {
        await load(fixture, 'reflect-metadata');
        const { Controller, Get, Module, HttpException, Catch } = await load(fixture, '@nestjs/common');
        const { NestFactory } = await load(fixture, '@nestjs/core');
        const adapters = await load(fixture, `@nestjs/platform-${platform}`);
        class CatsController {
          findOne(): string {
            return 'cat';
          }
          fails(): never {
            throw new TypeError('no cat');
          }
          async rejects(): Promise<never> {
            throw new Error('late');
          }
          teapot(): never {
            throw new HttpException('short', 418);
          }
          filtered(): never {
            throw new SyntaxError('filtered');
          }
        }
        const prototype = CatsController.prototype;
        Controller('cats')(CatsController);
        for (const [path, method] of [
          [':id', 'findOne'],
          [':id/fails', 'fails'],
          [':id/rejects', 'rejects'],
          [':id/teapot', 'teapot'],
          [':id/filtered', 'filtered'],
        ] as const) {
          Get(path)(prototype, method, Object.getOwnPropertyDescriptor(prototype, method));
        }
        class Filter {
          catch(_error: unknown, host: any): void {
            const response = host.switchToHttp().getResponse();
            if (platform === 'express') response.status(503).json({});
            else response.code(503).send({});
          }
        }
        Catch(SyntaxError)(Filter);
        class AppModule {}
        Module({ controllers: [CatsController] })(AppModule);
        const options = { logger: false };
        const app =
          platform === 'express'
            ? await NestFactory.create(AppModule, new adapters.ExpressAdapter(), options)
            : await NestFactory.create(AppModule, new adapters.FastifyAdapter(), options);
        app.useGlobalFilters(new Filter());
        await app.listen(0, '127.0.0.1');
        closers.push(() => app.close());
        return (app.getHttpServer().address() as AddressInfo).port;
      };
      test('routes; errors that a filter answers: one line with its handler, exception on the span', async () => {
        const port = await start();
        for (const [path, status, route, exceptions] of [
          ['/cats/7', 200, '/cats/:id', []],
          ['/cats/7/fails', 500, '/cats/:id/fails', ['no cat']],
          ['/cats/7/rejects', 500, '/cats/:id/rejects', ['late']],
          ['/cats/7/teapot', 418, '/cats/:id/teapot', []],
          ['/cats/7/filtered', 503, '/cats/:id/filtered', ['filtered']],
          ['/nowhere', 404, '', []],
        ] as [string, number, string, string[]][]) {
          const left = await leaves(port, path);
          assert.deepEqual([left.status, left.route, left.exceptions], [status, route, exceptions], path);
          const handler = route === '' ? undefined : `CatsController.${route.split('/').at(3)}`;
          assert.deepEqual(left.handlers, exceptions.length === 0 ? [] : [handler], path);
        }
      });
    });
  }
}

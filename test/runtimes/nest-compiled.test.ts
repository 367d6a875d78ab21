/** NestJS as `nest build` leaves it: decorators and their metadata compiled by tsc, to CommonJS and to ES modules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { NODE_OWN } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { documentsOf, ONE_LINE, routesOf, serve, spansOf } from './serving.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGES = ['@nestjs/core', '@nestjs/common', '@nestjs/platform-express', '@nestjs/platform-fastify'];

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

for (const version of [11, 12]) {
  const nest = npmFixture(`nest-${version}`);
  const types = version === 11 ? ('commonjs' as const) : ('module' as const);
  suite(`NestJS ${version}, compiled to ${types === 'module' ? 'ES modules' : 'CommonJS'}`, {
    skip: nest.missing,
  }, () => {
    let project: string;
    before(() => {
      project = createProject({
        name: 'nest-orders',
        type: types,
        files: { 'src/main.ts': fixture('runtimes/nest-app.ts') },
        linked: Object.fromEntries(
          [...PACKAGES, 'reflect-metadata', 'rxjs'].map((name) => [name, join(nest.directory, 'node_modules', name)]),
        ),
      });
      const options = ['--ignoreConfig', '--outDir', 'dist', '--noCheck', '--sourceMap', '--target', 'es2023'];
      const decorators = ['--experimentalDecorators', '--emitDecoratorMetadata', '--module', 'nodenext'];
      const compiled = spawnSync(
        NODE_OWN.path,
        [join(root, 'node_modules/typescript/bin/tsc'), ...options, ...decorators, 'src/main.ts'],
        { cwd: project, encoding: 'utf8' },
      );
      assert.equal(compiled.status, 0, compiled.stdout);
    });

    for (const platform of ['express', 'fastify']) {
      test(`on ${platform}: route, handler's error and exit as without us`, async () => {
        const id = `nest-${version}-${platform}`;
        const run = async (args: readonly string[], isObserved: boolean) => {
          const { child, ask, metrics } = await serve({ receiver, cwd: project, args });
          const bodies = [await ask('/orders/7', id), await ask('/orders/13', `${id}-fails`)];
          assert.equal(bodies[0]?.headers['x-correlation-id'], isObserved ? id : undefined);
          if (isObserved) {
            const [span] = await spansOf(receiver, id, 1);
            assert.equal(span?.name, 'GET /orders/:id');
            await documentsOf(receiver, id, 1);
            const lines = await documentsOf(receiver, `${id}-fails`, 2);
            assert.equal(lines.filter((line) => line['error.message'] === 'no stock').length, 1);
            const [failed] = await spansOf(receiver, `${id}-fails`, 1);
            assert.equal(failed?.tags?.['exception.message'], 'no stock');
            assert.deepEqual(routesOf(await metrics()), { '/orders/:id': 2 });
          }
          const ended = await child.stop('SIGTERM');
          return {
            bodies: bodies.map(({ status, body }) => `${status} ${body}`),
            ended: { ...ended, stdout: ended.stdout.replace(/\d+/, '') },
          };
        };
        const observed = await run([...ONE_LINE, 'dist/main.js', platform], true);
        assert.deepEqual(observed, await run(['dist/main.js', platform], false));
      });
    }
  });
}

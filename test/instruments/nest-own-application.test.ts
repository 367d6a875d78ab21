import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { internalErrors } from '../../lib/core/fence.ts';
import { npmFixture } from '../backends/npm.ts';
import { eventually } from '../support/wait.ts';
import { ask, record } from './recorder.ts';

// A file of its own: once Nest is found in a process, it stays found.
const recorded = record();
after(() => recorded.instruments.stop());

const fixture = npmFixture('nest-12');
const { resolve } = createRequire(`${fixture.directory}/x.js`);

test('NestJS 12 on an Express application that the app has made: found at its listen', {
  skip: fixture.missing,
}, async () => {
  const load = (name: string) => import(pathToFileURL(resolve(name)).href);
  await load('reflect-metadata');
  const { default: express } = await load('express');
  const { Controller, Get, Module } = await load('@nestjs/common');
  const { NestFactory } = await load('@nestjs/core');
  const { ExpressAdapter } = await load('@nestjs/platform-express');
  class CatsController {
    fails(): never {
      throw new TypeError('no cat');
    }
  }
  Controller('cats')(CatsController);
  const { prototype } = CatsController;
  Get(':id')(prototype, 'fails', Object.getOwnPropertyDescriptor(prototype, 'fails'));
  class AppModule {}
  Module({ controllers: [CatsController] })(AppModule);
  const app = await NestFactory.create(AppModule, new ExpressAdapter(express()), { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  assert.equal((await ask(port, '/cats/7')).status, 500);
  await eventually('the end', () => (recorded.serverMetrics.length === 1 ? true : undefined));
  await app.close();
  const [span] = recorded.server();
  assert.equal(span.name, 'GET /cats/:id');
  assert.equal((span.exceptions[0] as { message: string }).message, 'no cat');
  assert.equal(recorded.errors.length, 1);
  assert.equal(internalErrors(), 0);
});

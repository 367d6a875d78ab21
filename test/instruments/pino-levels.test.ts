import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import { createLogLevelControl } from '../../lib/instruments/pino-levels.ts';

function setUp(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const levels = createLogLevelControl();
  const app = pino({ name: 'app' }, { write() {} });
  const db = app.child({ module: 'db' }, { level: 'warn' });
  for (const logger of [app, db]) levels.note(logger);
  return { levels, app, db, tick: (millis: number) => context.mock.timers.tick(millis) };
}

test('for a time: each returns to its own level, not a moment before', (context) => {
  const { levels, tick } = setUp(context);
  assert.deepEqual(levels.set('debug', { forMillis: 1000 }), ['app', 'db']);
  tick(999);
  assert.deepEqual(levels.list(), { app: 'debug', db: 'debug' });
  tick(1);
  assert.deepEqual(levels.list(), { app: 'info', db: 'warn' });
});

test('children that were made meanwhile return as well, unless they have a level of their own', (context) => {
  const { levels, app, tick } = setUp(context);
  levels.set('debug', { name: 'app', forMillis: 1000 });
  const late = app.child({ module: 'late' });
  const loud = app.child({ module: 'loud' }, { level: 'error' });
  for (const logger of [late, loud]) levels.note(logger);
  assert.deepEqual(levels.list(), { app: 'debug', db: 'warn', late: 'debug', loud: 'error' });
  tick(1000);
  assert.deepEqual(levels.list(), { app: 'info', db: 'warn', late: 'info', loud: 'error' });
});

test('a second time takes over from the first, and the level before the first comes back', (context) => {
  const { levels, tick } = setUp(context);
  levels.set('debug', { forMillis: 1000 });
  tick(500);
  levels.set('trace', { forMillis: 1000 });
  tick(500);
  assert.deepEqual(levels.list(), { app: 'trace', db: 'trace' });
  tick(500);
  assert.deepEqual(levels.list(), { app: 'info', db: 'warn' });
});

test('what is set for good meanwhile stays, by the port or by the app', (context) => {
  const { levels, app, tick } = setUp(context);
  levels.set('debug', { forMillis: 1000 });
  levels.set('debug', { name: 'db' });
  app.level = 'fatal';
  tick(1000);
  assert.deepEqual(levels.list(), { app: 'fatal', db: 'debug' });
});

test('a name that nobody has sets nothing and waits for nothing', (context) => {
  const { levels, tick } = setUp(context);
  assert.deepEqual(levels.set('debug', { name: 'nobody', forMillis: 10 }), []);
  tick(10);
  assert.deepEqual(levels.list(), { app: 'info', db: 'warn' });
});

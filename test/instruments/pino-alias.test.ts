/** A pino whose folder is not called `pino`, as `npm install eight@npm:pino@8` makes it. */
import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { onRequire } from '../../lib/instruments/module-hooks.ts';
import { instrumentPino } from '../../lib/instruments/pino.ts';
import { createLogPipeline } from '../../lib/logs/log-pipeline.ts';
import { createRedactor } from '../../lib/logs/redact.ts';
import { npmFixture } from '../backends/npm.ts';
import { RESOURCE } from '../metrics/fixtures.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** The package under another name, and how to load it. */
function aliased(fixture: string): () => any {
  const directory = temporaryDirectory('alias');
  cpSync(join(npmFixture(fixture).directory, 'node_modules'), join(directory, 'node_modules'), { recursive: true });
  renameSync(join(directory, 'node_modules', 'pino'), join(directory, 'node_modules', 'logger'));
  return () => createRequire(join(directory, 'app.js'))('logger');
}

describe('a pino under another name', () => {
  for (const fixture of ['pino-8.0', 'pino-8', 'pino-9.9', 'pino-9']) {
    for (const early of [false, true]) {
      test(`${fixture}, loaded ${early ? 'before' : 'after'} us: each line once`, {
        skip: npmFixture(fixture).missing,
      }, () => {
        const load = aliased(fixture);
        if (early) load();
        const shipped: string[] = [];
        const instrument = instrumentPino({
          pipeline: createLogPipeline({
            resource: RESOURCE,
            dataset: 'shop',
            namespace: 'test',
            redactor: createRedactor(undefined),
            sink: { log: (document) => void shipped.push(document) },
            onLine: () => {},
            accessLog: 'on',
          }),
          onRequire,
          stdoutEcs: false,
        });
        try {
          let written = '';
          const logger = load()({ name: fixture }, { write: (text: string) => (written += text) });
          logger.error(new RangeError('far'));
          logger.child({ module: 'db' }).info('from the child');
          assert.equal(written.split('\n').length, 3);
          assert.deepEqual(
            shipped
              .map((text) => JSON.parse(text))
              .map((line) => [line['message'], line['error.type'], line['module']]),
            [
              ['far', 'RangeError', undefined],
              ['from the child', undefined, 'db'],
            ],
          );
        } finally {
          instrument.stop();
        }
      });
    }
  }

  test('a file of the same name in another package is left alone', () => {
    let called = false;
    const offered: { take?: (exports: unknown, details: { id: string; parentFilename: string }) => void } = {};
    const instrument = instrumentPino({
      pipeline: undefined as never,
      onRequire(predicate, callback) {
        if (predicate('./lib/proto', '/app/node_modules/other/other.js')) offered.take = callback;
      },
      stdoutEcs: false,
    });
    offered.take?.(() => (called = true), { id: './lib/proto', parentFilename: '/app/node_modules/other/other.js' });
    instrument.stop();
    assert.equal(called, false);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { internalErrors } from '../../lib/core/fence.ts';
import { onFunctionExport } from '../../lib/instruments/module-exports.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A project with one package of this source. */
function project(name: string, source: string): NodeJS.Require {
  const directory = temporaryDirectory('exports');
  const root = join(directory, 'node_modules', name);
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
  writeFileSync(join(root, 'index.js'), source);
  return createRequire(join(directory, 'x.js'));
}

function hook(name: string): { seen: unknown[]; stop(): void } {
  const seen: unknown[] = [];
  const stop = onFunctionExport(
    (id) => id === name || id.endsWith(join(name, 'index.js')),
    (exported) => {
      seen.push(exported);
      return (...args: unknown[]) => `replaced ${exported(...args)}`;
    },
  );
  return { seen, stop };
}

test('the first and every later require gets the replacement; it is made once', () => {
  const require = project('sl-f', 'module.exports = (x) => x;');
  const { seen, stop } = hook('sl-f');
  assert.equal(require('sl-f')('a'), 'replaced a');
  assert.equal(require('sl-f'), require('sl-f'));
  assert.equal(seen.length, 1);
  stop();
});

test('an ES module that imports it, and a require after that, get the same', async () => {
  const require = project('sl-g', 'module.exports = (x) => x; module.exports.named = 1;');
  const { seen, stop } = hook('sl-g');
  const imported = await import(pathToFileURL(require.resolve('sl-g')).href);
  assert.equal(imported.default('a'), 'replaced a');
  assert.equal(require('sl-g'), imported.default);
  assert.equal(seen.length, 1);
  stop();
});

test('what was loaded before is replaced for those who come later', () => {
  const require = project('sl-h', 'module.exports = (x) => x;');
  assert.equal(require('sl-h')('a'), 'a');
  const { stop } = hook('sl-h');
  assert.equal(require('sl-h')('a'), 'replaced a');
  stop();
});

test('what is missing, throws or exports something else fails or passes as it would have', async () => {
  const require = project('sl-i', 'throw new RangeError("by itself");');
  const { seen, stop } = hook('sl-i');
  assert.throws(() => require('sl-i'), { name: 'RangeError', message: 'by itself' });
  await assert.rejects(() => import(pathToFileURL(require.resolve('sl-i')).href), { message: 'by itself' });
  stop();
  const missing = hook('sl-missing');
  assert.throws(() => require('sl-missing'), { code: 'MODULE_NOT_FOUND' });
  missing.stop();
  const object = project('sl-j', 'exports.a = 1;');
  const other = hook('sl-j');
  assert.deepEqual(object('sl-j'), { a: 1 });
  other.stop();
  assert.deepEqual([seen.length, other.seen.length, internalErrors()], [0, 0, 0]);
});

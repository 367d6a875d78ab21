/** The examples of docs/testing.md, run as a user runs them: with node:test, Vitest and Jest. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { runChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';

const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');
/** Each block of code says in its first line which file it is. */
const files = Object.fromEntries(
  [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, name = '', text = '']) => [name, text]),
);
const project = createProject({ name: 'shop', files, packages: ['express', 'pino'] });

test('node:test', async () => {
  const ended = await runChild({ args: ['--test', '--test-reporter=tap', 'shop.test.mjs'], cwd: project });
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /^# pass 2$/m);
});

const vitest = npmFixture('vitest');
test('Vitest', { skip: vitest.missing }, async () => {
  const main = join(vitest.directory, 'node_modules', 'vitest', 'vitest.mjs');
  const ended = await runChild({
    args: [main, 'run', '--globals', 'shop.spec.mjs'],
    cwd: project,
    env: { NO_COLOR: '1' },
  });
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /Tests\s+1 passed/);
});

const jest = npmFixture('jest');
test('Jest', { skip: jest.missing }, async () => {
  const main = join(jest.directory, 'node_modules', 'jest', 'bin', 'jest.js');
  writeFileSync(
    join(project, 'jest.config.json'),
    JSON.stringify({ testMatch: ['**/*.spec.mjs'], transform: {}, moduleFileExtensions: ['mjs', 'js', 'json'] }),
  );
  const ended = await runChild({
    args: ['--experimental-vm-modules', '--no-warnings', main, '--no-watchman', '--no-cache'],
    cwd: project,
    env: { NO_COLOR: '1' },
  });
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  assert.match(ended.stderr, /Tests:\s+1 passed/);
});

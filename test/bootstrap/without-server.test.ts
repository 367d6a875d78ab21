import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { announcedAdmin } from '../support/announced.ts';
import { runChild, startChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function program(source: string): string {
  return createProject({ name: 'consumer', type: 'module', files: { 'app.js': source }, packages: ['pino'] });
}

function environment(dataDirectory: string): NodeJS.ProcessEnv {
  return { SIGHTLINE_DATA_DIR: dataDirectory, SIGHTLINE_ADMIN_PORT: '0', SIGHTLINE_STACK_URL: 'http://127.0.0.1:1' };
}

test('a consumer without a server has an admin port once it has made a record', async (t) => {
  const dataDirectory = temporaryDirectory('consumer');
  const child = startChild({
    cwd: program("import pino from 'pino'; const log = pino(); setInterval(() => log.info('took a message'), 100);"),
    args: ['--import', 'sightline/register', 'app.js'],
    env: environment(dataDirectory),
  });
  t.after(() => child.stop());
  const admin = await announcedAdmin(dataDirectory);
  const page = await (await fetch(`${admin}/metrics`)).text();
  assert.match(page, /^sightline_log_lines_total\{.*level="info".*\} [1-9]/m);
  assert.match(page, /^nodejs_version_info\{/m);
  assert.equal((await fetch(`${admin}/livez`)).status, 200);
});

test('a script that ends at once has none, and is not kept alive for it', async () => {
  const dataDirectory = temporaryDirectory('script');
  const ended = await runChild({
    cwd: program("import pino from 'pino'; pino().info('done');"),
    args: ['--import', 'sightline/register', 'app.js'],
    env: environment(dataDirectory),
  });
  assert.equal(ended.code, 0, ended.stderr);
  const targets = join(dataDirectory, 'targets');
  assert.deepEqual(existsSync(targets) ? readdirSync(targets) : [], []);
});

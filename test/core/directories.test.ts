import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectory } from '../../lib/core/directories.ts';

test('missing parents are made with the mode, what is there stays', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sightline-directories-'));
  t.after(() => rmSync(root, { recursive: true }));
  const path = join(root, 'a/b/c');
  makeDirectory(path, 0o700);
  makeDirectory(path, 0o755);
  assert.equal(statSync(join(root, 'a')).mode & 0o777, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('a file in the way and a file system that makes nothing fail at once', {
  skip: process.platform !== 'linux' && 'only Linux has /proc',
}, (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sightline-directories-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => makeDirectory(join(root, 'file/x'), 0o700));
  // `mkdirSync` with `recursive` spins here for ever.
  assert.throws(() => makeDirectory('/proc/1/x/y', 0o700), { code: 'ENOENT' });
});

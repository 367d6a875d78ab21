import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataDirectory, defaultDataDirectory } from '../../lib/core/data-dir.ts';
import { runChild } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const skip = process.getuid?.() === 0 ? undefined : 'needs root, to be another user; run it as root';

/** What another user gets as the default; its own process, since the user cannot be changed back. */
async function asUser(uid: number, env: NodeJS.ProcessEnv): Promise<string> {
  const source = new URL('../../lib/core/data-dir.ts', import.meta.url).href;
  const code = `const { defaultDataDirectory } = await import(${JSON.stringify(source)});
process.setgid(${uid}); process.setuid(${uid});
console.log(defaultDataDirectory(process.env));`;
  const ended = await runChild({ args: ['--input-type=module', '-e', code], env });
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout.trim();
}

test('the XDG state home, when it is absolute; what is given wins', () => {
  const state = temporaryDirectory('state');
  assert.equal(defaultDataDirectory({ XDG_STATE_HOME: state }), join(state, 'sightline'));
  assert.notEqual(defaultDataDirectory({ XDG_STATE_HOME: 'relative' }), 'relative/sightline');
  assert.equal(dataDirectory({ SIGHTLINE_DATA_DIR: '/given', XDG_STATE_HOME: state }), '/given');
});

test('one that is a file is passed by', () => {
  const state = temporaryDirectory('state');
  writeFileSync(join(state, 'file'), '');
  assert.notEqual(defaultDataDirectory({ XDG_STATE_HOME: join(state, 'file') }), join(state, 'file', 'sightline'));
});

test('a home that cannot be written is passed by for the temporary directory', { skip }, async () => {
  const home = temporaryDirectory('home');
  const temporary = temporaryDirectory('tmp');
  chmodSync(temporary, 0o1777);
  const env = { TMPDIR: temporary, XDG_STATE_HOME: undefined };
  assert.equal(await asUser(12_345, { ...env, HOME: home }), join(temporary, 'sightline'));
  assert.equal(await asUser(12_345, { ...env, HOME: '/nonexistent' }), join(temporary, 'sightline'));
  assert.equal(await asUser(12_345, { ...env, HOME: '/' }), join(temporary, 'sightline'));
  assert.equal(await asUser(12_345, { ...env, HOME: undefined }), join(temporary, 'sightline'));
  chmodSync(home, 0o777);
  assert.equal(await asUser(12_345, { ...env, HOME: home }), join(home, '.local/state/sightline'));
});

test("another user's in the temporary directory is passed by, for a name of one's own", { skip }, async () => {
  const temporary = temporaryDirectory('tmp');
  chmodSync(temporary, 0o1777);
  mkdirSync(join(temporary, 'sightline'));
  const env = { TMPDIR: temporary, XDG_STATE_HOME: undefined, HOME: '/' };
  assert.equal(await asUser(12_345, env), join(temporary, 'sightline-12345'));
});

test('none will do: the first is named, for whoever tries to say so', { skip }, async () => {
  const env = { TMPDIR: '/proc', XDG_STATE_HOME: undefined };
  assert.equal(await asUser(12_345, { ...env, HOME: '/nonexistent' }), '/nonexistent/.local/state/sightline');
  assert.equal(await asUser(12_345, { ...env, HOME: '/' }), '/proc/sightline');
});

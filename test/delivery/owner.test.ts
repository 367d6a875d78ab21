import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { currentOwner, isGone, type Owner, ownerName, parseOwner } from '../../lib/delivery/journal/owner.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const self = currentOwner();
const directory = temporaryDirectory('owner');
const NOW = Date.now();
const gone = (owner: Owner, path = directory, now = NOW) => isGone(owner, self, path, now);

test('a name reads back', () => {
  assert.deepEqual(parseOwner(ownerName(self)), self);
  for (const name of ['', 'a.b', 'released', '../x.1.2.3', 'a.1.2', 'A.1.2.3', 'a.1.2.3.4'])
    assert.equal(parseOwner(name), undefined, name);
});

test('this process lives; the same number with another start is another process', {
  skip: self.start === '0' && 'no /proc',
}, () => {
  assert.equal(gone(self), false);
  assert.equal(gone({ ...self, start: String(Number(self.start) - 1) }), true);
});

test('a process that has ended is gone, also before its parent has noticed', {
  skip: self.start === '0' && 'no /proc',
}, async () => {
  // The shell does not wait for its child: a zombie.
  const parent = spawn('bash', ['-c', 'sleep 0 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line).trim());
  for (let tries = 0; tries < 200 && !gone({ ...self, pid, start: '1' }); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(gone({ ...self, pid }), true);
  parent.kill('SIGKILL');
  const { pid: ended } = spawnSync('true');
  assert.equal(gone({ ...self, pid: ended }), true);
});

test('an owner on another boot or in another namespace is gone only when nobody has touched the journal for a minute', () => {
  const path = join(directory, 'journal');
  mkdirSync(path);
  const touched = (secondsAgo: number) =>
    utimesSync(path, new Date(NOW - secondsAgo * 1000), new Date(NOW - secondsAgo * 1000));
  for (const foreign of [
    { ...self, boot: 'ffff' },
    { ...self, namespace: '1' },
  ]) {
    touched(59);
    assert.equal(gone(foreign, path), false);
    touched(61);
    assert.equal(gone(foreign, path), true);
    assert.equal(gone(foreign, join(directory, 'none')), false, 'what cannot be looked at is left alone');
  }
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LeaseWatch, renewLease } from '../../lib/delivery/journal/lease.ts';
import { currentOwner, isAlive, type Owner, ownerName, parseOwner } from '../../lib/delivery/journal/owner.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const self = currentOwner();
const directory = temporaryDirectory('owner');
const gone = (owner: Owner) => isAlive(owner, self) === false;

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

test('an owner on another boot or in another namespace has a lease: gone when nobody renews it while we look on', () => {
  for (const [at, foreign] of [
    { ...self, boot: 'ffff' },
    { ...self, namespace: '1' },
  ].entries()) {
    let steady = 0;
    const now = Date.now();
    const path = join(directory, `journal-${at}`);
    mkdirSync(path);
    const watch = new LeaseWatch({ steady: () => steady, now: () => now });
    const touch = (secondsAgo: number) =>
      utimesSync(path, new Date(now - secondsAgo * 1000), new Date(now - secondsAgo * 1000));
    assert.equal(isAlive(foreign, self), undefined);
    // The clock of the other machine is five minutes behind: that alone says nothing.
    touch(300);
    assert.equal(watch.isGone(foreign, self, path), false);
    steady += 90_000;
    assert.equal(watch.isGone(foreign, self, path), false, 'the last moment');
    touch(295);
    steady += 1;
    assert.equal(watch.isGone(foreign, self, path), false, 'it was renewed');
    steady += 90_001;
    assert.equal(watch.isGone(foreign, self, path), true);
    // Its clock may also be ahead.
    touch(-300);
    assert.equal(watch.isGone(foreign, self, path), false);
    steady += 90_001;
    assert.equal(watch.isGone(foreign, self, path), true);
    assert.equal(watch.isGone(foreign, self, join(directory, 'none')), false, 'what cannot be looked at is left alone');
  }
});

test('a lease of long ago has expired also for who has just begun to look; one that is renewed has not', () => {
  const path = join(directory, 'old');
  mkdirSync(path);
  const foreign = { ...self, boot: 'ffff' };
  const ago = (seconds: number) => utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
  ago(590);
  assert.equal(new LeaseWatch().isGone(foreign, self, path), false);
  ago(610);
  assert.equal(new LeaseWatch().isGone(foreign, self, path), true);
  renewLease(path);
  assert.equal(new LeaseWatch().isGone(foreign, self, path), false);
  renewLease(join(directory, 'none'));
});

/** The files of dead letters: added to by several processes, changed by a command beside them, bounded in bytes and age. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type DeadLetter, letterKey } from '../../lib/delivery/journal/dead-letter.ts';
import {
  allLetters,
  appendLetters,
  closeCurrent,
  deadLetterFiles,
  firstLetterMillis,
  takeLetters,
} from '../../lib/delivery/journal/dead-letter-files.ts';
import { currentOwner, ownerName } from '../../lib/delivery/journal/owner.ts';
import { identityOf, readIdentities, writeRetryJournal } from '../../lib/delivery/journal/retry-journal.ts';
import { DeadLetters } from '../../lib/delivery/worker/dead-letters.ts';
import { Journal } from '../../lib/delivery/worker/journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DAY = 24 * 3_600_000;

function letter(number: number, change: Partial<DeadLetter> = {}): DeadLetter {
  const at = new Date(Date.UTC(2026, 10, 25) + number * 1000).toISOString();
  return {
    last: at,
    first: at,
    accepted: at,
    attempts: 1,
    signal: 'logs',
    id: `0123456789abcdef-${number.toString(36)}`,
    service: 'shop',
    destination: 'http://es',
    fingerprint: 'f'.repeat(32),
    status: 400,
    reason: 'why',
    fix: 'how',
    response: '400 why',
    record: JSON.stringify({ number }),
    ...change,
  };
}

const numbers = (letters: readonly DeadLetter[]): number[] =>
  letters.map(({ record }) => JSON.parse(record).number).sort((one, two) => one - two);
const nothing = (): void => {};

suite('files', () => {
  test('what was added is there, in order, each once, as it is now', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1), letter(2)]);
    closeCurrent(directory);
    appendLetters(directory, [letter(3), letter(2, { last: letter(9).last, attempts: 2 })]);
    assert.deepEqual(numbers(allLetters(directory)), [1, 2, 3]);
    assert.deepEqual(
      allLetters(directory).map(({ attempts }) => attempts),
      [1, 1, 2],
    );
    assert.equal(statSync(join(directory, 'dead-letters.ndjson')).mode & 0o777, 0o600);
    // Logs and spans are numbered each for themselves.
    appendLetters(directory, [letter(1, { signal: 'spans' })]);
    assert.equal(new Set(allLetters(directory).map(letterKey)).size, 4);
  });

  test('a line that was cut off, and a file of somebody else, take no letter along', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1)]);
    appendFileSync(join(directory, 'dead-letters.ndjson'), '{"last":"2026-11-25T00:00:00Z","fir');
    appendLetters(directory, [letter(2)]);
    writeFileSync(join(directory, 'dead-letters-notes.ndjson'), JSON.stringify(letter(7)));
    writeFileSync(join(directory, 'dead-letters-0123456789abcdef.ndjson'), 'null\n7\n"x"\n{}\n');
    assert.deepEqual(numbers(allLetters(directory)), [1, 2]);
  });

  test('who adds while the file is closed under it adds to the next one', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1)]);
    const taken = takeLetters(
      directory,
      () => true,
      () => appendLetters(directory, [letter(2)]),
    );
    assert.deepEqual(numbers(taken), [1]);
    assert.deepEqual(numbers(allLetters(directory)), [2]);
  });
});

suite('taking letters out', () => {
  test('those that are chosen go, the others keep their age', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1), letter(2), letter(3)]);
    const old = new Date(Date.now() - 3 * DAY);
    utimesSync(join(directory, 'dead-letters.ndjson'), old, old);
    const taken = takeLetters(directory, ({ record }) => record.includes('2'), nothing);
    assert.deepEqual(numbers(taken), [2]);
    assert.deepEqual(numbers(allLetters(directory)), [1, 3]);
    const [file, ...more] = deadLetterFiles(directory);
    assert.equal(more.length, 0);
    assert.ok(Math.abs((file?.modifiedMillis ?? 0) - old.getTime()) < 1000);
    takeLetters(directory, () => true, nothing);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('when what is done with them fails, everything is as it was', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1), letter(2)]);
    assert.throws(
      () =>
        takeLetters(
          directory,
          () => true,
          () => {
            throw new Error('disk full');
          },
        ),
      /disk full/,
    );
    assert.deepEqual(numbers(allLetters(directory)), [1, 2]);
    assert.deepEqual(numbers(takeLetters(directory, () => true, nothing)), [1, 2]);
  });

  test('what a living process has in hand is left alone; of one that died it is free', () => {
    const directory = temporaryDirectory('letters');
    appendLetters(directory, [letter(1)]);
    closeCurrent(directory);
    appendLetters(directory, [letter(2)]);
    const [closed] = deadLetterFiles(directory).filter(({ id }) => id !== undefined);
    const self = currentOwner();
    const held = (owner: string) => join(directory, `dead-letters-${closed!.id}~${owner}.ndjson`);
    renameSync(closed!.path, held(ownerName(self)));
    // This process is not the one that holds it, as far as the other one knows.
    assert.throws(() => takeLetters(directory, () => true, nothing), { code: 'SIGHTLINE_E_DLQ_BUSY' });
    assert.deepEqual(numbers(allLetters(directory)), [1, 2], 'and they can be looked at');
    renameSync(held(ownerName(self)), held(ownerName({ ...self, start: '1' })));
    assert.deepEqual(numbers(takeLetters(directory, () => true, nothing)), [1, 2]);
  });
});

suite('sent again', () => {
  test('a journal of nobody, whose records keep ID, attempts and times', (t) => {
    const directory = temporaryDirectory('letters');
    const letters = [letter(5), letter(900, { signal: 'spans', attempts: 4 }), letter(7)];
    const path = writeRetryJournal(directory, letters);
    assert.match(path, /released~[0-9a-f]{16}$/);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    const journal = new Journal({ role: 'adopted', path, journalId: path.slice(-16), kinds: [1, 2], onFreed() {} });
    t.after(() => journal.close(false));
    const logs = journal.read(1, 1024 ** 2)!;
    const spans = journal.read(2, 1024 ** 2)!;
    assert.deepEqual(
      [...logs.records].map(({ payload }) => payload.toString()),
      [letters[0]!.record, letters[2]!.record],
    );
    assert.deepEqual([logs.lost, spans.lost, spans.records.length], [0, 0, 1]);
    assert.ok(Date.now() - logs.records.timeAt(0) < 60_000, 'they have as long as any new record');
    assert.equal(journal.before(1, 2)?.id, letters[2]!.id);
    assert.deepEqual(identityOf(readIdentities(path), 2, 1), {
      id: letters[1]!.id,
      attempts: 4,
      first: letters[1]!.first,
      accepted: letters[1]!.accepted,
    });
    assert.equal(journal.before(1, 3), undefined);
  });

  test('more than a segment', (t) => {
    const directory = temporaryDirectory('letters');
    const record = JSON.stringify({ text: 'x'.repeat(250_000) });
    const path = writeRetryJournal(
      directory,
      Array.from({ length: 70 }, (_, at) => letter(at, { record })),
    );
    assert.equal(readdirSync(path).filter((name) => name.endsWith('.segment')).length, 3);
    const journal = new Journal({ role: 'adopted', path, journalId: path.slice(-16), kinds: [1], onFreed() {} });
    t.after(() => journal.close(false));
    let read = 0;
    for (let batch = journal.read(1, 1024 ** 2); batch !== undefined; batch = journal.read(1, 1024 ** 2)) {
      assert.equal(batch.lost, 0);
      read += batch.records.length;
    }
    assert.equal(read, 70);
  });
});

suite('bounds', () => {
  const letters = (directory: string, now = Date.now()) => {
    const counts: unknown[] = [];
    const tended = new DeadLetters({
      directory,
      service: 'shop',
      fingerprint: 'f'.repeat(32),
      onAdd() {},
      onCount: (found) => counts.push(found),
      nowMillis: () => now,
    });
    const tend = () => {
      tended.tend();
      return counts.at(-1);
    };
    return { tend, tended };
  };
  const parcel = {
    before: () => undefined,
    id: (at: number) => `a-${at}`,
    timeMillis: () => 1,
    record: () => ({ payload: Buffer.from('{}') }),
  } as never;
  const refused = [{ at: 0, refusal: { reason: 'r', fix: 'f', status: 400, response: '' } }];
  const trail = { attempts: 3, firstMillis: 5 };

  test('a file is closed when it is large, or its first letter a day old; after seven days it goes, counted', () => {
    const directory = temporaryDirectory('letters');
    const now = Date.now();
    const old = new Date(now - DAY - 1000).toISOString();
    appendLetters(directory, [letter(1, { last: old }), letter(2, { signal: 'spans' })]);
    assert.equal(firstLetterMillis(join(directory, 'dead-letters.ndjson')), Date.parse(old));
    const before = { logs: { waiting: 1, expired: 0 }, spans: { waiting: 1, expired: 0 } };
    assert.deepEqual(letters(directory, now).tend(), before);
    assert.deepEqual(
      deadLetterFiles(directory).map(({ id }) => id === undefined),
      [false],
    );
    appendLetters(directory, [letter(3)]);
    assert.deepEqual(letters(directory, now + 7 * DAY - 60_000).tend(), {
      logs: { waiting: 2, expired: 0 },
      spans: { waiting: 1, expired: 0 },
    });
    assert.deepEqual(letters(directory, now + 7 * DAY + 60_000).tend(), {
      logs: { waiting: 0, expired: 2 },
      spans: { waiting: 0, expired: 1 },
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  test('32 MiB are the last that is added to', () => {
    const directory = temporaryDirectory('letters');
    const { tended } = letters(directory);
    assert.equal(tended.add('http://es', 'logs', parcel, refused, trail), 1);
    const [kept] = allLetters(directory);
    assert.deepEqual([kept?.attempts, kept?.first, kept?.id], [3, '1970-01-01T00:00:00.005Z', 'a-0']);
    writeFileSync(join(directory, 'dead-letters-0123456789abcdef.ndjson'), Buffer.alloc(32 * 1024 ** 2 - 10_000));
    assert.equal(tended.add('http://es', 'logs', parcel, refused, trail), 1);
    appendFileSync(join(directory, 'dead-letters-0123456789abcdef.ndjson'), Buffer.alloc(10_000));
    assert.equal(tended.add('http://es', 'logs', parcel, refused, trail), 0);
  });

  test('a disk that takes nothing keeps no letter, and says so', () => {
    const { tended } = letters(join(temporaryDirectory('letters'), 'missing'));
    assert.equal(tended.add('http://es', 'logs', parcel, refused, trail), 0);
    tended.tend();
  });
});

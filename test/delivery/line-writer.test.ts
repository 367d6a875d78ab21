import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineWriter, type WriteBytes } from '../../lib/delivery/line-writer.ts';
import { Outcomes } from '../../lib/delivery/outcomes.ts';
import { eventually } from '../support/wait.ts';
import { counts } from './sink-fixture.ts';

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A pipe with room for so many bytes. */
function pipe(room: number) {
  const state = { room, text: '', failing: undefined as Error | undefined, writes: 0 };
  const write: WriteBytes = (bytes) => {
    state.writes += 1;
    if (state.failing !== undefined) throw state.failing;
    const part = Buffer.from(bytes).subarray(0, state.room);
    if (part.length === 0) throw failure('EAGAIN');
    state.room -= part.length;
    state.text += part.toString('latin1');
    return part.length;
  };
  return { state, write };
}

function writer(write: WriteBytes, maxWaitingBytes = 1000) {
  const outcomes = new Outcomes('spans', true);
  const lines = new LineWriter({ outcomes, write, maxWaitingBytes });
  return {
    outcomes,
    lines,
    print(text: string) {
      outcomes.accept();
      lines.print(text);
    },
  };
}

test('a line is out when print returns', () => {
  const { state, write } = pipe(100);
  const { print, outcomes } = writer(write);
  print('one');
  print('two');
  assert.equal(state.text, 'one\ntwo\n');
  assert.equal(state.writes, 2, 'whole lines, one write each');
  assert.deepEqual(outcomes.counts(), counts({ accepted: 2, delivered: 2 }));
});

test('a full pipe is tried again, a rest goes on where it stopped, and the order stays', async () => {
  const { state, write } = pipe(6);
  const { print, outcomes } = writer(write);
  print('first');
  print('second');
  print('third');
  assert.equal(state.text, 'first\n');
  assert.equal(outcomes.pending, 2);
  state.room = 3;
  await eventually('the part', () => (state.text === 'first\nsec' ? true : undefined), { pauseMillis: 2 });
  state.room = 100;
  await eventually('the rest', () => (outcomes.pending === 0 ? true : undefined), { pauseMillis: 2 });
  assert.equal(state.text, 'first\nsecond\nthird\n');
  assert.deepEqual(outcomes.counts(), counts({ accepted: 3, delivered: 3 }));
});

test('what waits is bounded: the last accepted, the first dropped; the end waits no longer than it is told', () => {
  const { state, write } = pipe(0);
  const { print, outcomes, lines } = writer(write, 12);
  print('12345');
  print('12345');
  print('');
  assert.deepEqual(outcomes.counts(), counts({ accepted: 3, onDisk: 2, dropped: { output_full: 1 } }));
  lines.printWithin(5);
  assert.equal(outcomes.pending, 2);
  state.room = 6;
  lines.close();
  assert.equal(state.text, '12345\n');
  assert.deepEqual(outcomes.counts(), counts({ accepted: 3, delivered: 1, dropped: { output_full: 2 } }));
  print('late');
  assert.equal(outcomes.counts().dropped['closed'], 1);
});

test('a pipe that nobody reads any more ends it; another failure costs its line alone', () => {
  const { state, write } = pipe(100);
  const { print, outcomes } = writer(write);
  state.failing = failure('ENOSPC');
  print('lost');
  state.failing = undefined;
  print('kept');
  assert.equal(state.text, 'kept\n');
  state.failing = failure('EPIPE');
  print('gone');
  const { writes } = state;
  print('gone');
  assert.equal(state.writes, writes, 'not tried again');
  assert.equal(outcomes.state, 'failing');
  assert.deepEqual(
    outcomes.counts(),
    counts({ accepted: 4, delivered: 1, dropped: { output_error: 1, output_closed: 2 } }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProgram } from '../support/child.ts';
import { receiverFor, sinkOptions } from './sink-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/delivery/append.mjs', import.meta.url));
const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;
/** What a file may be at most, KiB: far below a segment. */
const FILE_LIMIT = 40;
const RECORDS = 400;

test('a disk that takes half a write: what was written whole is delivered, the rest is counted, nothing is damaged', {
  skip: process.platform === 'win32' && 'no ulimit',
}, async (t) => {
  const receiver = await receiverFor(t);
  const { onNotice: _, ...options } = sinkOptions(receiver);
  const child = startProgram(
    'bash',
    ['-c', `ulimit -f ${FILE_LIMIT}; exec "$@"`, 'limited', process.execPath, PROGRAM],
    {
      env: { SINK: SOURCE, OPTIONS: JSON.stringify(options), COUNT: String(RECORDS), END: 'exit', DRAIN: '10000' },
    },
  );
  const ended = await child.ended;
  assert.equal(ended.code, 7, ended.stderr);
  const { logs, spans } = JSON.parse(ended.stdout).status;
  for (const signal of [logs, spans]) {
    assert.deepEqual(Object.keys(signal.dropped), ['disk_error'], JSON.stringify(signal));
    assert.equal(signal.accepted, RECORDS);
    assert.equal(signal.delivered + signal.dropped.disk_error, RECORDS);
    assert.ok(signal.delivered > 0);
  }
  assert.equal(receiver.documents.length, logs.delivered);
  assert.equal(receiver.spans.length, spans.delivered);
  assert.match(ended.stderr, /^notice: SIGHTLINE_E_JOURNAL: the journal in .* cannot be written \(EFBIG/);
  assert.equal(ended.stderr.trim().split('\n').length, 1, 'said once');
});

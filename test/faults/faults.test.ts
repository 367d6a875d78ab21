import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type CellResult, runEnding, runFault } from './cell.ts';
import { ENDING_MODES, ENDINGS, FAULTS } from './faults.ts';

/** The short form of the matrix; `npm run faults` is the long one. */
const SHORT = { delivery: 'journal', third: 60, holdMillis: 0, settleMillis: 60_000 } as const;

function assertPromise(result: CellResult, logsMayRepeat: boolean, spansMayRepeat: boolean): void {
  assert.equal(result.logs.lost, 0, 'log lines lost');
  assert.equal(result.spans.lost, 0, 'spans lost');
  if (!logsMayRepeat) assert.equal(result.logs.repeated, 0, 'log lines repeated');
  if (!spansMayRepeat) assert.equal(result.spans.repeated, 0, 'spans repeated');
}

suite('the fault matrix, in short', { concurrency: 2 }, () => {
  for (const fault of FAULTS)
    test(`Elasticsearch and Zipkin: ${fault.name}`, async () => {
      const result = await runFault(fault, { ...SHORT, kind: 'elasticsearch-zipkin' });
      assertPromise(result, false, fault.answerLost === true);
      assert.ok(result.alive);
      assert.equal(result.ended, '0', result.stderr);
    });
  for (const ending of ENDINGS)
    for (const { name, mode } of ENDING_MODES.filter(({ name }) => name === 'hanging' || ending === 'exit'))
      test(`ends by ${ending} while the backends are ${name}`, async () => {
        const result = await runEnding(ending, mode, { ...SHORT, kind: 'elasticsearch-zipkin' });
        // A request that was under way at the end may have been taken: its spans come again.
        assertPromise(result, false, true);
      });
  test('direct mode: backends that hang do not hold a program whose loop is empty', async () => {
    const result = await runEnding(
      'normally',
      { kind: 'hang' },
      { ...SHORT, delivery: 'direct', kind: 'elasticsearch-zipkin' },
    );
    assert.equal(result.ended, '0', result.stderr);
  });

  // Enough of them for several requests at once over sockets that are used again.
  test('direct mode: with nothing wrong, each line arrives once', async () => {
    const result = await runFault(FAULTS[0]!, {
      ...SHORT,
      delivery: 'direct',
      kind: 'elasticsearch-zipkin',
      third: 2000,
      settleMillis: 30_000,
    });
    assert.deepEqual(result.logs, { lost: 0, repeated: 0 });
  });
});

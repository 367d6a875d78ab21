import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { available } from '../backends/directory.ts';
import { runFault } from './cell.ts';
import { type RealServers, startRealServers } from './destinations.ts';
import { SEARCH_FAULTS, ZIPKIN_FAULTS } from './real-faults.ts';

suite('Elasticsearch and Zipkin themselves', { skip: available('elasticsearch', 'zipkin') }, () => {
  let real: RealServers;
  before(async () => {
    real = await startRealServers('elasticsearch');
  });
  after(async () => {
    await real?.elasticsearch.stop();
    await real?.zipkin.stop();
  });
  // Starting the servers again takes longest: that is left to the long form.
  const rows = [...SEARCH_FAULTS, ...ZIPKIN_FAULTS].filter(({ name }) => !name.includes('SIGKILL'));
  for (const fault of rows)
    test(`${fault.only}: ${fault.name}`, async () => {
      const result = await runFault(fault, {
        delivery: 'journal',
        kind: 'real',
        real,
        third: 300,
        holdMillis: 500,
        settleMillis: 60_000,
      });
      assert.deepEqual([result.logs.lost, result.spans.lost, result.logs.repeated], [0, 0, 0]);
      assert.ok(result.alive);
      assert.equal(result.ended, '0', result.stderr);
    });
});

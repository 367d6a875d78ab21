import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runKillRounds } from './kill-rounds.ts';

/** The long form: `node scripts/kill-rounds.ts --rounds 300`. */
const ROUNDS = { app: 4, adopters: 2, worker: 10 } as const;

for (const kind of ['app', 'adopters', 'worker'] as const) {
  test(`killed at random moments (${kind}): nothing that was accepted is lost, no line is there twice`, async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const report = await runKillRounds(kind, ROUNDS[kind], seed);
    t.diagnostic(JSON.stringify(report));
    assert.ok(report.accepted.logs > 0);
  });
}

/**
 * The short form of `npm run fuzz`: each target with a seed that is always the same and with one of this run, which is
 * printed with the command that repeats it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, fuzz, repetition } from './harness.ts';
import { TARGETS } from './targets.ts';

const FIXED_SEED = 1;
const RANDOM_SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

for (const target of TARGETS) {
  test(`${target.name}: every property holds`, { timeout: 120_000 }, async (t) => {
    for (const seed of [FIXED_SEED, RANDOM_SEED]) {
      t.diagnostic(`seed ${seed}`);
      const findings: Finding[] = [];
      await fuzz({
        targets: [target],
        seed,
        more: (round) => round === 0,
        casesOf: ({ shortCases }) => Math.ceil(shortCases / 2),
        findingsOfTarget: 1,
        onFinding: (finding) => findings.push(finding),
      });
      const [first] = findings;
      if (first !== undefined) assert.fail(`${repetition(first)}\n${first.error.stack}`);
    }
  });
}

/**
 * `node scripts/kill-rounds.ts [--rounds 300] [--seed N] [--kind app|adopters|worker]`: kills apps, pairs of adopters and
 * delivery workers at random moments, and says what arrived. Ends with 1 and the seed when a record is lost.
 */
import { parseArgs } from 'node:util';
import { type KillKind, runKillRounds } from '../test/delivery/kill-rounds.ts';

const KINDS: readonly KillKind[] = ['app', 'adopters', 'worker'];
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kind: { type: 'string' },
  },
});
const kinds = KINDS.filter((kind) => values.kind === undefined || values.kind === kind);
for (const kind of kinds) {
  const { rounds, kills, accepted, repeated } = await runKillRounds(kind, Number(values.rounds), Number(values.seed));
  process.stdout.write(
    `${kind}: ${rounds} rounds, ${kills} kills, ${accepted.logs} lines and ${accepted.spans} spans accepted, 0 lost; sent again: ${repeated.logs} lines (each stored once), ${repeated.spans} spans; seed ${values.seed}\n`,
  );
}

/**
 * `npm run fuzz [-- --seed N --minutes M --target NAME… --case K]`: hostile inputs at length. Each finding is printed with
 * the command that repeats it; exit 1 when there was any. With `--case` only that one case runs.
 */
import { parseArgs } from 'node:util';
import { type Finding, fuzz, repetition, runCase } from '../test/fuzz/harness.ts';
import { TARGETS } from '../test/fuzz/targets.ts';

/** Length of a run that says none. */
const DEFAULT_MINUTES = 5;
/** A run says how far it is about as often, milliseconds. */
const PROGRESS_MILLIS = 60_000;
/** Findings after which a target is left alone: more of them are mostly the same. */
const FINDINGS_OF_TARGET = 10;
/** A round has so many cases for each that the short form has. */
const SHARE_OF_ROUND = 5;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    target: { type: 'string', multiple: true },
    case: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const minutes = Number(values.minutes ?? DEFAULT_MINUTES);
const targets = values.target === undefined ? TARGETS : TARGETS.filter(({ name }) => values.target?.includes(name));
if (targets.length === 0 || !Number.isSafeInteger(seed) || !(minutes > 0)) {
  process.stderr.write(
    `wanted --seed NUMBER, --minutes NUMBER, --target of ${TARGETS.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}

let findings = 0;
function report(finding: Finding): void {
  findings += 1;
  process.stdout.write(`\nFINDING ${repetition(finding)}\n${finding.error.stack?.slice(0, 4000)}\n`);
}

if (values.case !== undefined) {
  for (const target of targets) {
    const finding = await runCase(target, seed, Number(values.case));
    await target.close?.();
    if (finding === undefined) process.stdout.write(`${target.name}: holds\n`);
    else report(finding);
  }
} else {
  process.stdout.write(`fuzz: seed ${seed}, ${minutes} minutes, ${targets.map(({ name }) => name).join(' ')}\n`);
  const begin = Date.now();
  let said = begin;
  const done = await fuzz({
    targets,
    seed,
    more(round) {
      const now = Date.now();
      if (now - said > PROGRESS_MILLIS) {
        said = now;
        process.stdout.write(
          `fuzz: round ${round}, ${Math.round((now - begin) / 60_000)} minutes, ${findings} findings\n`,
        );
      }
      return now - begin < minutes * 60_000;
    },
    casesOf: ({ shortCases }) => Math.ceil(shortCases / SHARE_OF_ROUND),
    findingsOfTarget: FINDINGS_OF_TARGET,
    onFinding: report,
  });
  for (const [name, cases] of done) process.stdout.write(`fuzz: ${name}: ${cases} cases\n`);
  process.stdout.write(`fuzz: seed ${seed}: ${findings} findings\n`);
}
process.exitCode = findings > 0 ? 1 : 0;

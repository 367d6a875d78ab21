/**
 * `npm test [-- FILE or FOLDER…]`: builds, then runs the tests, two files at a time. Ends with every test that was
 * skipped, why, and what installs the missing part. With `SIGHTLINE_REQUIRE_BACKENDS=1` a skip is a failure.
 *
 * Real servers and child programs share the machine with whatever else runs there. A few files that failed are run a
 * second time, alone: what fails again is a failure, what passes is named as unsteady, to be mended.
 */
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

/** Files at a time: real servers and child programs run beside them. */
const CONCURRENCY = 2;
/** Longest that one file may take, milliseconds. */
const FILE_TIMEOUT = 400_000;
/** Most files that get the second run: more of them is no accident. */
const SECOND_RUNS = 3;
/** How many of the slowest files are named at the end. */
const SLOWEST = 5;

const root = fileURLToPath(new URL('..', import.meta.url));

/** The test files below the given files and folders; all without any. */
function testFiles(given: readonly string[]): string[] {
  if (given.length === 0)
    return globSync('test/**/*.test.ts', { cwd: root })
      .map((file) => resolve(root, file))
      .sort();
  return given.flatMap((path) => {
    const absolute = resolve(path);
    return statSync(absolute).isDirectory()
      ? globSync('**/*.test.ts', { cwd: absolute })
          .map((file) => resolve(absolute, file))
          .sort()
      : [absolute];
  });
}

interface Skip {
  readonly file: string;
  readonly name: string;
  readonly reason: string;
}

function printSkips(skips: readonly Skip[]): void {
  const reasons = Map.groupBy(skips, (skip) => skip.reason);
  for (const [reason, members] of reasons) {
    const [why = '', command] = reason.split('; ');
    const install = command === undefined ? '' : `; install with: ${command}`;
    process.stdout.write(`skipped: ${why}${install}\n`);
    for (const skip of members) process.stdout.write(`  ${skip.file}: ${skip.name}\n`);
  }
}

const files = testFiles(process.argv.slice(2));
if (files.length === 0) {
  process.stderr.write('no test files there\n');
  process.exit(2);
}
const build = spawnSync(process.execPath, [`${root}scripts/build.ts`], {
  stdio: ['ignore', 'inherit', 'inherit'],
  cwd: root,
});
if (build.status !== 0) {
  process.stderr.write('the build failed; no test was run\n');
  process.exit(1);
}

interface Outcome {
  passed: number;
  readonly failed: { readonly file: string; readonly name: string }[];
  readonly skips: Skip[];
  readonly durations: Map<string, number>;
}

async function runFiles(paths: readonly string[], concurrency: number): Promise<Outcome> {
  const outcome: Outcome = { passed: 0, failed: [], skips: [], durations: new Map() };
  const events = run({ files: [...paths], concurrency, timeout: FILE_TIMEOUT, cwd: root });
  events.on('test:pass', (event) => {
    const file = relative(root, event.file ?? '');
    // First, because a skipped suite reports none of its tests.
    if (event.skip !== undefined && event.skip !== false) {
      const reason = typeof event.skip === 'string' ? event.skip : 'no reason given';
      outcome.skips.push({ file, name: event.name, reason });
    } else if (event.details.type !== 'suite' && event.todo === undefined) outcome.passed += 1;
  });
  events.on('test:fail', (event) => {
    if (event.details.type !== 'suite')
      outcome.failed.push({ file: relative(root, event.file ?? ''), name: event.name });
  });
  events.on('test:summary', (event) => {
    if (event.file !== undefined) outcome.durations.set(relative(root, event.file), event.duration_ms);
  });
  for await (const text of events.compose(spec)) process.stdout.write(text);
  return outcome;
}

const { passed, failed: firstFailed, skips, durations } = await runFiles(files, CONCURRENCY);
const again = [...new Set(firstFailed.map(({ file }) => file))];
let failed = firstFailed;
if (again.length > 0 && again.length <= SECOND_RUNS && again.every((file) => file !== '') && files.length > 1) {
  process.stdout.write(`failed, run again alone: ${again.join(', ')}\n`);
  failed = (
    await runFiles(
      again.map((file) => resolve(root, file)),
      1,
    )
  ).failed;
  for (const { file, name } of firstFailed)
    if (!failed.some((second) => second.file === file)) process.stdout.write(`unsteady: ${file}: ${name}\n`);
}

const slowest = [...durations].sort((a, b) => b[1] - a[1]).slice(0, SLOWEST);
for (const [file, millis] of slowest) process.stdout.write(`slowest: ${(millis / 1000).toFixed(1)} s ${file}\n`);
printSkips(skips);
const required = process.env['SIGHTLINE_REQUIRE_BACKENDS'] === '1';
if (required && skips.length > 0) process.stdout.write('SIGHTLINE_REQUIRE_BACKENDS=1: a skip is a failure here\n');
process.stdout.write(
  `${passed + Math.max(0, firstFailed.length - failed.length)} passed, ${failed.length} failed, ${skips.length} skipped\n`,
);
process.exitCode = failed.length > 0 || (required && skips.length > 0) ? 1 : 0;

/**
 * Runs scripts in Prometheus's PromQL test language: `npm run promqltest -- [--quiet] FILE…`. Prints of each file how many
 * evaluations passed and failed, and how many were refused because of something that is left out on purpose. Exit code
 * 1 when any failed.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { runScript, type ScriptOutcome } from './promqltest/runner.ts';

const parameters = process.argv.slice(2);
const quiet = parameters.includes('--quiet');
const files = parameters.filter((parameter) => parameter !== '--quiet');
if (files.length === 0) {
  process.stderr.write('Usage: npm run promqltest -- [--quiet] FILE…\n');
  process.exit(2);
}

function summary({ passed, failures, unsupported }: ScriptOutcome): string {
  const refused = [...unsupported].map(([reason, count]) => `${count} ${reason}`);
  return `${passed} passed, ${failures.length} failed${refused.length === 0 ? '' : ` (not supported: ${refused.join('; ')})`}`;
}

const total: ScriptOutcome = { passed: 0, failures: [], unsupported: new Map() };
let unreadable = 0;
for (const file of files) {
  let outcome: ScriptOutcome;
  try {
    outcome = runScript(readFileSync(file, 'utf8'));
  } catch (error) {
    unreadable += 1;
    process.stdout.write(`${basename(file)}: 0 passed, 1 failed\n  ${(error as Error).message}\n`);
    continue;
  }
  process.stdout.write(`${basename(file)}: ${summary(outcome)}\n`);
  if (!quiet)
    for (const { line, query, reason } of outcome.failures)
      process.stdout.write(`  line ${line}: ${query}\n    ${reason}\n`);
  total.passed += outcome.passed;
  total.failures.push(...outcome.failures);
  for (const [reason, count] of outcome.unsupported)
    total.unsupported.set(reason, (total.unsupported.get(reason) ?? 0) + count);
}
if (files.length > 1)
  process.stdout.write(`all: ${summary(total)}${unreadable === 0 ? '' : `, ${unreadable} files unreadable`}\n`);
process.exitCode = total.failures.length + unreadable === 0 ? 0 : 1;

#!/usr/bin/env node
/**
 * The `sightline` command. Checks Node first and loads nothing that needs a newer one before it has: whoever starts it
 * with an old Node gets one line that says what to do, not a stack trace.
 */
const oldest = [22, 16] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(
    `SIGHTLINE_E_RUNTIME: got Node ${process.versions.node}, wanted ${oldest.join('.')} or newer; install a newer Node, or run npx -p node@24 sightline\n`,
  );
  process.exitCode = 1;
} else {
  import('./program.ts')
    .then(({ runProgram }) => runProgram(process.argv.slice(2)))
    .then((exitCode) => {
      process.exitCode = exitCode;
    })
    .catch((error: unknown) => {
      process.stderr.write(
        `SIGHTLINE_E_INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}; please report this\n`,
      );
      process.exitCode = 1;
    });
}

import { SightlineError } from '../errors.ts';
import type { Command } from './command.ts';
import { dashboardsCommand } from './commands/dashboards.ts';
import { demoCommand } from './commands/demo.ts';
import { deployCommand } from './commands/deploy.ts';
import { dlqCommand } from './commands/dlq.ts';
import { doctorCommand } from './commands/doctor.ts';
import { findCommand } from './commands/find.ts';
import { lintCommand } from './commands/lint.ts';
import { runCommand } from './commands/run.ts';
import { upCommand } from './commands/up.ts';
import { versionCommand } from './commands/version.ts';
import { createOutput } from './output.ts';
import { didYouMean, helpOf, helpOfProgram, parseCommandLine, usageError } from './usage.ts';

export const COMMANDS: readonly Command[] = [
  upCommand,
  runCommand,
  demoCommand,
  findCommand,
  lintCommand,
  doctorCommand,
  dlqCommand,
  dashboardsCommand,
  deployCommand,
  versionCommand,
];

/** Runs the program. @returns the exit code: 0 fine, 1 failed, 2 wrong usage */
export async function runProgram(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const output = createOutput(env);
  const [name, ...rest] = argv;
  const json = argv.slice(0, argv.indexOf('--') < 0 ? undefined : argv.indexOf('--')).includes('--json');
  try {
    if (name === '--help' || name === '-h' || name === 'help') {
      output.line(helpOfProgram(COMMANDS));
      return 0;
    }
    if (name === undefined)
      throw usageError(
        undefined,
        `got no command, wanted one of ${COMMANDS.map((command) => command.name).join(', ')}`,
      );
    const wanted = name === '--version' || name === '-v' ? 'version' : name;
    const command = COMMANDS.find((candidate) => candidate.name === wanted);
    if (command === undefined) {
      const names = COMMANDS.map((candidate) => candidate.name);
      throw usageError(
        undefined,
        `got unknown command ${JSON.stringify(name)}, wanted one of ${names.join(', ')}${didYouMean(name, names)}`,
      );
    }
    const parsed = parseCommandLine(command, rest);
    if (parsed.values['help'] === true) {
      output.line(helpOf(command));
      return 0;
    }
    return await command.run({ ...parsed, json: parsed.values['json'] === true, env, out: output });
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    output.note(error.message);
    if (json)
      output.line(JSON.stringify({ error: { code: error.code, message: error.message, mistakes: error.mistakes } }));
    return error.code === 'SIGHTLINE_E_USAGE' ? 2 : 1;
  }
}

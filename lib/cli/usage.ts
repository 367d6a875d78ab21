import { parseArgs } from 'node:util';
import { SightlineError } from '../errors.ts';
import type { Command, OptionSpecification, OptionValue } from './command.ts';

/** Every command has these. */
const COMMON: Readonly<Record<string, OptionSpecification>> = {
  help: { type: 'boolean', meaning: 'show this' },
  json: { type: 'boolean', meaning: 'print the result as JSON' },
};
/** A slip that changes more letters than this is no slip. */
const MAX_DISTANCE = 3;

export interface ParsedArguments {
  readonly values: Record<string, OptionValue | undefined>;
  readonly positionals: string[];
  readonly rest: string[];
}

/** @throws SightlineError SIGHTLINE_E_USAGE with the nearest right spelling */
export function parseCommandLine(command: Command, argv: readonly string[]): ParsedArguments {
  const known: Record<string, OptionSpecification> = { ...command.options, ...COMMON };
  const dashes = argv.indexOf('--');
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const after = dashes < 0 ? [] : argv.slice(dashes + 1);
  const options = Object.fromEntries(
    Object.entries(known).map(([name, option]) => [
      name,
      { type: option.type, ...(option.multiple && { multiple: true }), ...(name === 'help' && { short: 'h' }) },
    ]),
  );
  const {
    values,
    positionals: before,
    tokens,
  } = parseArgs({
    args: [...own],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = known[token.name];
    if (option === undefined)
      throw usageError(
        command,
        `got unknown option ${token.rawName}, wanted one of ${Object.keys(known)
          .map((name) => `--${name}`)
          .join(' ')}${didYouMean(token.name, Object.keys(known), '--')}`,
      );
    if (option.type === 'boolean' && token.value !== undefined)
      throw usageError(command, `got a value for ${token.rawName}, wanted none`);
    if (option.type === 'string' && (token.value === undefined || token.value === ''))
      throw usageError(
        command,
        `got ${token.rawName} without a value, wanted ${token.rawName} ${option.placeholder ?? 'VALUE'}`,
      );
    if (option.type === 'string' && token.inlineValue === false && token.value?.startsWith('--'))
      throw usageError(
        command,
        `got ${token.rawName} without a value, wanted ${token.rawName} ${option.placeholder ?? 'VALUE'}; write ${token.rawName}=… for a value that begins with dashes`,
      );
  }
  // After `--` stands another program's command line, or an argument that begins with a dash.
  const positionals = command.takesRest === undefined ? [...before, ...after] : before;
  const rest = command.takesRest === undefined ? [] : after;
  const [least, most] = command.positionals;
  if (values['help'] !== true && (positionals.length < least || positionals.length > most)) {
    const wanted = least === most ? String(least) : `${least} to ${most}`;
    throw usageError(command, `got ${positionals.length} arguments, wanted ${wanted}`);
  }
  return { values: values as Record<string, OptionValue | undefined>, positionals, rest };
}

export function usageError(command: Command | undefined, text: string): SightlineError {
  return new SightlineError(
    'SIGHTLINE_E_USAGE',
    `${text}; see sightline ${command === undefined ? '' : `${command.name} `}--help`,
  );
}

/** `; did you mean …?` when one candidate is near, else nothing. */
export function didYouMean(text: string, candidates: readonly string[], prefix = ''): string {
  let best: string | undefined;
  let least = Math.min(MAX_DISTANCE, Math.ceil(text.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(text) && text.length > 1 ? 0 : editDistance(text, candidate);
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best === undefined ? '' : `; did you mean ${prefix}${best}?`;
}

/** Damerau-Levenshtein, restricted: letters added, left out, changed, or swapped with their neighbour. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        rows[row - 1]![column]! + 1,
        current[column - 1]! + 1,
        rows[row - 1]![column - 1]! + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, rows[row - 2]![column - 2]! + 1);
      current.push(cost);
    }
    rows.push(current);
  }
  return rows[from.length]![to.length]!;
}

/** The text of `sightline COMMAND --help`. */
export function helpOf(command: Command): string {
  const entries = Object.entries({ ...command.options, ...COMMON }).map(([name, option]): [string, string] => [
    `--${name}${option.type === 'string' ? ` ${option.placeholder ?? 'VALUE'}` : ''}${option.multiple ? '…' : ''}`,
    option.meaning,
  ]);
  const width = Math.max(...entries.map(([left]) => left.length));
  return [
    `sightline ${command.name} — ${command.summary}`,
    '',
    `Usage: sightline ${command.name}${Object.keys(command.options).length > 0 ? ' [options]' : ''}${command.usage === '' ? '' : ` ${command.usage}`}`,
    '',
    ...entries.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(command.notes === undefined ? [] : ['', ...command.notes]),
  ].join('\n');
}

/** The text of `sightline --help`. */
export function helpOfProgram(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    'sightline — one line in, one ID through, one screen out',
    '',
    'Usage: sightline COMMAND [options]',
    '',
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'sightline COMMAND --help tells more. Exit codes: 0 fine, 1 failed, 2 wrong usage.',
  ].join('\n');
}

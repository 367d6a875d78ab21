import type { Output } from './command.ts';

/** Columns when stdout is no terminal. */
const DEFAULT_WIDTH = 100;

/** Colours only for a terminal, and never when `NO_COLOR` is set (https://no-color.org: any value but the empty one). */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function createOutput(env: NodeJS.ProcessEnv): Output {
  // A reader that went away (`| head`) is no failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    line: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    colour: wantsColour(process.stdout, env),
    width: process.stdout.columns ?? DEFAULT_WIDTH,
  };
}

const CODES = { red: 31, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;

/** Wraps a text in a terminal colour, when colours are wanted. */
export function paint(output: Output, colour: keyof typeof CODES, text: string): string {
  return output.colour ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

/** Text from outside for a terminal: control characters shown, not obeyed. */
export function printable(text: string): string {
  return text
    .replace(
      /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replaceAll('\n', ' ')
    .replaceAll('\t', ' ');
}

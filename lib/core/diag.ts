import { writeSync } from 'node:fs';

/**
 * Our own diagnostics: one line each on stderr, never through the app's loggers, never an exception.
 * Levels follow `OTEL_LOG_LEVEL` (none, error, warn, info, debug, verbose, all).
 */
const LEVELS = { none: 0, error: 1, warn: 2, info: 3, debug: 4, verbose: 5, all: 5 } as const;
export type DiagLevel = keyof typeof LEVELS;

/** Distinct messages remembered so that each is said once; past it, new ones are still said but not remembered. */
const MAX_REMEMBERED = 500;

let level: number = LEVELS.warn;
const said = new Set<string>();

/** Sets the threshold. An unknown name leaves it as it is (the option table has reported it). */
export function setDiagLevel(name: string): void {
  level = LEVELS[name.toLowerCase() as DiagLevel] ?? level;
}

function print(line: string): void {
  try {
    writeSync(2, `sightline: ${line}\n`);
  } catch {
    // stderr is closed or full: there is nobody left to tell, and the app must not notice.
  }
}

function sayOnce(key: string, line: string): void {
  if (said.has(key)) return;
  if (said.size < MAX_REMEMBERED) said.add(key);
  print(line);
}

export const diag = {
  /** A failure that costs data or a feature. Said once per `code` and text. */
  error(code: string, text: string): void {
    if (level >= LEVELS.error) sayOnce(code + text, `${code}: ${text}`);
  },
  /** Something the user can mend. Said once per `code` and text. */
  warn(code: string, text: string): void {
    if (level >= LEVELS.warn) sayOnce(code + text, `${code}: ${text}`);
  },
  /** A state change worth a line each time (a backend down, a backend back). */
  notice(text: string): void {
    if (level >= LEVELS.warn) print(text);
  },
  info(text: string): void {
    if (level >= LEVELS.info) print(text);
  },
  debug(text: string): void {
    if (level >= LEVELS.debug) print(text);
  },
};

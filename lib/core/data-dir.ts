import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** Levels looked at upwards from a directory that does not exist yet. */
const MAX_LEVELS = 16;

/** Whether a directory is there and can be written, or can be made. */
function isUsable(path: string): boolean {
  let level = path;
  for (let looked = 0; looked < MAX_LEVELS; looked += 1) {
    try {
      const found = statSync(level, { throwIfNoEntry: false });
      if (found !== undefined) {
        accessSync(level, constants.W_OK | constants.X_OK);
        return found.isDirectory();
      }
    } catch {
      // Somebody else's, on a read-only disk, or behind a directory that may not be entered.
      return false;
    }
    const parent = dirname(level);
    if (parent === level) return false;
    level = parent;
  }
  return false;
}

/** Whether nobody has a directory of this name in a place where everybody may make one, or it is ours. */
function isFreeOrOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const user = process.getuid?.();
  return found === undefined || (found.isDirectory() && (user === undefined || found.uid === user));
}

function homeState(): string | undefined {
  let home = '';
  try {
    home = homedir();
  } catch {
    // No entry in the user database and no HOME: a container with an arbitrary uid.
  }
  return isAbsolute(home) && home !== '/' ? join(home, '.local', 'state', 'sightline') : undefined;
}

/**
 * The directory that services and the local stack share when nobody names one: `$XDG_STATE_HOME/sightline`, else
 * `~/.local/state/sightline`, else `sightline` in the temporary directory (XDG Base Directory Specification, state home). One that
 * cannot be written is passed by (containers run users whose home is read-only or does not exist), as is one in the temporary
 * directory that belongs to another user: then it is `sightline-<uid>` there.
 */
export function defaultDataDirectory(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'];
  const own = [state !== undefined && isAbsolute(state) ? join(state, 'sightline') : undefined, homeState()];
  const candidates = own.filter((path) => path !== undefined);
  for (const path of candidates) if (isUsable(path)) return path;
  const shared = [join(tmpdir(), 'sightline'), join(tmpdir(), `sightline-${process.getuid?.() ?? 0}`)];
  for (const path of shared) if (isFreeOrOurs(path) && isUsable(path)) return path;
  // None will do: whoever tries says so, and names this one.
  return candidates[0] ?? shared[0] ?? 'sightline';
}

/** `SIGHTLINE_DATA_DIR`, else the default: journal, dead letters, target files, the stack's store. */
export function dataDirectory(env: NodeJS.ProcessEnv): string {
  const given = env['SIGHTLINE_DATA_DIR'];
  return given !== undefined && given.trim() !== '' ? resolve(given) : defaultDataDirectory(env);
}

/** Where services announce their `/metrics`, in Prometheus's `file_sd` form. */
export function targetsDirectory(env: NodeJS.ProcessEnv): string {
  return join(dataDirectory(env), 'targets');
}

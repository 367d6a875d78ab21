import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The directory that services and the local stack share when nobody names one: `$XDG_STATE_HOME/sightline`, else
 * `~/.local/state/sightline`, else `sightline` in the temporary directory (XDG Base Directory Specification, state home).
 */
export function defaultDataDirectory(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'sightline');
  let home = '';
  try {
    home = homedir();
  } catch {
    // No entry in the user database and no HOME: a container with an arbitrary uid.
  }
  return isAbsolute(home) && home !== '/' ? join(home, '.local', 'state', 'sightline') : join(tmpdir(), 'sightline');
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

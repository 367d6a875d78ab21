import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The one line as a URL that works from any directory: `sightline/register` resolves only where the package is
 * installed, the file always.
 */
export function registerUrl(): string {
  const compiled = new URL('../register.js', import.meta.url);
  // Run from source (the tests do): the compiled one beside it.
  return existsSync(fileURLToPath(compiled)) ? compiled.href : new URL('../../dist/register.js', import.meta.url).href;
}

/** `NODE_OPTIONS` with the one line added once. */
export function withRegister(nodeOptions: string | undefined): string {
  const line = `--import=${registerUrl()}`;
  if (nodeOptions === undefined || nodeOptions.trim() === '') return line;
  return nodeOptions.split(/\s+/).includes(line) ? nodeOptions : `${nodeOptions} ${line}`;
}

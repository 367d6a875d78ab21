import { readFileSync } from 'node:fs';

/** Version of this package. */
export function productVersion(): string {
  const facts = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return facts.version;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './wait.ts';

/** Where a service answers `/metrics`, as it announces itself in its data directory. */
export function announcedAdmin(dataDirectory: string): Promise<string> {
  return eventually('the service to announce its admin port', () => {
    const directory = join(dataDirectory, 'targets');
    const [file] = readdirSync(directory).filter((name) => name.endsWith('.json'));
    if (file === undefined) return undefined;
    const [group] = JSON.parse(readFileSync(join(directory, file), 'utf8')) as { targets: string[] }[];
    return `http://${group?.targets[0]}`;
  });
}

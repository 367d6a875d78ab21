import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChildOptions, startChild } from './child.ts';
import type { Receiver } from './receiver.ts';
import { eventually } from './wait.ts';

/**
 * Waits until `count` documents have arrived. A program that ended may have left some on disk when the machine was busy; then a next
 * start of the service delivers them, as is promised.
 */
export async function deliverRest(
  receiver: Receiver,
  count: number,
  options: Omit<ChildOptions, 'args'> & { cwd: string },
): Promise<void> {
  if (receiver.documents.length >= count) return;
  writeFileSync(join(options.cwd, 'rest.cjs'), "require('node:http').createServer().listen(0, '127.0.0.1');\n");
  const child = startChild({ ...options, args: ['--import', 'sightline/register', 'rest.cjs'] });
  await eventually(`${count} documents`, () => (receiver.documents.length >= count ? true : undefined));
  await child.stop();
}

/**
 * `sightline/register`, the one line. Side effect only: observes this process, once, and never fails it.
 * The rest of the package is loaded only when this runtime can be observed.
 */
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { isTool, unobservable } from './bootstrap/runtime-guard.ts';

const reason = unobservable();
if (reason !== undefined) {
  process.stderr.write(`sightline: SIGHTLINE_E_RUNTIME: ${reason}\n`);
} else if (isMainThread && !isTool(process.argv[1])) {
  try {
    const load = createRequire(import.meta.url);
    (load('./bootstrap/automatic.js') as typeof import('./bootstrap/automatic.ts')).observeAutomatically();
  } catch (error) {
    process.stderr.write(
      `sightline: SIGHTLINE_E_INTERNAL: could not start; the app runs unobserved. ${String(error)}\n`,
    );
  }
}

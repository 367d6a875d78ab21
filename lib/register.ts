/**
 * `sightline/register`, the one line. Side effect only: observes this process, once, and never fails it.
 * The rest of the package is loaded only when this runtime can be observed.
 */
import { isMainThread } from 'node:worker_threads';
import { BUNDLED, isTool, unobservable } from './bootstrap/runtime-guard.ts';
import { diag } from './core/diag.ts';
import { loadBeside } from './core/load-beside.ts';

const reason = unobservable();
if (reason !== undefined) {
  diag.error('SIGHTLINE_E_RUNTIME', reason);
} else if (isMainThread && !isTool(process.argv[1], process.argv[2])) {
  try {
    const automatic = loadBeside(import.meta.url, 'register', './bootstrap/automatic') as
      | typeof import('./bootstrap/automatic.ts')
      | undefined;
    if (automatic === undefined) diag.error('SIGHTLINE_E_BUNDLED', BUNDLED);
    else automatic.observeAutomatically();
  } catch (error) {
    diag.error('SIGHTLINE_E_INTERNAL', `could not start; the app runs unobserved. ${String(error)}`);
  }
}

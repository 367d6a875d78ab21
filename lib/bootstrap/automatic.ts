import { diag } from '../core/diag.ts';
import { SightlineError } from '../errors.ts';
import { createDirectApi } from './global-api.ts';
import { start } from './start.ts';

/**
 * What the one line does: observe with the environment alone. A wrong option never fails the app: every mistake is
 * printed, coded, and the app runs unobserved.
 */
export function observeAutomatically(): void {
  try {
    start({}, createDirectApi());
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    const mistakes = error.mistakes.length > 0 ? error.mistakes : [error.message.replace(`${error.code}: `, '')];
    for (const mistake of mistakes) diag.error(error.code, mistake);
    diag.error(error.code, 'the app runs unobserved');
  }
}

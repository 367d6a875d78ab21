import { diag } from './diag.ts';

/** Bugs of ours caught so far in this process; exposed as `sightline_internal_errors_total`. */
let caught = 0;

/** How many exceptions of our own the fences have caught. */
export function internalErrors(): number {
  return caught;
}

/** Reports a bug of ours once per place: the stack goes to stderr, the app goes on. */
export function reportBug(place: string, error: unknown): void {
  caught += 1;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  diag.error(
    'SIGHTLINE_E_INTERNAL',
    `${place} failed; the app is not affected. Please report this: ${stack.slice(0, 2000)}`,
  );
}

/**
 * Wraps a function that runs inside someone else's process: what it throws is counted and reported once, and
 * `undefined` is returned. A diagnostics_channel subscriber that throws would otherwise kill the app.
 */
export function fence<Args extends unknown[], Result>(
  place: string,
  body: (...args: Args) => Result,
): (...args: Args) => Result | undefined {
  return (...args) => {
    try {
      return body(...args);
    } catch (error) {
      reportBug(place, error);
      return undefined;
    }
  };
}

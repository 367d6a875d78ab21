import { readFileSync } from 'node:fs';

/** What the system says when it does not say, once: it is not asked again. */
let unknown = process.platform !== 'linux';

/**
 * How long this thread has been ready to run and had no core, milliseconds since it began; undefined where the system
 * does not say. Linux: the second number of /proc/thread-self/schedstat, nanoseconds (Documentation/scheduler/sched-stats).
 * One read takes some ten microseconds.
 */
export function runQueueMillis(): number | undefined {
  if (unknown) return undefined;
  try {
    const nanos = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);
    if (Number.isFinite(nanos)) return nanos / 1e6;
  } catch {
    // A sandbox without /proc.
  }
  unknown = true;
  return undefined;
}

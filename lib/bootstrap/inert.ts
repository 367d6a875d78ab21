import type { Tracer } from '@opentelemetry/api';
import { health } from '../admin/health.ts';
import { correlation } from '../context/correlation.ts';
import { log } from '../logs/logger.ts';
import { metrics } from '../metrics/user-metrics.ts';
import type { Observation } from './observation.ts';

/**
 * What `observe` gives where nothing is observed: everything callable, nothing hooked, nothing opened.
 *
 * @param tracer asked when the handle's tracer is
 */
export function inertObservation(tracer: () => Tracer): Observation {
  return {
    log,
    metrics,
    get tracer() {
      return tracer();
    },
    correlation,
    health,
    admin: { url: undefined },
    flush: () => Promise.resolve(),
    shutdown: () => Promise.resolve({ delivered: 0, onDisk: 0, dropped: 0 }),
  };
}

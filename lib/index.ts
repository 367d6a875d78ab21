/** `sightline`: everything a service may use in code. Nothing here is needed for the one line. */
export { health } from './admin/health.ts';
export type { Observation, ShutdownResult } from './bootstrap/observation.ts';
export { observe } from './bootstrap/observe.ts';
export type { ObserveOptions } from './bootstrap/options.ts';
export { correlation } from './context/correlation.ts';
export type { ErrorCode, WarningCode } from './errors.ts';
export { ERRORS, SightlineError, WARNINGS } from './errors.ts';
export { log } from './logs/logger.ts';
export { metrics } from './metrics/user-metrics.ts';

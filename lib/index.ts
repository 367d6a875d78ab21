/** `sightline`: everything a service may use in code. Nothing here is needed for the one line. */
export type { Observation, ShutdownResult } from './bootstrap/observation.ts';
export { observe } from './bootstrap/observe.ts';
export type { ObserveOptions } from './bootstrap/options.ts';
export { correlation, health, log, metrics } from './bootstrap/shared-api.ts';
export type { ErrorCode, WarningCode } from './errors.ts';
export { ERRORS, SightlineError, WARNINGS } from './errors.ts';
export type { SightlineSpanProcessor } from './traces/span-processor.ts';
export { sightlineSpanProcessor } from './traces/span-processor.ts';

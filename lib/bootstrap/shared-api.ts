import type { Logger } from 'pino';
import { type HealthApi, health as ownHealth } from '../admin/health.ts';
import { type Correlation, correlation as ownCorrelation } from '../context/correlation.ts';
import { kRunning } from '../core/symbols.ts';
import { log as ownLog } from '../logs/logger.ts';
import { metrics as ownMetrics, type UserMetrics } from '../metrics/user-metrics.ts';
import type { Observation } from './observation.ts';

/**
 * What `sightline` exports beside `observe`. A second copy of the package (bundled into the app, or nested below another package)
 * hands on what belongs to the observation that the first has started: with a context and a registry of its own its IDs would be
 * empty and its metrics on no page.
 */
const running = (globalThis as { [kRunning]?: Observation })[kRunning];

export const log: Logger = running?.log ?? ownLog;
export const metrics: UserMetrics = running?.metrics ?? ownMetrics;
export const correlation: Correlation = running?.correlation ?? ownCorrelation;
export const health: HealthApi = running?.health ?? ownHealth;

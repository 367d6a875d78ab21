import type { Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { HealthApi } from '../admin/health.ts';
import type { correlation } from '../context/correlation.ts';
import type { UserMetrics } from '../metrics/user-metrics.ts';

/** What became of the records accepted so far, logs and spans together. */
export interface ShutdownResult {
  readonly delivered: number;
  /** Handed to a backend that never acknowledges (Logstash over TCP or TLS); absent when there is none. */
  readonly sentUnconfirmed?: number;
  readonly onDisk: number;
  readonly dropped: number;
}

/** The handle of a running observation. */
export interface Observation {
  /** A pino logger; its lines are shipped as those of any other pino of the app. */
  readonly log: Logger;
  readonly metrics: UserMetrics;
  /** A tracer of the global provider, named after the service. */
  readonly tracer: Tracer;
  readonly correlation: typeof correlation;
  readonly health: HealthApi;
  /** `url` is undefined until the admin port listens, and when it is off. */
  readonly admin: { readonly url: string | undefined };
  /** Resolves when everything accepted so far is acknowledged by its backend, or at the deadline (`SIGHTLINE_SHUTDOWN_TIMEOUT`). */
  flush(): Promise<void>;
  /**
   * Ends the observation, once: hooks come off, what is accepted is delivered or stays on disk.
   * @param options.timeoutMs hard deadline, default `SIGHTLINE_SHUTDOWN_TIMEOUT`
   */
  shutdown(options?: { timeoutMs?: number }): Promise<ShutdownResult>;
}

import type { HostPolicy } from '../context/hosts.ts';
import type { PropagationFormat } from '../context/propagation.ts';
import type { RequestScope } from '../context/request-scope.ts';
import type { HttpMetrics } from '../metrics/http-metrics.ts';
import type { Tracing } from '../traces/tracing.ts';

/** `metrics/http-metrics`. */
export type HttpMetricsPort = Pick<HttpMetrics, 'serverStarted' | 'serverEnded' | 'clientEnded'>;

/** Who asked. */
export interface ClientDetails {
  readonly address: string | undefined;
  /** Bounded, without secrets. */
  readonly userAgent: string | undefined;
}

/** What the access line and the error line say beyond the scope. */
export interface RequestEnd {
  readonly statusCode: number | undefined;
  readonly errorType: string | undefined;
  /** Nanoseconds, whole. */
  readonly durationNanos: number;
  /** Undefined unless it is to be recorded. */
  readonly client?: ClientDetails | undefined;
}

/** `logs/log-pipeline`. */
export interface RequestLogPort {
  accessLine(scope: RequestScope, end: RequestEnd): void;
  errorLine(scope: RequestScope, error: unknown, end: RequestEnd): void;
}

/** `logs/redact`: what leaves as text is cleaned first. */
export interface Redactor {
  /** A path with query, or a whole URL: secret query values and credentials replaced. */
  url(url: string): string;
  /** Free text: bearer tokens, JWT shapes and the like replaced. */
  text(text: string): string;
}

/** Everything that the instruments take from the rest of the package; bootstrap passes the real ones, tests recorders. */
export interface InstrumentDependencies {
  readonly tracing: Pick<Tracing, 'start'>;
  readonly metrics: HttpMetricsPort;
  readonly logs: RequestLogPort;
  readonly redactor: Redactor;
  readonly options: InstrumentOptions;
  readonly counters: { correlationIdRejected(): void };
}

export interface InstrumentOptions {
  /** `OTEL_PROPAGATORS`, in order. */
  readonly propagators: readonly PropagationFormat[];
  /** Lower case, at least one; the first is the one that we send. */
  readonly correlationHeaders: readonly string[];
  readonly trustInbound: boolean;
  /** Exact paths, or prefixes that end with `*`. */
  readonly ignorePaths: readonly string[];
  readonly hostPolicy: HostPolicy;
  /** Where the client's address and user agent are recorded. */
  readonly clientDetails: { readonly spans: boolean; readonly logs: boolean };
  /** Whether an instrument is on, by its standard name (`http`, `undici`, `express`, …). */
  enabled(name: string): boolean;
}

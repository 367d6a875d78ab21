import type { SpanData } from './span.ts';

/** What became of everything accepted so far; the sides always balance. */
export interface DeliveryCounts {
  /** Records accepted since start (and found in the journal at start). */
  readonly accepted: number;
  readonly delivered: number;
  readonly onDisk: number;
  readonly deadLettered: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export type Signal = 'logs' | 'spans';
export type CourierState = 'idle' | 'healthy' | 'failing' | 'off';

export interface DeliveryStatus {
  readonly logs: DeliveryCounts;
  readonly spans: DeliveryCounts;
  /** Bytes of the journal on disk. */
  readonly journalBytes: number;
  /** Age of the oldest record not yet acknowledged, seconds; 0 when there is none. */
  readonly oldestUnsentSeconds: number;
  readonly couriers: Readonly<Record<Signal, CourierState>>;
  /** The last failure of each courier, as one sentence; absent when healthy. */
  readonly lastErrors: Readonly<Partial<Record<Signal, string>>>;
}

/**
 * Where finished telemetry goes: the journal (default) or the stock exporters (direct mode). Methods never throw
 * and never block beyond one append.
 */
export interface TelemetrySink {
  /** A span that ended and is sampled. May be gathered until the end of the loop turn. */
  span(span: SpanData): void;
  /**
   * One ECS log document: JSON object text without line end.
   * @param atOnce true for the app's own lines (appended before the call returns); false for access lines
   */
  log(document: string, atOnce: boolean): void;
  /** Packets for StatsD, each a complete datagram. Best effort. */
  statsd(packets: readonly string[]): void;
  /** Appends what memory holds; synchronous, for exits, panics and signals. */
  appendNow(): void;
  status(): DeliveryStatus;
  /** Resolves when everything accepted before the call is acknowledged, or after `timeoutMillis`. */
  flush(timeoutMillis: number): Promise<void>;
  /** Blocks until what was accepted is acknowledged, or `timeoutMillis`; only when a backend is healthy. For `exit` handlers. */
  drainSync(timeoutMillis: number): void;
  /** Ends couriers and closes files, once. */
  close(timeoutMillis: number): Promise<void>;
}

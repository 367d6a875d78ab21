import type { SpanData } from './span.ts';

/** What became of everything accepted so far; the sides always balance. */
export interface DeliveryCounts {
  /** Records accepted since start (and found in the journal at start). */
  readonly accepted: number;
  readonly delivered: number;
  /** Handed to a backend whose protocol has no acknowledgement (Logstash over TCP or TLS). */
  readonly sentUnconfirmed: number;
  readonly onDisk: number;
  readonly deadLettered: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export type Signal = 'logs' | 'spans';
export type CourierState = 'idle' | 'healthy' | 'failing' | 'off';

/** What became of packets or pages that nobody acknowledges or keeps: best effort, so no balance. */
export interface BestEffortCounts {
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: number;
}

/** All metrics, or some, as a page in the Prometheus text format. */
export interface MetricsPage {
  readonly body: string;
  /** true: what the gateway has of this process is replaced; false: only metrics of the names on the page are. */
  readonly replace: boolean;
}

/** Dead letters of a service, of all its processes. */
export interface DeadLetterCounts {
  /** That wait for somebody to look at them, as of the last count. */
  readonly waiting: number;
  /** Deleted by this process because nobody did for too long. */
  readonly expired: number;
}

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
  /** Absent in direct mode, which keeps none. */
  readonly deadLetters?: Readonly<Record<Signal, DeadLetterCounts>>;
  /** Records that were or are written by the worker because the disk is slow; absent while there were none. */
  readonly slowDisk?: {
    /** Handed to the worker so far. */
    readonly deferred: number;
    /** Of these not written yet: not accepted, and lost if the process is killed. */
    readonly inMemory: number;
  };
  /** Records that this service has left for other destinations than its present ones; absent when there are none. */
  readonly otherDestinations?: { readonly records: number; readonly bytes: number };
  /** StatsD packets; absent when StatsD is off. */
  readonly statsd?: BestEffortCounts;
  /** Pushed pages; absent when nothing is pushed. */
  readonly pushes?: BestEffortCounts;
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
  /** Metrics for a Pushgateway. Best effort; the newest page wins. */
  push(page: MetricsPage): void;
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

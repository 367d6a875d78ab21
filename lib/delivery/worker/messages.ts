import type { MetricsPage, Signal } from '../../model/telemetry-sink.ts';
import type { DeliveryOptions, DeliveryTuning, PushDestination, StatsdDestination } from '../delivery-options.ts';
import type { DropReason, OpenedJournal } from '../journal/journal-writer.ts';
import type { CourierNotice } from './courier.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  readonly memory: SharedArrayBuffer;
  /** The directory above all services' journals. */
  readonly root: string;
  /** The directory of this service and destination. */
  readonly directory: string;
  readonly maxBytes: number;
  readonly fingerprint: string;
  /** Name of the service. */
  readonly service: string;
  readonly maxAgeMillis: number;
  readonly logs: DeliveryOptions['logs'];
  readonly spans: DeliveryOptions['spans'];
  readonly statsd: StatsdDestination | undefined;
  readonly push: PushDestination | undefined;
  readonly tuning: DeliveryTuning;
  readonly journal: OpenedJournal | undefined;
  /** Journals that a worker before this one has adopted. */
  readonly adopted: readonly OpenedJournal[];
  /** Journals that a worker before this one has written for a slow disk. */
  readonly deferred: readonly OpenedJournal[];
  /** Memory of the ring out of which this worker is to write. */
  readonly ring: SharedArrayBuffer | undefined;
}

export type ToWorker =
  | { readonly kind: 'journal'; readonly journal: OpenedJournal }
  /** The disk is slow: write what is in the ring; without one, it is quick again. */
  | { readonly kind: 'ring'; readonly memory: SharedArrayBuffer | undefined }
  | { readonly kind: 'statsd'; readonly packets: readonly string[] }
  | { readonly kind: 'push'; readonly page: MetricsPage }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'notice'; readonly notice: CourierNotice }
  | { readonly kind: 'error'; readonly signal: Signal; readonly sentence: string | undefined }
  | { readonly kind: 'adopted'; readonly journal: OpenedJournal; readonly found: number }
  /** A journal was made for what a slow disk makes wait. */
  | { readonly kind: 'deferred'; readonly journal: OpenedJournal }
  /** The disk does not take what the worker writes, or takes it again. */
  | { readonly kind: 'disk'; readonly reason: DropReason | undefined; readonly detail: string | undefined }
  /** A damaged segment is now under this path. */
  | { readonly kind: 'damaged'; readonly path: string }
  /** Records for another destination were found. */
  | { readonly kind: 'elsewhere'; readonly records: number; readonly root: string }
  /** StatsD or a push cannot be delivered. */
  | { readonly kind: 'metrics'; readonly sentence: string }
  | { readonly kind: 'stopped' };

import type { MetricsPage, Signal } from '../../model/telemetry-sink.ts';
import type { DeliveryOptions, DeliveryTuning, StatsdDestination } from '../delivery-options.ts';
import type { OpenedJournal } from '../journal/journal-writer.ts';
import type { CourierNotice } from './courier.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  readonly memory: SharedArrayBuffer;
  readonly directory: string;
  readonly fingerprint: string;
  /** Name of the service. */
  readonly service: string;
  readonly maxAgeMillis: number;
  readonly logs: DeliveryOptions['logs'];
  readonly spans: DeliveryOptions['spans'];
  readonly statsd: StatsdDestination | undefined;
  readonly push: { readonly url: string } | undefined;
  readonly tuning: DeliveryTuning;
  readonly journal: OpenedJournal | undefined;
  /** Journals that a worker before this one has adopted. */
  readonly adopted: readonly OpenedJournal[];
}

export type ToWorker =
  | { readonly kind: 'journal'; readonly journal: OpenedJournal }
  | { readonly kind: 'statsd'; readonly packets: readonly string[] }
  | { readonly kind: 'push'; readonly page: MetricsPage }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'notice'; readonly notice: CourierNotice }
  | { readonly kind: 'error'; readonly signal: Signal; readonly sentence: string | undefined }
  | { readonly kind: 'adopted'; readonly journal: OpenedJournal; readonly found: number }
  /** StatsD or a push cannot be delivered. */
  | { readonly kind: 'metrics'; readonly sentence: string }
  | { readonly kind: 'stopped' };

import { runOutside } from '../context/context.ts';
import { reportBug } from '../core/fence.ts';
import type { Exposition } from '../metrics/exposition.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';

/** How often a process that runs pushes, milliseconds; scrapes are as frequent in most places. */
const PUSH_MILLIS = 15_000;

export interface PushOptions {
  readonly exposition: Exposition;
  readonly sink: TelemetrySink;
  /** Hard deadline of the push of a process that ends by itself, milliseconds. */
  readonly endMillis: number;
}

/** Metrics of processes that may end before anybody scrapes them. */
export interface MetricsPush {
  start(): void;
  /** Hands over everything, at the latest after `timeoutMillis` what can be had at once. Never rejects. @param last nothing follows, so `atExit` has nothing to add */
  now(timeoutMillis: number, last: boolean): Promise<void>;
  /** For the `exit` handler: our own metrics and those of `metrics`; the rest stays as it was pushed before. */
  atExit(): void;
  stop(): void;
}

/**
 * `SIGHTLINE_METRICS=push`: the page of `/metrics` goes to a Pushgateway every 15 seconds, and once more at the end.
 *
 * The end of a process knows no promises, and prom-client's metrics are read by promises. So a process that runs out of
 * work is held, by `beforeExit`, until its last page is pushed, except when the app listens to that event itself: holding
 * would make Node tell it twice.
 */
export function createMetricsPush({ exposition, sink, endMillis }: PushOptions): MetricsPush {
  let timer: NodeJS.Timeout | undefined;
  let held = false;
  let complete = false;
  let stopped = false;

  const atOnce = (): void => sink.push({ body: exposition.renderOwn(), replace: false });

  async function now(timeoutMillis: number, last: boolean): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const deadline = new Promise<undefined>((resolve) => {
      late = setTimeout(() => resolve(undefined), timeoutMillis);
    });
    try {
      const page = await Promise.race([exposition.render('text/plain;version=0.0.4'), deadline]);
      if (page === undefined) atOnce();
      else {
        sink.push({ body: page.body, replace: true });
        complete = last;
      }
    } catch (error) {
      reportBug('push', error);
    } finally {
      clearTimeout(late);
    }
  }

  const beforeExit = (): void => {
    if (held || stopped || process.listenerCount('beforeExit') > 1) return;
    held = true;
    const end = performance.now() + endMillis;
    now(endMillis, true)
      .then(() => sink.flush(Math.max(1, end - performance.now())))
      // A turn for what delivery has to say about it.
      .then(() => new Promise((resolve) => setImmediate(resolve)))
      .catch((error: unknown) => reportBug('push', error));
  };

  return {
    start() {
      exposition.startRuntime();
      process.on('beforeExit', beforeExit);
      runOutside(() => {
        timer = setInterval(() => void now(PUSH_MILLIS, false), PUSH_MILLIS);
        timer.unref();
      });
    },
    now,
    atExit() {
      if (!complete && !stopped) atOnce();
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      process.removeListener('beforeExit', beforeExit);
    },
  };
}

import { diag } from '../../core/diag.ts';
import { reportBug } from '../../core/fence.ts';
import type { DeliveryStatus, TelemetrySink } from '../../model/telemetry-sink.ts';
import type { Tracing } from '../../traces/tracing.ts';
import { ConsoleSpans } from '../console-spans.ts';
import { DELIVERY_TUNING, type DeliveryOptions, type StatsdDestination } from '../delivery-options.ts';
import { Outcomes, within } from '../outcomes.ts';
import { PushSender } from '../worker/push-sender.ts';
import { createStatsdTransport, type StatsdTransport } from '../worker/statsd-transport.ts';
import { StockLogs } from './stock-logs.ts';
import { findStockPackages, type StockPackage, type StockPackages } from './stock-packages.ts';
import type { StockTracingRules } from './stock-processor.ts';
import { StockStatsd } from './stock-statsd.ts';
import { StockTracing } from './stock-tracing.ts';
import { suppressed } from './suppressed.ts';

export interface DirectDelivery {
  readonly sink: TelemetrySink;
  readonly tracing: Tracing;
}

/**
 * Delivery by the stock packages, in the app's own process and memory: `NodeSDK` with `ZipkinExporter`,
 * `pino-elasticsearch`, `hot-shots`. For read-only disks and for teams that want the stock pipeline. What is in memory
 * when the process dies, or while a backend is down, is lost; it is counted.
 *
 * @param rules of tracing, the same as with the journal
 * @throws SightlineError SIGHTLINE_E_PEER_MISSING when a package that the options need is not installed
 */
export function createDirectDelivery(options: DeliveryOptions, rules: StockTracingRules): DirectDelivery {
  // The stock packages speak to Elasticsearch and Zipkin; the composition root asks them for nothing else.
  const logDestination = options.logs?.kind === 'logstash' || options.logs?.kind === 'otlp' ? undefined : options.logs;
  const needed: StockPackage[] = ['@opentelemetry/sdk-node'];
  if (options.spans !== undefined) needed.push('@opentelemetry/exporter-zipkin');
  if (logDestination !== undefined) needed.push('pino-elasticsearch');
  if (options.statsd?.url.startsWith('udp:')) needed.push('hot-shots');
  const packages = findStockPackages(needed);
  const consoleSpans = options.consoleSpans === true ? new ConsoleSpans(options.resource) : undefined;
  const spans = consoleSpans?.outcomes ?? new Outcomes('spans', options.spans !== undefined);
  const logs = new Outcomes('logs', logDestination !== undefined);
  const tracing = new StockTracing(packages, {
    resource: options.resource,
    zipkinUrl: options.spans?.url,
    consoleSpans,
    rules,
    outcomes: spans,
  });
  const shipper = logDestination === undefined ? undefined : new StockLogs(packages, logDestination, logs);
  const statsd = options.statsd === undefined ? undefined : createStatsd(packages, options.statsd);
  const pusher =
    options.push === undefined
      ? undefined
      : new PushSender({
          ...options.push,
          timeoutMillis: DELIVERY_TUNING.requestTimeoutMillis,
          onOutcome: (handled) => {
            pushing -= handled;
            if (pushing === 0) for (const done of pushed.splice(0)) done();
          },
          onState(sentence) {
            if (sentence !== undefined) diag.warn('SIGHTLINE_W_BACKEND_DOWN', sentence);
          },
        });
  const pushed: (() => void)[] = [];
  let pushing = 0;
  let closing: Promise<void> | undefined;
  let closed = false;

  function status(): DeliveryStatus {
    return {
      logs: logs.counts(),
      spans: spans.counts(),
      journalBytes: 0,
      oldestUnsentSeconds: 0,
      couriers: { logs: logs.state, spans: spans.state },
      lastErrors: {
        ...(logs.lastError !== undefined && { logs: logs.lastError }),
        ...(spans.lastError !== undefined && { spans: spans.lastError }),
      },
    };
  }

  async function allPushed(): Promise<void> {
    if (pushing > 0) await new Promise<void>((resolve) => pushed.push(resolve));
  }

  async function flush(timeoutMillis: number): Promise<void> {
    await within(
      timeoutMillis,
      suppressed(() => Promise.all([tracing.flush(), shipper?.flush(), allPushed()])),
    );
  }

  async function end(timeoutMillis: number): Promise<void> {
    const until = performance.now() + timeoutMillis;
    await flush(timeoutMillis);
    closed = true;
    await within(
      Math.max(0, until - performance.now()),
      suppressed(() => tracing.close()),
    );
    statsd?.close();
    pusher?.close();
    consoleSpans?.close();
    // Whatever has no outcome now will have none: a full queue of the batch processor tells nobody what it dropped.
    logs.drop('lost', logs.pending);
    spans.drop('lost', spans.pending);
  }

  const sink: TelemetrySink = {
    // Spans take the way of NodeSDK; this is one of another SDK.
    span(span) {
      if (!closed) tracing.take(span);
    },
    log(document) {
      if (shipper === undefined) return;
      if (closed) {
        logs.accept();
        logs.drop('closed', 1);
        return;
      }
      try {
        shipper.write(document);
      } catch (error) {
        reportBug('pino-elasticsearch', error);
        logs.drop('internal', 1);
      }
    },
    statsd(packets) {
      try {
        suppressed(() => statsd?.send(packets));
      } catch (error) {
        diag.debug(`hot-shots: ${String(error)}`);
      }
    },
    push(page) {
      if (pusher === undefined || closed) return;
      pushing += 1;
      suppressed(() => pusher.push(page));
    },
    // The stock packages cannot send synchronously.
    appendNow() {
      consoleSpans?.printWaiting();
    },
    drainSync(timeoutMillis) {
      consoleSpans?.printWithin(timeoutMillis);
    },
    status,
    flush,
    close(timeoutMillis) {
      closing ??= end(timeoutMillis);
      return closing;
    },
  };
  return { sink, tracing };
}

/** Datagrams leave by hot-shots; over a stream it would mix its own framing with ours, so those leave by our own carrier. */
function createStatsd(
  packages: StockPackages,
  destination: StatsdDestination,
): Pick<StatsdTransport, 'send' | 'close'> {
  if (destination.url.startsWith('udp:')) return new StockStatsd(packages, destination.url);
  return createStatsdTransport({
    ...destination,
    onOutcome() {},
    onTrouble: (sentence) => diag.warn('SIGHTLINE_W_BACKEND_DOWN', sentence),
  });
}

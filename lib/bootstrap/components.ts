import { health } from '../admin/health.ts';
import { type Admin, createAdmin } from '../admin/server.ts';
import { active, runOutside } from '../context/context.ts';
import { createHostPolicy } from '../context/hosts.ts';
import { SightlinePropagator } from '../context/propagator.ts';
import { diag } from '../core/diag.ts';
import { reportBug } from '../core/fence.ts';
import { startInstruments } from '../instruments/all.ts';
import { recordFailure } from '../instruments/failure.ts';
import { onRequire } from '../instruments/module-hooks.ts';
import { instrumentPino } from '../instruments/pino.ts';
import { instrumentPromClient } from '../instruments/prom-client.ts';
import { createLogPipeline } from '../logs/log-pipeline.ts';
import { setLogLevel } from '../logs/logger.ts';
import { createRedactor } from '../logs/redact.ts';
import { DEFAULT_SERIES_LIMIT } from '../metrics/registry.ts';
import type { SpanData } from '../model/span.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import type { SpanLimits } from '../traces/limits.ts';
import { watchAgents } from './agent-neighbours.ts';
import { createCluster } from './cluster.ts';
import type { ClusterHub } from './cluster-hub.ts';
import { createDelivery } from './delivery-choice.ts';
import type { LifecycleHooks } from './lifecycle.ts';
import { createMetering } from './metrics-choice.ts';
import type { GivenOptions } from './options.ts';
import { createSdkNeighbours, type SdkNeighbours } from './sdk-neighbours.ts';
import type { Settings } from './settings.ts';
import { announceTarget } from './target-file.ts';

const DEFAULT_CLIENT_DETAILS = ['spans'] as const;
const DEFAULT_PROPAGATORS = ['tracecontext', 'baggage', 'b3'] as const;
const DEFAULT_CORRELATION_HEADERS = ['x-correlation-id', 'x-request-id'] as const;
const DEFAULT_IGNORED = ['/livez', '/readyz', '/healthz', '/health', '/metrics', '/favicon.ico'] as const;
/** After the first listen: an app that has just started has better things to do than to start our worker. */
const DELIVERY_START_MILLIS = 1000;
/**
 * After the first record of a process without a server: a consumer of a queue is a service too, and lives; a script
 * that ends before has no port.
 */
const ADMIN_WITHOUT_SERVER_MILLIS = 3000;
/** A process that pushes has its worker this long after its start. */
const PUSH_WORKER_MILLIS = 100;
const DEFAULT_ADMIN_PORT = 9470;
const DEFAULT_ADMIN_HOST = '127.0.0.1';
/** What /loglevel shows while the pino instrument is off. */
const NO_LOGGERS = { list: () => ({}), set: () => [] };

/** The parts of one observation, wired. */
export interface Components {
  readonly sink: TelemetrySink;
  readonly neighbours: SdkNeighbours;
  /** Takes a sampled span of another SDK. */
  readonly takeSpan: (span: SpanData) => void;
  readonly limits: SpanLimits;
  readonly propagator: SightlinePropagator;
  readonly admin: { readonly url: string | undefined; close(): Promise<void> };
  readonly onUncaught: LifecycleHooks['onUncaught'];
  /** Last call before the process goes: open requests end, StatsD is handed over, the target file goes. */
  beforeExit(): void;
  /** Whether the end of the process has a last page to push. */
  readonly pushes: boolean;
  /** Hands metrics that are sent to delivery; at the latest after `millis`. @param last nothing comes after it */
  handOverMetrics(millis: number, last: boolean): Promise<void>;
  /** Takes all hooks off. */
  stop(): void;
}

function enabledBy({ enabledInstrumentations, disabledInstrumentations }: GivenOptions): (name: string) => boolean {
  return (name) =>
    (enabledInstrumentations === undefined || enabledInstrumentations.includes(name)) &&
    !(disabledInstrumentations ?? []).includes(name);
}

/**
 * The composition root: makes every part and gives each what it needs. Nothing is opened here.
 *
 * @param onActive called once, with the first listening server or the first record
 * @throws SightlineError SIGHTLINE_E_PEER_MISSING
 */
export function createComponents(settings: Settings, onActive: () => void): Components {
  const { given, resource } = settings;
  const redactor = createRedactor(given.redact);
  const enabled = enabledBy(given);
  let withoutServer: NodeJS.Timeout | undefined;
  const delivery = createDelivery(settings, {
    redactor,
    onFirstRecord() {
      onActive();
      withoutServer = runOutside(() => setTimeout(() => cluster?.onListen(), ADMIN_WITHOUT_SERVER_MILLIS).unref());
    },
  });
  const { sink, start: startDelivery } = delivery;
  const neighbours = createSdkNeighbours(delivery.tracing, enabled);
  const metering = createMetering(settings, sink);
  const pipeline = createLogPipeline({
    resource,
    dataset: settings.logs.dataset,
    namespace: settings.logs.namespace,
    redactor,
    sink: settings.logs.mode === 'ship' ? sink : { log() {} },
    onLine: metering.counters.logLine,
    accessLog: given.accessLog ?? 'on',
    fieldLimits: {
      count: given.logAttributeCountLimit ?? given.generalAttributeCountLimit,
      textLength: given.logAttributeValueLengthLimit ?? given.generalAttributeValueLengthLimit,
    },
  });
  setLogLevel(given.logLevel ?? 'info');

  const correlationHeaders = given.correlationHeaders ?? DEFAULT_CORRELATION_HEADERS;
  const propagators = (given.propagators ?? DEFAULT_PROPAGATORS).filter((format) => format !== 'none');
  const clientDetails: readonly string[] = given.clientDetails ?? DEFAULT_CLIENT_DETAILS;
  const instruments = startInstruments({
    tracing: neighbours.tracing,
    metrics: metering.http,
    logs: pipeline,
    redactor,
    options: {
      propagators,
      correlationHeaders,
      trustInbound: given.trustInbound ?? true,
      ignorePaths: given.ignorePaths ?? DEFAULT_IGNORED,
      hostPolicy: createHostPolicy({ propagate: given.propagateHosts, baggage: given.baggageHosts }),
      clientDetails: { spans: clientDetails.includes('spans'), logs: clientDetails.includes('logs') },
      enabled,
    },
    counters: metering.counters,
  });
  metering.rolling.setConnections(() => instruments.connections());
  const pino = enabled('pino')
    ? instrumentPino({ pipeline, onRequire, stdoutEcs: settings.logs.mode === 'stdout' })
    : undefined;
  if (enabled('prom-client')) {
    instrumentPromClient({ onRequire, onRegistry: (registry) => metering.exposition.addAppRegistry(registry) });
  }
  if (metering.push !== undefined) {
    // A process that pushes may have neither a server nor a record.
    onActive();
    metering.push.start();
    // Started in the last moment, the worker would cost the end of a short process most of its time.
    runOutside(() => setTimeout(startDelivery, PUSH_WORKER_MILLIS).unref());
  }
  health.join({ rolling: metering.rolling, deliveryStatus: () => sink.status(), resource });

  const unwatchAgents = watchAgents();

  let admin: Admin | undefined;
  let withdrawTarget: (() => void) | undefined;
  const logLevels = pino?.levels ?? NO_LOGGERS;

  function openAdmin(hub: ClusterHub | undefined): void {
    onActive();
    metering.exposition.startRuntime();
    if (admin !== undefined) return;
    admin = createAdmin({
      host: given.adminHost ?? DEFAULT_ADMIN_HOST,
      port: given.adminPort === 'off' ? 0 : (given.adminPort ?? DEFAULT_ADMIN_PORT),
      portExplicit: given.adminPort !== undefined,
      token: given.adminToken,
      exposition: (accept) => (hub === undefined ? metering.exposition.render(accept) : hub.metrics(accept)),
      health: hub ?? health,
      logLevels: hub?.logLevels ?? logLevels,
      onListening(url) {
        hub?.announce();
        if (!settings.prometheus) return;
        const address = new URL(url).host;
        try {
          withdrawTarget = announceTarget(settings.dataDir, address, resource);
        } catch (error) {
          diag.warn(
            'SIGHTLINE_W_DATA_DIR',
            `got ${(error as Error).message} while announcing /metrics in ${settings.dataDir}/targets, wanted a writable directory; set SIGHTLINE_DATA_DIR, or name ${address} to Prometheus yourself`,
          );
        }
      },
    });
    admin.start();
  }

  function closeAdmin(): void {
    const closing = admin;
    admin = undefined;
    withdrawTarget?.();
    withdrawTarget = undefined;
    closing?.close().catch((error: unknown) => reportBug('admin port', error));
  }

  // Without an admin port there is nothing to answer, for nobody.
  const cluster =
    given.adminPort === 'off'
      ? undefined
      : createCluster({
          process: { exposition: metering.exposition, health, logLevels },
          resource,
          seriesLimit: given.metricSeriesLimit ?? DEFAULT_SERIES_LIMIT,
          dataDir: settings.dataDir,
          openAdmin,
          closeAdmin,
          url: () => admin?.url,
        });
  instruments.onListen(() => {
    onActive();
    runOutside(() => setTimeout(startDelivery, DELIVERY_START_MILLIS).unref());
    metering.exposition.startRuntime();
    cluster?.onListen();
  });

  return {
    sink,
    neighbours,
    takeSpan: delivery.takeSpan,
    limits: delivery.limits,
    propagator: new SightlinePropagator({
      formats: propagators,
      correlationHeaders,
      onRejected: metering.counters.correlationIdRejected,
    }),
    admin: {
      get url() {
        return cluster?.url;
      },
      close: () => admin?.close() ?? Promise.resolve(),
    },
    onUncaught(error, kind, fatal) {
      const scope = active().request;
      metering.counters.uncaught(kind);
      pipeline.fatalLine(error, kind, scope);
      if (scope === undefined || scope.ended) return;
      if (fatal) instruments.failRequest(scope, error);
      else if (scope.span !== undefined) recordFailure(scope.span, error, redactor);
    },
    beforeExit() {
      instruments.abortOpenRequests();
      metering.flushStatsd();
      metering.push?.atExit();
      try {
        cluster?.beforeExit();
        withdrawTarget?.();
      } catch (error) {
        reportBug('target file', error);
      }
    },
    pushes: metering.push !== undefined,
    async handOverMetrics(millis, last) {
      metering.flushStatsd();
      await metering.push?.now(millis, last);
    },
    stop() {
      clearTimeout(withoutServer);
      cluster?.stop();
      withdrawTarget?.();
      unwatchAgents();
      pino?.stop();
      instruments.stop();
      metering.stop();
    },
  };
}

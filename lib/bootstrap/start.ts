import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type { Tracer } from '@opentelemetry/api';
import { health } from '../admin/health.ts';
import { ObservationContextManager } from '../context/context-manager.ts';
import { correlation } from '../context/correlation.ts';
import { diag, setDiagLevel } from '../core/diag.ts';
import { reportBug } from '../core/fence.ts';
import { kRunning } from '../core/symbols.ts';
import { SightlineError } from '../errors.ts';
import { log } from '../logs/logger.ts';
import { metrics } from '../metrics/user-metrics.ts';
import { createIntake } from '../traces/span-intake.ts';
import { openIntake } from '../traces/span-processor.ts';
import { createComponents } from './components.ts';
import type { GlobalApi } from './global-api.ts';
import { inertObservation } from './inert.ts';
import { createLifecycle } from './lifecycle.ts';
import type { Observation, ShutdownResult } from './observation.ts';
import { type ObserveOptions, readOptions } from './options.ts';
import { createResource } from './resource.ts';
import { createSettings, type Settings, SHUTDOWN_MILLIS } from './settings.ts';

/** Default of `SIGHTLINE_DRAIN_TIMEOUT`, milliseconds. */
const DRAIN_MILLIS = 500;

type Process = typeof globalThis & { [kRunning]?: Observation };

/**
 * What `observe` and the one line have in common.
 *
 * @param globals how our parts become those of `@opentelemetry/api`
 * @throws SightlineError SIGHTLINE_E_OPTION with every mistake, SIGHTLINE_E_PEER_MISSING in direct mode
 */
export function start(options: ObserveOptions, globals: GlobalApi): Observation {
  const running = (globalThis as Process)[kRunning];
  if (running !== undefined) {
    if (Object.keys(options).length > 0) {
      diag.warn(
        'SIGHTLINE_W_ALREADY_OBSERVED',
        'observe() got options, but this process is observed already (by sightline/register or an earlier call); they are not used. Give them there',
      );
    }
    return running;
  }
  const { given, mistakes } = readOptions(options, process.env);
  if (mistakes.length > 0) throw new SightlineError('SIGHTLINE_E_OPTION', mistakes.join('\n'), mistakes);
  if (given.diagLevel !== undefined) setDiagLevel(given.diagLevel);
  if (given.disabled === true) return inertObservation(apiTracer);

  // A process has one admin port: that of its main thread.
  const mine = isMainThread ? given : { ...given, adminPort: 'off' as const };
  const settings = createSettings(mine, createResource(mine, process.env), process.env);
  const observation = assemble(settings, globals);
  Object.defineProperty(globalThis, kRunning, { value: observation, configurable: true });
  for (const sentence of settings.off) diag.warn('SIGHTLINE_W_SIGNAL_OFF', sentence);
  return observation;
}

/** Loads the API, which the one line itself does not. */
function apiTracer(): Tracer {
  const { trace } = createRequire(import.meta.url)('@opentelemetry/api') as typeof import('@opentelemetry/api');
  return trace.getTracer('sightline');
}

function assemble(settings: Settings, globals: GlobalApi): Observation {
  const deadline = settings.given.shutdownTimeout ?? SHUTDOWN_MILLIS;
  const lifecycle = createLifecycle({
    onUncaught: (error, kind, fatal) => components.onUncaught(error, kind, fatal),
    appendNow: () => components.sink.appendNow(),
    onExit(millis) {
      components.beforeExit();
      components.sink.appendNow();
      // A last page has no journal to wait in.
      components.sink.drainSync(components.pushes ? deadline : millis);
    },
    async drain(millis) {
      const end = performance.now() + millis;
      await components.handOverMetrics(millis, true);
      await components.sink.flush(Math.max(0, end - performance.now()));
    },
    drainTimeoutMillis: settings.given.drainTimeout ?? DRAIN_MILLIS,
  });
  const components = createComponents(settings, () => lifecycle.arm());
  const { sink, neighbours } = components;
  const { tracing } = neighbours;
  const isOurs = globals.register(
    { trace: tracing.provider, context: new ObservationContextManager(), propagation: components.propagator },
    (registered) => neighbours.onTracerProvider(registered),
  );
  if (!isOurs) neighbours.stepBack();
  const closeIntake = openIntake(
    createIntake({
      take: components.takeSpan,
      limits: components.limits,
      duplicates: neighbours.duplicates,
      onLeft: (processor) => neighbours.onLeft(processor),
      flush,
    }),
  );

  async function flush(): Promise<void> {
    const end = performance.now() + deadline;
    sink.appendNow();
    await components.handOverMetrics(deadline, false);
    await sink.flush(Math.max(0, end - performance.now()));
  }

  let ending: Promise<ShutdownResult> | undefined;

  async function shutdown(timeoutMillis: number): Promise<ShutdownResult> {
    const end = performance.now() + timeoutMillis;
    const remaining = () => Math.max(0, end - performance.now());
    try {
      await components.handOverMetrics(remaining(), true);
      sink.appendNow();
      await sink.flush(remaining());
    } catch (error) {
      reportBug('shutdown', error);
    }
    components.stop();
    lifecycle.stop();
    closeIntake();
    globals.unregister();
    Reflect.deleteProperty(globalThis, kRunning);
    await Promise.all([components.admin.close(), sink.close(remaining())]).catch((error: unknown) =>
      reportBug('shutdown', error),
    );
    return totals(sink.status());
  }

  return {
    log,
    metrics,
    tracer: tracing.provider.getTracer(settings.resource.serviceName, settings.resource.serviceVersion),
    correlation,
    health,
    admin: {
      get url() {
        return components.admin.url;
      },
    },
    flush,
    shutdown(options) {
      ending ??= shutdown(options?.timeoutMs ?? deadline);
      return ending;
    },
  };
}

function totals(status: ReturnType<ReturnType<typeof createComponents>['sink']['status']>): ShutdownResult {
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  const sentUnconfirmed = status.logs.sentUnconfirmed + status.spans.sentUnconfirmed;
  return {
    delivered: status.logs.delivered + status.spans.delivered,
    ...(sentUnconfirmed > 0 && { sentUnconfirmed }),
    onDisk: status.logs.onDisk + status.spans.onDisk,
    dropped:
      sum(status.logs.dropped) + sum(status.spans.dropped) + status.logs.deadLettered + status.spans.deadLettered,
  };
}

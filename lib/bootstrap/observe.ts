import { context, propagation, trace } from '@opentelemetry/api';
import { diag } from '../core/diag.ts';
import { loadBeside } from '../core/load-beside.ts';
import { kRunning } from '../core/symbols.ts';
import { type GlobalApi, sayTaken } from './global-api.ts';
import { inertObservation } from './inert.ts';
import type { Observation } from './observation.ts';
import type { ObserveOptions } from './options.ts';
import { BUNDLED, unobservable } from './runtime-guard.ts';

/** For code: through the API itself, so that tracers which the app took from it before now become ours as well. */
function throughApi(): GlobalApi {
  const undo: (() => void)[] = [];
  return {
    register(parts) {
      if (!trace.setGlobalTracerProvider(parts.trace)) return false;
      undo.push(() => trace.disable());
      if (context.setGlobalContextManager(parts.context)) undo.push(() => context.disable());
      else sayTaken('context');
      if (propagation.setGlobalPropagator(parts.propagation)) undo.push(() => propagation.disable());
      else sayTaken('propagation');
      return true;
    },
    unregister() {
      for (const step of undo.splice(0)) step();
    },
  };
}

/**
 * Observes this process: hooks HTTP, loggers and frameworks, and wires them to delivery. Once a process: a second call,
 * also from another copy of this package, gives back the running observation. Where nothing can be observed, one line says
 * why, and the handle does nothing.
 *
 * @param options as in docs/configuration.md; code wins over environment
 * @throws SightlineError SIGHTLINE_E_OPTION with every mistake, SIGHTLINE_E_PEER_MISSING in direct mode
 */
export function observe(options: ObserveOptions = {}): Observation {
  const reason = unobservable();
  if (reason !== undefined) {
    diag.error('SIGHTLINE_E_RUNTIME', reason);
    return inertObservation(() => trace.getTracer('sightline'));
  }
  const running = (globalThis as { [kRunning]?: Observation })[kRunning];
  // A bundled copy beside the one line has nothing to start, and no files to start it with.
  if (running !== undefined && Object.keys(options).length === 0) return running;
  const beside = loadBeside(import.meta.url, 'bootstrap/observe', './start') as typeof import('./start.ts') | undefined;
  if (beside !== undefined) return beside.start(options, throughApi());
  if (running !== undefined) return running;
  diag.error('SIGHTLINE_E_BUNDLED', BUNDLED);
  return inertObservation(() => trace.getTracer('sightline'));
}

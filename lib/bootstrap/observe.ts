import { context, propagation, trace } from '@opentelemetry/api';
import { diag } from '../core/diag.ts';
import { loadBeside } from '../core/load-beside.ts';
import { kRunning } from '../core/symbols.ts';
import { type GlobalApi, type GlobalParts, sayTaken } from './global-api.ts';
import { inertObservation } from './inert.ts';
import type { Observation } from './observation.ts';
import type { ObserveOptions } from './options.ts';
import { apiObject, keepSlots, PARTS } from './registrations.ts';
import { BUNDLED, unobservable } from './runtime-guard.ts';

/** For code: through the API itself, so that tracers which the app took from it before now become ours as well. */
function throughApi(): GlobalApi {
  let end = () => {};
  return {
    register(parts, onTracerProvider) {
      const api = apiObject();
      if (!trace.setGlobalTracerProvider(parts.trace)) return false;
      const ours: Partial<GlobalParts> = {
        // Not what the API has put there: a later registration through the same copy would turn that to its own provider.
        trace: parts.trace,
        ...(context.setGlobalContextManager(parts.context) && { context: parts.context }),
        ...(propagation.setGlobalPropagator(parts.propagation) && { propagation: parts.propagation }),
      };
      for (const part of PARTS) if (ours[part] === undefined) sayTaken(part);
      const release = keepSlots(ours, onTracerProvider);
      end = () => {
        release();
        if (ours.context !== undefined) parts.context.disable();
        // Else it is that of the SDK which has registered since.
        if (api.trace === undefined) trace.disable();
      };
      return true;
    },
    unregister() {
      end();
      end = () => {};
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

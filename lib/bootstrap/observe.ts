import { context, propagation, trace } from '@opentelemetry/api';
import { type GlobalApi, sayTaken } from './global-api.ts';
import type { Observation } from './observation.ts';
import type { ObserveOptions } from './options.ts';
import { start } from './start.ts';

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
 * also from another copy of this package, gives back the running observation.
 *
 * @param options as in docs/configuration.md; code wins over environment
 * @throws SightlineError SIGHTLINE_E_OPTION with every mistake, SIGHTLINE_E_PEER_MISSING in direct mode
 */
export function observe(options: ObserveOptions = {}): Observation {
  return start(options, throughApi());
}

import { context, propagation, trace } from '@opentelemetry/api';
import { type GlobalApi, sayTaken } from './global-api.ts';
import type { Observation } from './observation.ts';
import type { ObserveOptions } from './options.ts';
import { start } from './start.ts';

/** For code: through the API itself, so that tracers which the app took from it before now become ours as well. */
const throughApi: GlobalApi = {
  register(parts) {
    if (!context.setGlobalContextManager(parts.context)) sayTaken('context');
    if (!propagation.setGlobalPropagator(parts.propagation)) sayTaken('propagation');
    if (!trace.setGlobalTracerProvider(parts.trace)) sayTaken('trace');
  },
  unregister() {
    trace.disable();
    context.disable();
    propagation.disable();
  },
};

/**
 * Observes this process: hooks HTTP, loggers and frameworks, and wires them to delivery. Once a process: a second call,
 * also from another copy of this package, gives back the running observation.
 *
 * @param options as in docs/configuration.md; code wins over environment
 * @throws SightlineError SIGHTLINE_E_OPTION with every mistake, SIGHTLINE_E_PEER_MISSING in direct mode
 */
export function observe(options: ObserveOptions = {}): Observation {
  return start(options, throughApi);
}

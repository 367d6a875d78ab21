import { GuestSpan } from '../context/guest-span.ts';
import { emitIn } from './incoming-message.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

/** Whether a function was replaced in the way of OpenTelemetry's instrumentations (`shimmer`). */
function isShimmed(method: Method): boolean {
  return (method as { readonly __wrapped?: unknown }).__wrapped === true;
}

/**
 * Calls the handler of a request in its context. Where another SDK was there first, its HTTP instrumentation has made the
 * server span already, if it has replaced `emit` after us; makes it when we call on, if it has replaced it before us; or has
 * done neither: then the span is made here, with its tracer, and is current in its context manager as well.
 */
export function serveIn(scope: ServerScope, original: Method, server: unknown, args: unknown[]): unknown {
  const { span } = scope;
  if (!(span instanceof GuestSpan)) return emitIn(scope, original, server, args);
  span.open(scope.correlationId, isShimmed(original));
  return span.run(() => emitIn(scope, original, server, args));
}

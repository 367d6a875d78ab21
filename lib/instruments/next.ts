import type { Attributes } from '@opentelemetry/api';
import { active } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import type { SpanWatcher } from '../traces/guest.ts';
import { noteError } from './framework.ts';
import { ServerScope } from './server-scope.ts';

/** The name under which Next.js makes spans of its own, through `@opentelemetry/api`. */
export const NEXT_TRACER = 'next.js';

/** Pages of Next.js for what matched no route. */
const NO_ROUTE: ReadonlySet<unknown> = new Set(['/_not-found', '/_not-found/page', '/404', '/_error']);

function currentScope(): ServerScope | undefined {
  const scope = active().request;
  return scope instanceof ServerScope && !scope.ended ? scope : undefined;
}

/**
 * Next.js is bundled, so that nothing of it can be changed. But each of its spans names the route that it works for
 * (`next.route`), and the span of a handler that throws is given the error before it is answered with a 500.
 */
export const watchNext: SpanWatcher = {
  described: fence('next span', (attributes: Attributes | undefined) => {
    const route = attributes?.['next.route'];
    if (typeof route !== 'string') return;
    const scope = currentScope();
    if (scope !== undefined) scope.route = NO_ROUTE.has(route) ? undefined : route;
  }),
  failed: fence('next span', (error: unknown) => {
    const scope = currentScope();
    if (scope !== undefined) noteError(scope, error);
  }),
};

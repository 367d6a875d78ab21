import { fence } from '../core/fence.ts';
import { noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

/** Of the route that matched; undefined until then. */
interface RestifyRequest {
  readonly route?: { readonly path?: unknown } | null;
}

const readRoute = fence('restify route', (request: RestifyRequest | undefined): string | undefined => {
  const path = request?.route?.path;
  return path === undefined ? undefined : String(path);
});

/** Asked at the end of the request, when it is known. Called as a method of the scope. */
function restifyRoute(this: ServerScope): string | undefined {
  return readRoute(this.routeSource as RestifyRequest | undefined);
}

const keepRequest = fence('restify request', (request: unknown) => {
  const scope = scopeOf(request);
  if (scope === undefined) return;
  scope.routeSource = request;
  scope.resolveRoute = restifyRoute;
});

const keepError = fence('restify error', (error: unknown, request: unknown) => {
  const scope = scopeOf(request);
  if (scope !== undefined) noteError(scope, error);
});

function setsUpRequest(original: Method): Method {
  return function _setupRequest(this: unknown, ...args: unknown[]): unknown {
    keepRequest(args[0]);
    return Reflect.apply(original, this, args);
  };
}

function handlesError(original: Method): Method {
  return function _onHandlerError(this: unknown, ...args: unknown[]): unknown {
    keepError(args[0], args[1]);
    return Reflect.apply(original, this, args);
  };
}

/** Route patterns and errors of restify 8 and up. */
export function instrumentRestify(): { stop(): void } {
  const stop = onRequire(
    (id, parent) =>
      (id.endsWith('server') || id.endsWith('server.js')) && isFileOf('restify', 'lib/server', id, parent),
    (exported) => {
      const prototype = exported.prototype ?? {};
      patchMethod(prototype, '_onHandlerError', handlesError);
      return patchMethod(prototype, '_setupRequest', setsUpRequest) !== undefined;
    },
  );
  return { stop };
}

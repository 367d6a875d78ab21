import { fence } from '../core/fence.ts';
import { noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';

type Method = (...args: any[]) => any;

interface HapiRoute {
  readonly method: string;
  /** With the prefix of its plugin. */
  readonly path: string;
  readonly settings?: { readonly handler?: { readonly name?: string } };
}

interface HapiRequest {
  readonly raw?: { readonly req?: unknown };
  readonly route?: HapiRoute;
}

/** Of the routes that answer when none matched. */
const NO_ROUTE = '_special';
const SERVER_ERRORS = 500;

const keepRoute = fence('hapi route', (request: HapiRequest) => {
  const scope = scopeOf(request.raw?.req);
  const route = request.route;
  if (scope === undefined || route === undefined || route.method === NO_ROUTE) return;
  scope.route = route.path;
  const name = route.settings?.handler?.name;
  if (name !== undefined && name !== '' && name !== 'handler') scope.handler = name;
});

/** What a handler has thrown is a Boom by now: the very error, with what is to be answered beside it. */
const keepError = fence('hapi error', (request: HapiRequest, response: any) => {
  if (response?.isBoom !== true || !(response.output?.statusCode >= SERVER_ERRORS)) return;
  const scope = scopeOf(request.raw?.req);
  if (scope !== undefined) noteError(scope, response);
});

function looksUp(original: Method): Method {
  return function _lookup(this: HapiRequest, ...args: unknown[]): unknown {
    const result = Reflect.apply(original, this, args);
    keepRoute(this);
    return result;
  };
}

function setsResponse(original: Method): Method {
  return function _setResponse(this: HapiRequest, ...args: unknown[]): unknown {
    keepError(this, args[0]);
    return Reflect.apply(original, this, args);
  };
}

/** Route patterns and errors of Hapi 21 (`@hapi/hapi`). */
export function instrumentHapi(): { stop(): void } {
  const stop = onRequire(
    (id, parent) =>
      (id.endsWith('request') || id.endsWith('request.js')) && isFileOf('@hapi/hapi', 'lib/request', id, parent),
    (exported) => {
      const prototype = exported.prototype ?? {};
      patchMethod(prototype, '_setResponse', setsResponse);
      return patchMethod(prototype, '_lookup', looksUp) !== undefined;
    },
  );
  return { stop };
}

import { reportBug } from '../core/fence.ts';
import { joinPatterns, noteError, scopeOf } from './framework.ts';
import { onFunctionExport } from './module-exports.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

/** On a request: the joined paths of the apps that it is inside of now. */
const kMount = Symbol('sightline.connect-mount');

type Method = (...args: any[]) => any;

interface MountedRequest {
  [kMount]?: string | undefined;
}

interface Layer {
  /** Where it is mounted, without a trailing slash; empty for everything. */
  readonly route: string;
  handle: Method;
}

interface ConnectApp {
  readonly stack: Layer[];
}

/** A middleware that takes `(error, request, response, next)`. */
const ERROR_ARITY = 4;

/** A middleware is entered: where it is mounted is the only pattern that Connect has. */
function enter(scope: ServerScope, request: MountedRequest, layer: Layer, handle: Method): void {
  const outer = request[kMount] ?? '';
  const mount = layer.route === '' ? outer : joinPatterns(outer, layer.route);
  request[kMount] = mount;
  scope.route = mount === '' ? undefined : mount;
  scope.handler = handle.name === '' ? undefined : handle.name;
}

/** `next`, which tells that the middleware has not answered. */
function leaving(scope: ServerScope, request: MountedRequest, next: Method): Method {
  const outer = request[kMount];
  return function left(error?: unknown): unknown {
    request[kMount] = outer;
    if (error) noteError(scope, error);
    else scope.route = undefined;
    return next(error);
  };
}

function runObserved(layer: Layer, handle: Method, args: unknown[]): unknown {
  const takesError = handle.length === ERROR_ARITY;
  const at = takesError ? 1 : 0;
  const request = args[at] as MountedRequest;
  const scope = scopeOf(request);
  const next = args[at + 2];
  if (scope === undefined || typeof next !== 'function') return Reflect.apply(handle, undefined, args);
  try {
    args[at + 2] = leaving(scope, request, next as Method);
    // What answers an error answers for the middleware that it came from.
    if (takesError) noteError(scope, args[0]);
    else enter(scope, request, layer, handle);
  } catch (error) {
    reportBug('connect middleware', error);
  }
  try {
    return Reflect.apply(handle, undefined, args);
  } catch (error) {
    noteError(scope, error);
    throw error;
  }
}

/** A proxy keeps the number of parameters, by which Connect tells what a middleware is for. */
function observed(layer: Layer): Method {
  return new Proxy(layer.handle, { apply: (handle, _this, args) => runObserved(layer, handle, args) });
}

function uses(original: Method): Method {
  return function use(this: ConnectApp, ...args: unknown[]): unknown {
    const before = this?.stack?.length ?? 0;
    const result = Reflect.apply(original, this, args);
    try {
      for (const layer of this.stack.slice(before)) layer.handle = observed(layer);
    } catch (error) {
      reportBug('connect use', error);
    }
    return result;
  };
}

/**
 * Mount paths and errors of Connect 3. Its methods are not to be had from outside, only each app that it makes; an app
 * that was made before is not seen.
 */
export function instrumentConnect(): { stop(): void } {
  const stop = onFunctionExport(
    (id) => id === 'connect' || (id.endsWith('index.js') && /[\\/]node_modules[\\/]connect[\\/]index\.js$/.test(id)),
    (createServer) =>
      new Proxy(createServer, {
        apply(original, thisArg, args) {
          const app: unknown = Reflect.apply(original, thisArg, args);
          if (typeof app === 'function' && Array.isArray((app as unknown as ConnectApp).stack))
            patchMethod(app as Method & { use: Method }, 'use', uses);
          return app;
        },
      }),
  );
  return { stop };
}

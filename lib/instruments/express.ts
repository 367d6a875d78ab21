import { reportBug } from '../core/fence.ts';
import { joinPatterns, noteError, routeText, scopeOf } from './framework.ts';
import { onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

/** On a layer of a router: the pattern that it was mounted or declared with; `router` keeps it itself only lately. */
const kPattern = Symbol('sightline.pattern');
/** On a request: the joined patterns of the routers that it is inside of now. */
const kMount = Symbol('sightline.mount');
/** On a request: the joined patterns of the layer that was entered last, which is what a router below it is mounted at. */
const kEntered = Symbol('sightline.entered');

interface Layer {
  readonly name?: string;
  readonly handle?: { readonly length: number; readonly name?: string };
  readonly route?: { readonly path: unknown };
  readonly rawPath?: unknown;
  [kPattern]?: unknown;
}

interface RoutedRequest {
  readonly url: string;
  /** Path up to the mount point that the router has taken off `url`. */
  readonly baseUrl?: string;
  [kMount]?: string | undefined;
  [kEntered]?: string | undefined;
}

type Method = (...args: any[]) => any;
type RouterLike = { stack: Layer[] };

/** `router.use(path?, …)` and `router.route(path)`: notes the pattern on the layers that the call has added. */
function remembersPattern(original: Method): Method {
  return function remember(this: RouterLike, ...args: unknown[]): unknown {
    const before = this?.stack?.length ?? 0;
    const result = Reflect.apply(original, this, args);
    try {
      const first = firstLeaf(args[0]);
      const pattern = typeof first === 'function' ? '/' : args[0];
      const stack = this.stack;
      for (let index = before; index < stack.length; index += 1) (stack[index] as Layer)[kPattern] = pattern;
    } catch (error) {
      reportBug('express route', error);
    }
    return result;
  };
}

function firstLeaf(value: unknown): unknown {
  let leaf = value;
  while (Array.isArray(leaf) && leaf.length > 0) leaf = leaf[0];
  return leaf;
}

function pathOfUrl(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** A layer of a router is entered: it is a route, or something mounted. Layers within a route only name the handler. */
function enterLayer(scope: ServerScope, layer: Layer, request: RoutedRequest): void {
  const pattern = layer.route !== undefined ? layer.route.path : (layer[kPattern] ?? layer.rawPath);
  const isInner = Object.hasOwn(layer, 'method');
  if (isInner) {
    const name = layer.handle?.name;
    scope.handler = name === undefined || name === '' ? undefined : name;
    return;
  }
  const mount = request[kMount] ?? '';
  if (layer.route !== undefined) {
    const single = Array.isArray(pattern) ? routeText(pattern, pathOfUrl(request.url)) : routeText(pattern, '');
    scope.route = joinPatterns(mount, single);
    return;
  }
  scope.handler = layer.handle?.name === '' ? undefined : layer.handle?.name;
  const entered = pattern === undefined || pattern === '/' ? mount : joinPatterns(mount, mountText(pattern, request));
  request[kEntered] = entered;
  // Something behind a route runs: the route has passed the request on, it did not answer it. If this answers, the path
  // that it is mounted at is all that is known of a route; what is mounted everywhere has none.
  scope.route = entered === '' || isEverything(pattern) ? undefined : entered;
}

/** `*`, `/*`, `/*any`, `/{*any}`, `(.*)`: the fallback behind all routes, which is none. */
function isEverything(pattern: unknown): boolean {
  return typeof pattern === 'string' && /^\/?(?:\*\w*|\{\*\w+\}|\(\.\*\))$/.test(pattern);
}

function mountText(pattern: unknown, request: RoutedRequest): string {
  return Array.isArray(pattern) ? routeText(pattern, request.baseUrl ?? '') : routeText(pattern, '');
}

function handlesRequest(original: Method): Method {
  return function handleRequest(this: Layer, request: RoutedRequest, response: unknown, next: unknown): unknown {
    // A handler with four arguments is for errors: the router passes it by.
    if ((this.handle?.length ?? 0) <= 3) {
      try {
        const scope = scopeOf(request);
        if (scope !== undefined) enterLayer(scope, this, request);
      } catch (error) {
        reportBug('express layer', error);
      }
    }
    return original.call(this, request, response, next);
  };
}

function handlesError(original: Method): Method {
  return function handleError(
    this: Layer,
    error: unknown,
    request: RoutedRequest,
    response: unknown,
    next: unknown,
  ): unknown {
    const scope = scopeOf(request);
    if (scope !== undefined && isFailure(error)) noteError(scope, error);
    return original.call(this, error, request, response, next);
  };
}

/** `'route'` and `'router'` are ways to skip, not errors. */
function isFailure(error: unknown): boolean {
  return error !== undefined && error !== null && error !== 'route' && error !== 'router';
}

/** A router is entered and left: keeps where it is mounted, sees the error that it gives up with. */
function handlesRouter(original: Method): Method {
  return function handle(
    this: unknown,
    request: RoutedRequest,
    response: { headersSent?: boolean },
    done: unknown,
  ): unknown {
    const scope = scopeOf(request);
    if (scope === undefined || typeof done !== 'function') return original.call(this, request, response, done);
    const outer = request[kMount];
    request[kMount] = request[kEntered] ?? '';
    const isRoot = outer === undefined;
    const left = function (this: unknown, ...args: unknown[]): unknown {
      request[kMount] = outer;
      request[kEntered] = outer;
      const error = args[0];
      if (isFailure(error)) noteError(scope, error);
      else if (isRoot && response.headersSent !== true) scope.route = undefined;
      return Reflect.apply(done as Method, this, args);
    };
    return original.call(this, request, response, left);
  };
}

/** What is changed in Express 4 (`express/lib/router`) and in the package `router` 1 and 2 (Express 5). */
function patchRouter(exported: any): boolean {
  // Express 4 exports the object that routers inherit from; `router` a constructor.
  const prototype = typeof exported.prototype?.use === 'function' ? exported.prototype : exported;
  if (typeof prototype.use !== 'function' || typeof prototype.handle !== 'function') return false;
  patchMethod(prototype, 'use', remembersPattern);
  patchMethod(prototype, 'route', remembersPattern);
  patchMethod(prototype, 'handle', handlesRouter);
  return true;
}

function patchLayer(exported: any): boolean {
  const prototype = exported.prototype;
  if (prototype === undefined) return false;
  for (const name of ['handleRequest', 'handle_request']) patchMethod(prototype, name, handlesRequest);
  for (const name of ['handleError', 'handle_error']) patchMethod(prototype, name, handlesError);
  return 'handleRequest' in prototype || 'handle_request' in prototype;
}

function inPackage(path: string, name: string): boolean {
  return path.includes(`/node_modules/${name}/`) || path.includes(`\\node_modules\\${name}\\`);
}

function isRouter(id: string, parent: string): boolean {
  if (id === 'router') return true;
  if (id === './router') return inPackage(parent, 'express');
  return /[\\/]node_modules[\\/](?:router[\\/]index|express[\\/]lib[\\/]router[\\/]index)\.js$/.test(id);
}

function isLayer(id: string, parent: string): boolean {
  if (id === './layer' || id === './lib/layer') return inPackage(parent, 'router') || inPackage(parent, 'express');
  return /[\\/]node_modules[\\/](?:router[\\/]lib|express[\\/]lib[\\/]router)[\\/]layer\.js$/.test(id);
}

/** Route patterns and errors of Express 4 and 5 and of `router` by itself. */
export function instrumentExpress(): { stop(): void } {
  const stops = [
    onRequire(
      (id, parent) => (id.endsWith('layer') || id.endsWith('layer.js') ? isLayer(id, parent) : false),
      patchLayer,
    ),
    onRequire(
      (id, parent) => (id.endsWith('router') || id.endsWith('index.js') ? isRouter(id, parent) : false),
      patchRouter,
    ),
  ];
  return {
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

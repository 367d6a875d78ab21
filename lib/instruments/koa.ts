import { fence } from '../core/fence.ts';
import { joinPatterns, noteError, scopeOf } from './framework.ts';
import { onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

interface RouterLayer {
  readonly path?: unknown;
  /** What the pattern became. */
  readonly regexp?: unknown;
  readonly methods?: readonly string[];
  readonly stack?: readonly { readonly name?: string }[];
}

/** What Koa and its routers (`@koa/router`, `koa-router`) leave on a context. */
interface KoaContext {
  readonly req?: unknown;
  readonly method?: string;
  /** Pattern of the route, with all prefixes. */
  readonly _matchedRoute?: unknown;
  /** All layers that the path matched, middleware too. */
  readonly matched?: readonly RouterLayer[];
  /** Of `koa-mount`: what the last mount took off the path; it stays behind. */
  readonly mountPath?: string;
}

function matchedLayer(context: KoaContext): RouterLayer | undefined {
  const method = context.method ?? '';
  const layers = context.matched ?? [];
  for (let index = layers.length - 1; index >= 0; index -= 1) {
    const layer = layers[index];
    if (layer?.methods?.includes(method)) return layer;
  }
  return undefined;
}

/** Where the router is mounted: it has matched the path without the mount, and the whole path it does not match. */
function mountOf({ mountPath }: KoaContext, layer: RouterLayer | undefined, path: string): string {
  if (mountPath === undefined || !(layer?.regexp instanceof RegExp)) return '';
  return layer.regexp.test(path) || !path.startsWith(mountPath) ? '' : mountPath;
}

function routeOf(context: KoaContext | undefined, path: string): string | undefined {
  // A router that matched a path and no method has `matched`, and no route.
  if (context === undefined || context._matchedRoute === undefined) return undefined;
  const layer = matchedLayer(context);
  return joinPatterns(mountOf(context, layer, path), String(layer?.path ?? context._matchedRoute));
}

const readRoute = fence('koa route', routeOf);

/** Asked at the end of the request: only then is the innermost of several routers known. Called as a method of the scope. */
function koaRoute(this: ServerScope): string | undefined {
  return readRoute(this.routeSource as KoaContext | undefined, this.path);
}

const keepContext = fence('koa context', (request: unknown, context: unknown) => {
  const scope = scopeOf(request);
  if (scope === undefined) return;
  scope.routeSource = context;
  scope.resolveRoute = koaRoute;
});

function createsContext(original: Method): Method {
  return function createContext(this: unknown, ...args: unknown[]): unknown {
    const context = Reflect.apply(original, this, args);
    keepContext(args[0], context);
    return context;
  };
}

const keepError = fence('koa error', (context: KoaContext, error: unknown) => {
  const scope = scopeOf(context.req);
  // Koa calls this without an error at the end of every response.
  if (scope === undefined || error === null || error === undefined) return;
  noteError(scope, error);
  const handler = matchedLayer(context)?.stack?.at(-1)?.name;
  if (handler !== undefined && handler !== '') scope.handler ??= handler;
});

function takesError(original: Method): Method {
  return function onerror(this: KoaContext, ...args: unknown[]): unknown {
    keepError(this, args[0]);
    return Reflect.apply(original, this, args);
  };
}

function isKoaFile(file: string, id: string, parent: string): boolean {
  if (id === `./${file}`) return /[\\/]node_modules[\\/]koa[\\/]/.test(parent);
  return new RegExp(`[\\\\/]node_modules[\\\\/]koa[\\\\/]lib[\\\\/]${file}\\.js$`).test(id);
}

/** Route patterns and errors of Koa 2 and 3 with `@koa/router` or `koa-router`. */
export function instrumentKoa(): { stop(): void } {
  const stops = [
    onRequire(
      (id, parent) => id === 'koa' || (id.endsWith('application.js') && isKoaFile('application', id, parent)),
      (exported) => patchMethod(exported.prototype ?? {}, 'createContext', createsContext) !== undefined,
    ),
    onRequire(
      (id, parent) => (id.endsWith('context') || id.endsWith('context.js')) && isKoaFile('context', id, parent),
      (exported) => patchMethod(exported, 'onerror', takesError) !== undefined,
    ),
  ];
  return {
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

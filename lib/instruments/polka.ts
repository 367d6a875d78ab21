import { active } from '../context/context.ts';
import { fence, reportBug } from '../core/fence.ts';
import { joinPatterns, noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

/** What `trouter` 2 keeps: the handlers of each pattern, by method. */
interface Router {
  readonly handlers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Of polka: apps and middleware by the path that they are mounted at. */
  readonly apps?: Readonly<Record<string, unknown>>;
  readonly bwares?: Readonly<Record<string, unknown>>;
  onError?: Method;
  onNoMatch?: Method;
}

/** Paths that the apps around the one that looks now are mounted at. Weak: it goes with the request. */
const mounts = new WeakMap<ServerScope, string>();

/** The pattern whose handlers were found: they are the very list that was given with it. */
function patternOf(router: Router, handlers: unknown): string | undefined {
  for (const patterns of Object.values(router.handlers ?? {}))
    for (const pattern of Object.keys(patterns)) if (patterns[pattern] === handlers) return pattern;
  return undefined;
}

/** As polka takes it: `/a` of `/a/b/c`. */
function firstSegment(path: string): string {
  const slash = path.indexOf('/', 1);
  return slash > 1 ? path.slice(0, slash) : path;
}

const noteFound = fence('polka route', (router: Router, path: unknown, found: unknown) => {
  const scope = active().request;
  if (!(scope instanceof ServerScope) || scope.ended) return;
  const mount = mounts.get(scope) ?? '';
  if (typeof found === 'object' && found !== null) {
    const pattern = patternOf(router, (found as { handlers?: unknown }).handlers);
    scope.route =
      pattern === undefined ? undefined : joinPatterns(mount, pattern.startsWith('/') ? pattern : `/${pattern}`);
    return;
  }
  const base = typeof path === 'string' ? firstSegment(path) : '';
  if (router.apps?.[base] !== undefined) mounts.set(scope, joinPatterns(mount, base));
  else if (router.bwares?.[base] !== undefined) scope.route = joinPatterns(mount, base);
});

function answersError(original: Method): Method {
  return function onError(this: unknown, error: unknown, request: unknown, ...rest: unknown[]): unknown {
    const scope = scopeOf(request);
    if (scope !== undefined) noteError(scope, error);
    return Reflect.apply(original, this, [error, request, ...rest]);
  };
}

function answersNoMatch(original: Method): Method {
  return function onNoMatch(this: unknown, request: unknown, ...rest: unknown[]): unknown {
    scopeOf(request)?.clearRoute();
    return Reflect.apply(original, this, [request, ...rest]);
  };
}

function finds(original: Method): Method {
  return function find(this: Router, method: unknown, path: unknown): unknown {
    const found: unknown = Reflect.apply(original, this, [method, path]);
    noteFound(this, path, found);
    try {
      // Both are properties of the app, made before it was seen first.
      if (typeof this.onError === 'function') patchMethod(this as { onError: Method }, 'onError', answersError);
      if (typeof this.onNoMatch === 'function') patchMethod(this as { onNoMatch: Method }, 'onNoMatch', answersNoMatch);
    } catch (error) {
      reportBug('polka handlers', error);
    }
    return found;
  };
}

/** Route patterns and errors of polka 0.5, by way of its router `trouter` 2; and routes of what else looks up there. */
export function instrumentPolka(): { stop(): void } {
  const stop = onRequire(
    (id, parent) => id === 'trouter' || (id.endsWith('index.js') && isFileOf('trouter', 'index', id, parent)),
    (exported) => patchMethod(exported.prototype ?? {}, 'find', finds) !== undefined,
  );
  return { stop };
}

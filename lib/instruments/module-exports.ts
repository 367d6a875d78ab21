import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { fence, reportBug } from '../core/fence.ts';

type Predicate = (id: string, parentFilename: string) => boolean;
type Replace = (exported: (...args: any[]) => any) => unknown;

interface RequireStart {
  readonly id?: unknown;
  readonly parentFilename?: unknown;
}

const requireStart = channel('tracing:module.require:start');
const PATH = /^(?:[/\\]|[A-Za-z]:[/\\])/;

function replaceOnce(module: NodeModule, replace: Replace, handled: WeakSet<object>): void {
  const exported: unknown = module.exports;
  if (typeof exported !== 'function' || handled.has(exported)) return;
  const replaced = replace(exported as (...args: any[]) => any);
  if (typeof replaced === 'function') handled.add(replaced);
  module.exports = replaced;
}

/**
 * An ES module imports it: Node has put the module into the cache before it runs it, and takes a private copy of
 * `exports` as soon as it has run. So the very assignment is what has to be met.
 */
function replaceWhenAssigned(module: NodeModule, replace: Replace, handled: WeakSet<object>): void {
  const before: unknown = module.exports;
  Object.defineProperty(module, 'exports', {
    configurable: true,
    enumerable: true,
    get: () => before,
    set(exported: unknown) {
      Object.defineProperty(module, 'exports', {
        value: exported,
        writable: true,
        configurable: true,
        enumerable: true,
      });
      try {
        replaceOnce(module, replace, handled);
      } catch (error) {
        reportBug('replaced exports', error);
      }
    },
  });
}

/**
 * For a CommonJS package that exports one function and keeps all that could be changed in place to itself: what
 * `replace` makes of the function stands for it in Node's module cache, before anybody has got it. Everything else is
 * for `onRequire`.
 *
 * The module is loaded here, one moment before the app's own `require` finds it loaded; when it cannot be loaded, the
 * app's own attempt says so.
 *
 * @param predicate runs at each `require` of the app, so it must decide by the shape of two strings
 * @returns a function that ends the hook; what was replaced stays replaced
 */
export function onFunctionExport(predicate: Predicate, replace: Replace): () => void {
  const handled = new WeakSet<object>();
  let loading = false;

  const onStart = fence('module exports', (message: unknown) => {
    const { id, parentFilename } = message as RequireStart;
    if (loading || typeof id !== 'string') return;
    const parent = typeof parentFilename === 'string' ? parentFilename : '';
    if (!predicate(id, parent)) return;
    const from = PATH.test(parent) ? parent : id;
    if (!PATH.test(from)) return;
    loading = true;
    try {
      const require = createRequire(from);
      const file = require.resolve(id);
      const cached = require.cache[file];
      if (cached !== undefined && !cached.loaded) {
        replaceWhenAssigned(cached, replace, handled);
        return;
      }
      if (cached === undefined) require(id);
      const module = require.cache[file];
      if (module !== undefined) replaceOnce(module, replace, handled);
    } catch {
      // Not there, or it throws: the app is about to find out by itself.
    } finally {
      loading = false;
    }
  });

  requireStart.subscribe(onStart);
  return () => {
    requireStart.unsubscribe(onStart);
  };
}

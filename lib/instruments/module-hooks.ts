import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { fence, reportBug } from '../core/fence.ts';

/** Where a module was asked for. */
export interface RequireDetails {
  /** As written in `require(id)`; the file name when an ES module imports a CommonJS one. */
  readonly id: string;
  /** File of the module that asked; empty when an ES module did. */
  readonly parentFilename: string;
}

type Predicate = (id: string, parentFilename: string) => boolean;
/** `false` = these exports are not complete yet (a cycle): offer them again. */
type Callback = (exports: any, details: RequireDetails) => unknown;

interface Hook {
  readonly predicate: Predicate;
  readonly callback: Callback;
  /** Exports already handed over: a module is required many times and changed once. */
  readonly handled: WeakSet<object>;
}

interface RequireEnd {
  readonly id?: unknown;
  readonly parentFilename?: unknown;
  readonly result?: unknown;
}

/** Node's own channel: it publishes for `require` and for every CommonJS module that an ES module imports. */
const requireEnd = channel('tracing:module.require:end');
const requireStart = channel('tracing:module.require:start');
const hooks: Hook[] = [];

function offer(hook: Hook, exported: unknown, details: RequireDetails): void {
  if ((typeof exported !== 'object' && typeof exported !== 'function') || exported === null) return;
  if (!hook.predicate(details.id, details.parentFilename) || hook.handled.has(exported)) return;
  try {
    if (hook.callback(exported, details) !== false) hook.handled.add(exported);
  } catch (error) {
    hook.handled.add(exported);
    reportBug(`instrumentation of ${details.id}`, error);
  }
}

const onRequireEnd = fence('module hook', (message: unknown) => {
  const { id, parentFilename, result } = message as RequireEnd;
  // A module that failed to load publishes an end without a result; of the built-ins one is waited for.
  if (typeof id !== 'string' || result === undefined) return;
  if (id.startsWith('node:') && id !== 'node:http2') return;
  const details = { id, parentFilename: typeof parentFilename === 'string' ? parentFilename : '' };
  for (const hook of hooks) offer(hook, result, details);
});

/** As Node tells code of packages from code of the app. */
const IN_PACKAGE = /[\\/]node_modules[\\/]/;

/**
 * Node warns of `punycode` (DEP0040) unless a package asks for it. While anybody listens to the channel, Node 24 and up
 * take the channel's own frame for the app and warn of packages too (`node-fetch` 2 is one): here it is loaded as
 * silently as it would have been. An app that asks itself is warned as ever.
 */
const onRequireStart = fence('module hook', (message: unknown) => {
  const { id, parentFilename } = message as RequireEnd;
  if (id !== 'punycode' && id !== 'node:punycode') return;
  if (typeof parentFilename !== 'string' || !IN_PACKAGE.test(parentFilename)) return;
  // Also because the switch of the command line cannot be written to.
  if (process.noDeprecation === true) return;
  const before = process.noDeprecation;
  try {
    process.noDeprecation = true;
    process.getBuiltinModule('punycode');
  } finally {
    // Not defined is not the same as false.
    if (before === undefined) Reflect.deleteProperty(process, 'noDeprecation');
    else process.noDeprecation = before;
  }
});

/** What was loaded before the hook was there. The cache knows files only, so the file name stands for both names. */
function walkLoaded(hook: Hook): void {
  const cache = createRequire(import.meta.url).cache;
  for (const filename of Object.keys(cache)) {
    const module = cache[filename];
    if (module?.loaded) offer(hook, module.exports, { id: filename, parentFilename: '' });
  }
}

/**
 * Calls `callback` with the exports of every CommonJS module that `predicate` picks, once for each exports object,
 * at the moment the module is loaded and before its importer sees it; modules already loaded at once. The exports
 * are to be changed in place: that is what reaches `require` and ES imports alike, on every Node we support.
 *
 * `predicate` runs at each `require` of the app, so it must decide by the shape of two strings.
 *
 * @returns a function that ends the hook; what was changed stays changed
 */
export function onRequire(predicate: Predicate, callback: Callback): () => void {
  const hook: Hook = { predicate, callback, handled: new WeakSet() };
  if (hooks.length === 0) {
    requireStart.subscribe(onRequireStart);
    requireEnd.subscribe(onRequireEnd);
  }
  hooks.push(hook);
  walkLoaded(hook);
  return () => {
    const index = hooks.indexOf(hook);
    if (index < 0) return;
    hooks.splice(index, 1);
    if (hooks.length > 0) return;
    requireStart.unsubscribe(onRequireStart);
    requireEnd.unsubscribe(onRequireEnd);
  };
}

/**
 * Whether a module is `file` of the package `name`: by its own path, or by a relative `id` asked for by a file
 * of that package.
 *
 * @param file path within the package without extension, e.g. `lib/reply`
 */
export function isFileOf(name: string, file: string, id: string, parentFilename: string): boolean {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const last = id.charCodeAt(0) === 46 ? id.slice(id.lastIndexOf('/') + 1) : undefined;
  if (last !== undefined) {
    if (last !== base && last !== `${base}.js`) return false;
    return parentFilename.replaceAll('\\', '/').includes(`/node_modules/${name}/`);
  }
  if (!id.includes(base)) return false;
  const path = id.replaceAll('\\', '/');
  return (
    path.endsWith(`/node_modules/${name}/${file}.js`) || path === `${name}/${file}` || path === `${name}/${file}.js`
  );
}

import { fence } from '../core/fence.ts';
import { kOwn, kWrapped } from '../core/symbols.ts';
import type { ForeignRegistry } from '../metrics/foreign-families.ts';

/** prom-client and the name under which it goes on: by name from CommonJS, by file from an ES module. */
const ENTRY = /^(?:.*[\\/]node_modules[\\/])?(?:prom-client|@prometheus-io[\\/]client)(?:[\\/]index\.js)?$/;

export interface PromClientInstrumentOptions {
  /** Tells about every CommonJS module that is loaded; exports are changed in place. */
  readonly onRequire: (
    predicate: (id: string, parentFilename: string) => boolean,
    callback: (exports: unknown, details: unknown) => void,
  ) => void;
  /** A registry of the app has got a metric. Called more than once for the same one. */
  readonly onRegistry: (registry: ForeignRegistry) => void;
}

interface Registry {
  registerMetric(this: ForeignRegistry, metric: unknown): unknown;
}

/**
 * Notes the app's registries as they get their first metric: wraps `Registry.prototype.registerMetric` in place, which
 * also reaches subclasses and merged registries. The app's own `/metrics` stays what it is.
 */
export function instrumentPromClient({ onRequire, onRegistry }: PromClientInstrumentOptions): void {
  const note = fence('prom-client instrument', onRegistry);
  onRequire(
    // The cheap look first: this runs for every module that the app loads.
    (id) => (id.includes('prom-client') || id.includes('@prometheus-io')) && ENTRY.test(id),
    fence('prom-client instrument', (exports: unknown) => wrap(exports, note)),
  );
}

function wrap(exports: unknown, note: (registry: ForeignRegistry) => void): void {
  const client = exports as
    | { readonly Registry?: { readonly prototype?: Registry }; readonly register?: ForeignRegistry }
    | undefined;
  const prototype = client?.Registry?.prototype;
  const original = prototype?.registerMetric;
  if (prototype === undefined || typeof original !== 'function' || kWrapped in original) return;
  function registerMetric(this: ForeignRegistry, metric: unknown): unknown {
    const result = Reflect.apply(original as Registry['registerMetric'], this, [metric]);
    if (!(kOwn in this)) note(this);
    return result;
  }
  Object.defineProperty(registerMetric, kWrapped, { value: true });
  Object.defineProperty(registerMetric, 'length', { value: original.length });
  prototype.registerMetric = registerMetric;
  // Loaded before us: what is registered already is in the global registry at least.
  const { register } = client ?? {};
  if (
    register !== undefined &&
    typeof register.getMetricsAsArray === 'function' &&
    register.getMetricsAsArray().length > 0
  )
    note(register);
}

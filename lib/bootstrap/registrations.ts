import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_KEY } from '../context/guest-span.ts';
import type { GlobalParts } from './global-api.ts';

/** The version of the interface that our parts implement. */
const API_VERSION = '1.10.0';
export const PARTS = ['trace', 'context', 'propagation'] as const;
/** How far above a module of the API its package.json is looked for. */
const MAX_DEPTH = 6;
/** Frames: this module, then the copy of the API that asks. */
const FRAMES = 3;

type Part = keyof GlobalParts;
type Slots = Partial<Record<Part, unknown>>;
type RegisteredApi = { version: string } & Slots;

/**
 * What the API checks when somebody registers is that the version is its own; what it checks when somebody uses it is that the
 * version is not older. One number cannot satisfy two copies: whoever registers is told its own.
 *
 * @returns undefined when the asking copy has no package.json (a bundle)
 */
function versionOfCaller(): string | undefined {
  try {
    // By name it would load all of `node:util` at start, and end in an error on a Node that is too old.
    const script = process.getBuiltinModule('node:util').getCallSites(FRAMES)[2]?.scriptName ?? '';
    let directory = dirname(script.startsWith('file:') ? fileURLToPath(script) : script);
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
      try {
        const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
        if (name === '@opentelemetry/api' && typeof version === 'string') return version;
      } catch {
        // The next folder up may have one.
      }
      directory = dirname(directory);
    }
  } catch {
    // Whoever asks is no file.
  }
  return undefined;
}

/**
 * Whether a registration is under way. `registerGlobal` of every 1.x reads the object under the key, writes it back, and only then
 * looks whether its slot is free; everybody who only uses the API reads the key and never writes. So a write means that the next
 * look at a slot is that of a registration, and a read that it is not.
 */
let registering = false;

/** The object under the key, made as the API makes it, unless somebody has used the API before. */
export function apiObject(): RegisteredApi {
  const holder = globalThis as { [API_KEY]?: RegisteredApi };
  return (holder[API_KEY] ??= Object.defineProperty({}, 'version', {
    get: () => (registering ? versionOfCaller() : undefined) ?? API_VERSION,
    enumerable: true,
  }) as RegisteredApi);
}

/**
 * Keeps the slots of the API ours, and lets registrations that come later succeed all the same: whoever registers is told that it
 * worked, its part is kept here, and everybody who uses the API still finds ours. Refusing them, as the API does for a second
 * registration, would leave the other SDK without a single span.
 *
 * @param ours the parts that are in the slots now
 * @param onTracerProvider called with what the API registers at each later registration of a tracer provider: a proxy, still empty
 * @returns a function that ends it: what was registered later is then what everybody finds
 */
export function keepSlots(ours: Slots, onTracerProvider: (provider: unknown) => void): () => void {
  const holder = globalThis as { [API_KEY]?: RegisteredApi };
  const api = apiObject();
  const later: Slots = {};
  const held = PARTS.filter((part) => ours[part] !== undefined);
  for (const part of held) {
    Object.defineProperty(api, part, {
      get: () => (registering ? undefined : ours[part]),
      set(value: unknown) {
        registering = false;
        later[part] = value;
        if (part === 'trace') onTracerProvider(value);
      },
      enumerable: true,
      configurable: true,
    });
  }
  let current: RegisteredApi | undefined = api;
  Object.defineProperty(holder, API_KEY, {
    get() {
      registering = false;
      return current;
    },
    set(value: RegisteredApi | undefined) {
      registering = value === api;
      current = value;
    },
    enumerable: true,
    configurable: true,
  });
  return () => {
    registering = false;
    Object.defineProperty(holder, API_KEY, { value: current, writable: true, enumerable: true, configurable: true });
    for (const part of held) {
      // The app has disabled it itself, or registered anew after that.
      if (Object.getOwnPropertyDescriptor(api, part)?.get === undefined) continue;
      delete api[part];
      if (later[part] !== undefined) api[part] = later[part];
    }
  };
}

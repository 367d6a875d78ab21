import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import { diag } from '../core/diag.ts';

/** What of ours becomes global in `@opentelemetry/api`. */
export interface GlobalParts {
  readonly trace: TracerProvider;
  readonly context: ContextManager;
  readonly propagation: TextMapPropagator;
}

/** The way into `@opentelemetry/api`. What somebody else has registered first stays theirs, and one line says so. */
export interface GlobalApi {
  /** @returns whether the spans of the API are ours; with a tracer provider of somebody else nothing is registered */
  register(parts: GlobalParts): boolean;
  unregister(): void;
}

const PARTS = ['trace', 'context', 'propagation'] as const;

export function sayTaken(part: string): void {
  diag.warn(
    'SIGHTLINE_W_API_TAKEN',
    `the ${part} part of @opentelemetry/api is registered by somebody else, wanted it free; it stays theirs, and joins only what it knows. Load sightline/register first to have everything in one trace`,
  );
}

/** Where every copy of `@opentelemetry/api` 1.x looks, and the version of the interface that our parts implement. */
const API_KEY = Symbol.for('opentelemetry.js.api.1');
const API_VERSION = '1.10.0';

type Registered = { version: string } & Partial<Record<keyof GlobalParts, unknown>>;

/**
 * For the one line: puts our parts where the API looks for them, without loading its forty-odd modules. Copies of the API that the
 * app loads later, up to the version above, find them there.
 */
export function createDirectApi(): GlobalApi {
  const holder = globalThis as { [API_KEY]?: Registered };
  let registered: Partial<GlobalParts> = {};
  return {
    register(parts) {
      // As the API makes it: a copy that registers something checks that the version is its own.
      const api = (holder[API_KEY] ??= Object.defineProperty({}, 'version', {
        value: API_VERSION,
        enumerable: true,
      }) as Registered);
      if (api.trace !== undefined) return false;
      for (const part of PARTS) {
        if (api[part] !== undefined) {
          sayTaken(part);
          continue;
        }
        api[part] = parts[part];
        registered = { ...registered, [part]: parts[part] };
      }
      parts.context.enable();
      return true;
    },
    unregister() {
      const api = holder[API_KEY];
      for (const part of PARTS) if (api !== undefined && api[part] === registered[part]) delete api[part];
      registered.context?.disable();
      registered = {};
    },
  };
}

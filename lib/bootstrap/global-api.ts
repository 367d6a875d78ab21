import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import { diag } from '../core/diag.ts';
import { apiObject, keepSlots, PARTS } from './registrations.ts';

/** What of ours becomes global in `@opentelemetry/api`. */
export interface GlobalParts {
  readonly trace: TracerProvider;
  readonly context: ContextManager;
  readonly propagation: TextMapPropagator;
}

/** The way into `@opentelemetry/api`. What somebody else has registered first stays theirs, and one line says so. */
export interface GlobalApi {
  /**
   * @param onTracerProvider called when somebody registers a tracer provider later
   * @returns whether the spans of the API are ours; with a tracer provider of somebody else nothing is registered
   */
  register(parts: GlobalParts, onTracerProvider: (provider: unknown) => void): boolean;
  unregister(): void;
}

export function sayTaken(part: string): void {
  diag.warn(
    'SIGHTLINE_W_API_TAKEN',
    `the ${part} part of @opentelemetry/api is registered by somebody else, wanted it free; it stays theirs, and joins only what it knows. Load sightline/register first to have everything in one trace`,
  );
}

/**
 * For the one line: puts our parts where the API looks for them, without loading its forty-odd modules. Copies of the API that the
 * app loads later, up to the version that we know, find them there.
 */
export function createDirectApi(): GlobalApi {
  let end = () => {};
  return {
    register(parts, onTracerProvider) {
      const api = apiObject();
      if (api.trace !== undefined) return false;
      const ours: Partial<GlobalParts> = {};
      for (const part of PARTS) {
        if (api[part] === undefined) Object.assign(ours, { [part]: parts[part] });
        else sayTaken(part);
      }
      end = keepSlots(ours, onTracerProvider);
      parts.context.enable();
      const { context } = parts;
      const release = end;
      end = () => {
        release();
        context.disable();
      };
      return true;
    },
    unregister() {
      end();
      end = () => {};
    },
  };
}

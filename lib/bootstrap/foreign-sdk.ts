import type { Context, TracerProvider } from '@opentelemetry/api';
import {
  isSightlineSpanProcessor,
  type SightlineSpanProcessor,
  sightlineSpanProcessor,
} from '../traces/span-processor.ts';

/** Proxies of proxies that are followed: several copies of the API may have wrapped a provider. */
const MAX_PROXIES = 8;

/** A tracer provider of another SDK, with a processor of ours in it. */
export interface ForeignSdk {
  readonly provider: TracerProvider;
  readonly processor: SightlineSpanProcessor;
}

interface Processor {
  onStart(span: object, context: Context): void;
  onEnding?(span: object): void;
  onEnd(span: object): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** What the SDK keeps to itself. Whatever is missing or something else means that this is another SDK. */
interface SdkInside {
  /** Up to 1.x. */
  addSpanProcessor?(processor: Processor): void;
  readonly _registeredSpanProcessors?: unknown;
  activeSpanProcessor?: Processor;
  /** From 2.0 on. */
  readonly _activeSpanProcessor?: { _spanProcessors?: unknown };
}

/** The provider behind what the API hands out. */
export function providerBehind(registered: unknown): TracerProvider | undefined {
  let provider = registered as (TracerProvider & { getDelegate?: () => unknown }) | undefined;
  for (let depth = 0; depth < MAX_PROXIES; depth += 1) {
    if (typeof provider?.getDelegate !== 'function') break;
    provider = provider.getDelegate() as typeof provider;
  }
  return typeof provider?.getTracer === 'function' ? provider : undefined;
}

function processorsOf(provider: TracerProvider): unknown[] {
  const inside = provider as SdkInside;
  const found = inside._registeredSpanProcessors ?? inside._activeSpanProcessor?._spanProcessors;
  return Array.isArray(found) ? found : [];
}

/** Two processors as one, for an SDK that has a default one which it would end if it were given another. */
function both(first: Processor, second: Processor): Processor {
  return {
    onStart(span, context) {
      first.onStart(span, context);
      second.onStart(span, context);
    },
    onEnd(span) {
      first.onEnd(span);
      second.onEnd(span);
    },
    forceFlush: async () => void (await Promise.all([first.forceFlush(), second.forceFlush()])),
    shutdown: async () => void (await Promise.all([first.shutdown(), second.shutdown()])),
  };
}

/** @returns false when the inside of the provider is not as that of the SDK */
function add(provider: TracerProvider, processor: Processor): boolean {
  const inside = provider as SdkInside;
  if (typeof inside.addSpanProcessor === 'function' && Array.isArray(inside._registeredSpanProcessors)) {
    if (inside._registeredSpanProcessors.length > 0) inside.addSpanProcessor(processor);
    else if (inside.activeSpanProcessor !== undefined)
      inside.activeSpanProcessor = both(inside.activeSpanProcessor, processor);
    else return false;
    return true;
  }
  const multi = inside._activeSpanProcessor;
  if (multi === undefined || !Array.isArray(multi._spanProcessors)) return false;
  // A copy: the list may be the one that the app has given.
  multi._spanProcessors = [...multi._spanProcessors, processor];
  return true;
}

/**
 * Finds the SDK behind what was registered with the API, and sees to it that our processor is in it, once.
 *
 * @returns undefined when it is no OpenTelemetry SDK for JavaScript, 1 to 3: nothing is changed then
 */
export function joinSdk(registered: unknown): ForeignSdk | undefined {
  const provider = providerBehind(registered);
  if (provider === undefined) return undefined;
  const given = processorsOf(provider).find(isSightlineSpanProcessor);
  if (given !== undefined) return { provider, processor: given };
  const processor = sightlineSpanProcessor();
  return add(provider, processor) ? { provider, processor } : undefined;
}

/**
 * Whether this is the SDK inside Sentry 8 to 10 with its tracing off: it registers itself all the same, records no span at all, and
 * would take ours with it.
 */
export function recordsNothing(provider: TracerProvider): boolean {
  const inside = provider as { _config?: { sampler?: unknown }; _tracerOptions?: { sampler?: unknown } };
  const sampler = (inside._tracerOptions ?? inside._config)?.sampler as
    | { _client?: { getOptions?(): Record<string, unknown> } }
    | undefined;
  const options = sampler?._client?.getOptions?.();
  if (sampler?.constructor?.name !== 'SentrySampler' || options === undefined) return false;
  return options['tracesSampleRate'] == null && options['tracesSampler'] == null;
}

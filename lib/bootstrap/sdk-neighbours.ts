import { registeredProvider } from '../context/guest-span.ts';
import { diag } from '../core/diag.ts';
import { reportBug } from '../core/fence.ts';
import { NEXT_TRACER, watchNext } from '../instruments/next.ts';
import { SpanKind } from '../model/span.ts';
import { createYieldingTracing, type DuplicateRule, type YieldingTracing } from '../traces/guest.ts';
import type { SightlineSpanProcessor } from '../traces/span-processor.ts';
import type { Tracing } from '../traces/tracing.ts';
import { type ForeignSdk, joinSdk, providerBehind, recordsNothing } from './foreign-sdk.ts';

/** Who makes the same HTTP spans as our instruments, and which of ours that is, for servers and for clients. */
interface SameWork {
  readonly server?: string;
  readonly client?: string;
  /** Made of itself, by a framework: nobody needs to be told. */
  readonly silent?: true;
}

const SAME_WORK: ReadonlyMap<string, SameWork> = new Map([
  ['@opentelemetry/instrumentation-http', { server: 'http', client: 'http' }],
  ['@opentelemetry/instrumentation-undici', { client: 'undici' }],
  // Sentry 8 to 10: by the tracer of its client, and by that of its instrumentation.
  ['@sentry/node', { server: 'http', client: 'http' }],
  ['@sentry/instrumentation-http', { server: 'http', client: 'http' }],
  [NEXT_TRACER, { server: 'http', client: 'undici', silent: true }],
]);

/** The other SDKs of a process, and who makes the spans (docs/neighbours.md). */
export interface SdkNeighbours {
  readonly tracing: YieldingTracing;
  /** HTTP spans of others that are left out in this moment. */
  readonly duplicates: DuplicateRule;
  /** Another SDK was registered before us. */
  stepBack(): void;
  /** Another SDK registers itself now. */
  onTracerProvider(registered: unknown): void;
  /** The SDK with this processor has ended. */
  onLeft(processor: SightlineSpanProcessor): void;
}

function say(sentence: string): void {
  diag.warn('SIGHTLINE_W_NEIGHBOUR', sentence);
}

/** What the API registers is a proxy; the provider is put into it right after. */
function whenComplete(registered: unknown, body: () => void): void {
  const proxy = registered as { setDelegate?: unknown };
  const { setDelegate } = proxy;
  if (typeof setDelegate !== 'function') {
    body();
    return;
  }
  proxy.setDelegate = (provider: unknown) => {
    Reflect.deleteProperty(proxy, 'setDelegate');
    Reflect.apply(setDelegate, proxy, [provider]);
    body();
  };
}

class Neighbours implements SdkNeighbours {
  readonly tracing: YieldingTracing;
  readonly duplicates: DuplicateRule;
  private host: ForeignSdk | undefined = undefined;
  private named = false;

  /** @param enabled whether an instrument of ours is on, by its standard name */
  constructor(own: Tracing, enabled: (name: string) => boolean) {
    const rule: DuplicateRule = {
      isDuplicate(scope, kind) {
        const instrument = SAME_WORK.get(scope)?.[kind === SpanKind.SERVER ? 'server' : 'client'];
        return instrument !== undefined && enabled(instrument);
      },
      onDuplicate: (scope) => this.sayDuplicate(scope),
      watcher: (scope) => (scope === NEXT_TRACER && enabled('http') ? watchNext : undefined),
    };
    this.tracing = createYieldingTracing(own, rule);
    this.duplicates = {
      ...rule,
      isDuplicate: (scope, kind) => !this.tracing.isGuest && rule.isDuplicate(scope, kind),
    };
  }

  stepBack(): void {
    const sdk = joinSdk(registeredProvider());
    this.tracing.stepBack();
    this.named = true;
    say(
      sdk === undefined
        ? 'another tracer provider was registered with @opentelemetry/api first; it makes the spans, and they are not seen here. IDs, logs and metrics work and name its traces. Load sightline/register first to have the spans here instead'
        : 'an OpenTelemetry SDK was started before Sightline; it makes the spans, for its own exporters, and Sightline gets a copy of each. IDs, logs and metrics name its traces',
    );
  }

  onTracerProvider(registered: unknown): void {
    whenComplete(registered, () => {
      try {
        this.meet(registered);
      } catch (error) {
        reportBug('another tracer provider', error);
      }
    });
  }

  private meet(registered: unknown): void {
    const provider = providerBehind(registered);
    if (provider === undefined || provider === this.tracing.provider || provider === this.host?.provider) return;
    if (recordsNothing(provider)) return;
    const sdk = joinSdk(provider);
    this.named = true;
    if (sdk === undefined) {
      say(
        'another tracer provider was registered with @opentelemetry/api after Sightline, and is no OpenTelemetry SDK that is known here; spans made through the API come here alone. Load it before sightline/register to have it make them',
      );
      return;
    }
    this.host = sdk;
    this.tracing.follow(sdk.provider);
    say(
      'an OpenTelemetry SDK was started after Sightline; it makes all spans from now on, by its sampler, for its own exporters, and Sightline gets a copy of each. HTTP spans are those of Sightline alone',
    );
  }

  onLeft(processor: SightlineSpanProcessor): void {
    if (this.host?.processor !== processor) return;
    this.tracing.lead(this.host.provider);
    this.host = undefined;
  }

  private sayDuplicate(scope: string): void {
    const work = SAME_WORK.get(scope);
    if (this.named || work?.silent === true) return;
    say(
      `${scope} is active too; its HTTP spans are left out, Sightline makes the same, and all other spans made through @opentelemetry/api come here. OTEL_NODE_DISABLED_INSTRUMENTATIONS=${work?.server ?? work?.client} leaves them to it`,
    );
  }
}

/** @param enabled whether an instrument of ours is on, by its standard name */
export function createSdkNeighbours(own: Tracing, enabled: (name: string) => boolean): SdkNeighbours {
  return new Neighbours(own, enabled);
}

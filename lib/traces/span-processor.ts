import type { Context, Span } from '@opentelemetry/api';
import { reportBug } from '../core/fence.ts';
import { kOwn, kSpanIntake } from '../core/symbols.ts';
import type { ForeignSpan } from './foreign-span.ts';

/** Takes the spans of other SDKs for the running observation. */
export interface SpanIntake {
  /** A span begins below what `parentContext`, a context of the API, holds. */
  started(span: Span & Partial<ForeignSpan>, parentContext: Context): void;
  /** A span has ended. */
  ended(span: ForeignSpan): void;
  /** The SDK that this processor belongs to takes no more spans. */
  left(processor: SightlineSpanProcessor): void;
  /** Resolves when what was taken is acknowledged by its backend, or at the deadline (`SIGHTLINE_SHUTDOWN_TIMEOUT`). */
  flush(): Promise<void>;
}

/** A span processor for the OpenTelemetry SDK for JavaScript, versions 1, 2 and 3. */
export interface SightlineSpanProcessor {
  onStart(span: object, parentContext: Context): void;
  onEnd(span: object): void;
  /** Resolves when everything taken so far is acknowledged by its backend, or at the deadline of a flush. Never rejects. */
  forceFlush(): Promise<void>;
  /** Takes no more spans. What was taken is in the journal, and is delivered as ever. Never rejects. */
  shutdown(): Promise<void>;
}

/** The intake of the observation that runs in this process, whichever copy of the package has started it. */
function intake(): SpanIntake | undefined {
  return (globalThis as { [kSpanIntake]?: SpanIntake })[kSpanIntake];
}

/** Makes `port` the intake of this process. @returns a function that takes it back */
export function openIntake(port: SpanIntake): () => void {
  Object.defineProperty(globalThis, kSpanIntake, { value: port, configurable: true });
  return () => {
    if (intake() === port) Reflect.deleteProperty(globalThis, kSpanIntake);
  };
}

/** Whether a processor is one of ours, of this copy of the package or another. */
export function isSightlineSpanProcessor(value: unknown): value is SightlineSpanProcessor {
  return typeof value === 'object' && value !== null && (value as { [kOwn]?: unknown })[kOwn] === true;
}

/** Holds nothing: what it sees goes to whatever observation runs at that moment. */
class Processor implements SightlineSpanProcessor {
  readonly [kOwn] = true;
  private closed = false;

  onStart(span: object, parentContext: Context): void {
    if (this.closed) return;
    try {
      intake()?.started(span as Span, parentContext);
    } catch (error) {
      reportBug('span processor', error);
    }
  }

  onEnd(span: object): void {
    if (this.closed) return;
    try {
      intake()?.ended(span as ForeignSpan);
    } catch (error) {
      reportBug('span processor', error);
    }
  }

  async forceFlush(): Promise<void> {
    try {
      await intake()?.flush();
    } catch (error) {
      reportBug('span processor', error);
    }
  }

  shutdown(): Promise<void> {
    this.closed = true;
    try {
      intake()?.left(this);
    } catch (error) {
      reportBug('span processor', error);
    }
    return Promise.resolve();
  }
}

/**
 * A span processor for an app's own OpenTelemetry SDK (`NodeSDK`, `NodeTracerProvider`, `BasicTracerProvider`, `TracerProvider`;
 * SDK 1, 2 and 3): what that SDK records and samples reaches Sightline's journal as well, with the correlation ID, redacted, within
 * the limits of `OTEL_SPAN_*_LIMIT`. The SDK's own exporters get everything as before.
 *
 * It is added by itself to an SDK that registers itself with `@opentelemetry/api`; giving it changes nothing there (a span is taken
 * once). Needed for a provider that is not registered, and for one that a processor cannot be added to.
 * While nothing is observed (neither `sightline/register` nor `observe()`) it does nothing.
 *
 * @example new NodeSDK({ spanProcessors: [new BatchSpanProcessor(exporter), sightlineSpanProcessor()] })
 */
export function sightlineSpanProcessor(): SightlineSpanProcessor {
  return new Processor();
}

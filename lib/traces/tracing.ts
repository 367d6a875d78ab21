import type { Link, Span, SpanContext, TracerProvider } from '@opentelemetry/api';
import type { SpanKind } from '../model/span.ts';
import type { RequestTarget } from './route-rules.ts';

/** What a span may be started with beyond its name, kind and parent. */
export interface SpanStart {
  readonly links?: Link[] | undefined;
  /** Of the span of an inbound request: rules of sampling go by it. */
  readonly target?: RequestTarget | undefined;
}

/** The name under which our own instruments make spans, whoever's tracer it is. */
export const OWN_SCOPE_NAME = 'sightline';

/**
 * How the rest of the package makes spans. Two implementations: our engine (`traces/engine.ts`, default) and the
 * stock `NodeSDK` (`delivery/direct/`).
 */
export interface Tracing {
  /** The provider that becomes global in `@opentelemetry/api`. */
  readonly provider: TracerProvider;
  /**
   * Starts a span now. The sampler decides; an unsampled span is not recording but has a valid context.
   * @param parent the remote or local parent, undefined for a new trace
   */
  start(name: string, kind: SpanKind, parent: SpanContext | undefined, start?: SpanStart): Span;
}

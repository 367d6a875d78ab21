import type { Span, SpanContext, Tracer } from '@opentelemetry/api';
import { active, withoutSuppression } from '../context/context.ts';
import { NonRecordingSpan } from '../context/non-recording-span.ts';
import { SpanKind } from '../model/span.ts';
import type { SpanStart } from './tracing.ts';

/** Under it a context carries the request that its next span is of. */
export const TARGET_KEY = Symbol('sightline.target');

/** The parameters of `Tracing.start`. */
export interface ThroughStart {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parent: SpanContext | undefined;
  readonly start?: SpanStart | undefined;
}

/** Starts a span of our instruments with a tracer of somebody else's, which takes the parent from a context. */
export function startThrough(tracer: Tracer, { name, kind, parent, start }: ThroughStart): Span {
  const { links, target } = start ?? {};
  // A server's requests come from outside; the suppression that its socket may have inherited is about somebody else's work.
  const here = kind === SpanKind.SERVER ? withoutSuppression(active()) : active();
  const context = here.withSpan(parent === undefined ? undefined : new NonRecordingSpan(parent));
  return tracer.startSpan(
    name,
    { kind, root: parent === undefined, ...(links !== undefined && { links }) },
    target === undefined ? context : context.setValue(TARGET_KEY, target),
  );
}

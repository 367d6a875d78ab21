import type { Span, SpanContext } from '@opentelemetry/api';
import { NO_SPAN_CONTEXT } from './span-context.ts';

/** A span that only carries its context: a remote parent, or a span that the sampler did not choose. Every change is ignored. */
export class NonRecordingSpan implements Span {
  private readonly context: SpanContext;
  /** The correlation ID under which it was started: found again when the span alone is handed on. */
  readonly correlationId: string | undefined;

  constructor(context: SpanContext, correlationId?: string | undefined) {
    this.context = context;
    this.correlationId = correlationId;
  }

  spanContext(): SpanContext {
    return this.context;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  end(): void {}

  isRecording(): boolean {
    return false;
  }

  recordException(): void {}
}

/** What starting a span gives where tracing is suppressed: an invalid context, which is never sent anywhere. */
export const SUPPRESSED_SPAN: Span = new NonRecordingSpan(NO_SPAN_CONTEXT);

import type { Exception, Link, Span, SpanAttributes, SpanContext, SpanStatus, TimeInput } from '@opentelemetry/api';
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

  setAttribute(_key: string, _value: unknown): this {
    return this;
  }

  setAttributes(_attributes: SpanAttributes): this {
    return this;
  }

  addEvent(_name: string, _attributes?: SpanAttributes | TimeInput, _time?: TimeInput): this {
    return this;
  }

  addLink(_link: Link): this {
    return this;
  }

  addLinks(_links: Link[]): this {
    return this;
  }

  setStatus(_status: SpanStatus): this {
    return this;
  }

  updateName(_name: string): this {
    return this;
  }

  end(_time?: TimeInput): void {}

  isRecording(): boolean {
    return false;
  }

  recordException(_exception: Exception, _time?: TimeInput): void {}
}

/** What starting a span gives where tracing is suppressed: an invalid context, which is never sent anywhere. */
export const SUPPRESSED_SPAN: Span = new NonRecordingSpan(NO_SPAN_CONTEXT);

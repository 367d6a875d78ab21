import type { IncomingHttpHeaders } from 'node:http';
import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { reportBug } from '../core/fence.ts';
import { isTracingSuppressed, type ObservationContext, toObservationContext, withSamplingDecision } from './context.ts';
import { correlationIdOf } from './correlation.ts';
import { pickCorrelationId } from './correlation-id.ts';
import { DuplicateSpan } from './guest-span.ts';
import { NonRecordingSpan } from './non-recording-span.ts';
import { extract, inboundFields, inject, type PropagationFormat } from './propagation.ts';

const DEFAULT_FORMATS: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3'];
const DEFAULT_CORRELATION_HEADERS: readonly string[] = ['x-correlation-id', 'x-request-id'];

export interface PropagatorOptions {
  /** `OTEL_PROPAGATORS`; default `tracecontext,baggage,b3`. */
  readonly formats?: readonly PropagationFormat[];
  /** `SIGHTLINE_CORRELATION_HEADERS`, lower case: read in this order, the first is the one that is sent. */
  readonly correlationHeaders?: readonly string[];
  /** Called for every inbound correlation ID that was not acceptable. */
  readonly onRejected?: () => void;
}

/**
 * The propagator that becomes global in `@opentelemetry/api`: what contrib instrumentations (queues, gRPC, …) send and read is then the
 * same as over our own HTTP instruments, correlation ID included.
 */
export class SightlinePropagator implements TextMapPropagator {
  private readonly formats: readonly PropagationFormat[];
  private readonly correlationHeaders: readonly string[];
  private readonly names: readonly string[];
  private readonly onRejected: (() => void) | undefined;

  constructor(options: PropagatorOptions = {}) {
    this.formats = options.formats ?? DEFAULT_FORMATS;
    this.correlationHeaders = options.correlationHeaders ?? DEFAULT_CORRELATION_HEADERS;
    this.names = [...inboundFields(this.formats), ...this.correlationHeaders];
    this.onRejected = options.onRejected;
  }

  inject<Carrier>(context: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
    try {
      const own = toObservationContext(context);
      // The instrument that makes the real span puts its headers on the request itself.
      if (isTracingSuppressed(own) || own.span instanceof DuplicateSpan) return;
      const set = (name: string, value: string): void => {
        try {
          setter.set(carrier, name, value);
        } catch {
          // The carrier or its setter refuses: the caller's matter, and the other headers may still fit.
        }
      };
      inject(this.formats, own.span?.spanContext(), own.baggage, set);
      const id = correlationIdOf(own);
      const header = this.correlationHeaders[0];
      if (id !== undefined && header !== undefined) set(header, id);
    } catch (error) {
      reportBug('propagator.inject', error);
    }
  }

  extract<Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context {
    try {
      return this.read(toObservationContext(context), this.headersOf(carrier, getter));
    } catch (error) {
      reportBug('propagator.extract', error);
      return context;
    }
  }

  private headersOf<Carrier>(carrier: Carrier, getter: TextMapGetter<Carrier>): IncomingHttpHeaders {
    const headers: IncomingHttpHeaders = {};
    for (const name of this.names) {
      const value = carried(carrier, name, getter);
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }

  private read(context: ObservationContext, headers: IncomingHttpHeaders): ObservationContext {
    const inbound = extract(headers, this.formats);
    const picked = pickCorrelationId(headers, this.correlationHeaders);
    if (picked.rejected) this.onRejected?.();
    let result = context;
    if (inbound?.baggage !== undefined) result = result.withBaggage(inbound.baggage);
    if (picked.id !== undefined) result = result.withCorrelationId(picked.id);
    if (inbound?.spanContext !== undefined)
      return result.withSpan(new NonRecordingSpan(inbound.spanContext, picked.id));
    if (inbound?.sampled !== undefined)
      result = withSamplingDecision(result, { sampled: inbound.sampled, debug: inbound.debug });
    return result;
  }

  /** The names that `inject` may set. */
  fields(): string[] {
    const fields: string[] = [];
    if (this.formats.includes('tracecontext')) fields.push('traceparent', 'tracestate');
    if (this.formats.includes('baggage')) fields.push('baggage');
    if (this.formats.includes('b3')) fields.push('b3');
    if (this.formats.includes('b3multi')) fields.push('x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags');
    return [...fields, ...this.correlationHeaders.slice(0, 1)];
  }
}

/** What the caller's getter gives, several values as one; a getter that throws, or gives no text, has nothing. */
function carried<Carrier>(carrier: Carrier, name: string, getter: TextMapGetter<Carrier>): string | undefined {
  try {
    const value: unknown = getter.get(carrier, name);
    if (typeof value === 'string') return value;
    if (!Array.isArray(value) || value.length === 0) return undefined;
    return value.filter((part) => typeof part === 'string').join(', ');
  } catch {
    return undefined;
  }
}

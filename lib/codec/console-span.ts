import type { Resource } from '../model/resource.ts';
import type { SpanData } from '../model/span.ts';
import { resourceAttributes } from './otlp-span.ts';

const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_MICRO = 1000;

/** `HrTime` of the OpenTelemetry API: seconds and nanoseconds. */
function hrTime(micros: number): [number, number] {
  return [Math.floor(micros / MICROS_PER_SECOND), (micros % MICROS_PER_SECOND) * NANOS_PER_MICRO];
}

/** JSON has no such numbers, and null would say that there was none. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/**
 * Makes the encoder of one process: a finished span as one line of JSON, with the names and units of `ConsoleSpanExporter` of
 * `@opentelemetry/sdk-trace` 0.301.0 (`timestamp` and `duration` in microseconds, times of events as `[seconds, nanoseconds]`).
 * `traceState` and the flags of contexts are not known here.
 *
 * @returns a function that gives JSON text without line ends
 */
export function createConsoleSpanEncoder(resource: Resource): (span: SpanData) => string {
  const attributes = resourceAttributes(resource);
  return (span) =>
    JSON.stringify(
      {
        resource: { attributes },
        instrumentationScope: { name: span.scopeName, version: span.scopeVersion },
        traceId: span.traceId,
        parentSpanContext:
          span.parentSpanId === undefined ? undefined : { traceId: span.traceId, spanId: span.parentSpanId },
        name: span.name,
        id: span.spanId,
        kind: span.kind,
        timestamp: span.startMicros,
        duration: span.durationMicros,
        attributes: span.attributes,
        status: { code: span.statusCode, message: span.statusMessage },
        events: span.events.map((event) => ({
          name: event.name,
          attributes: event.attributes,
          time: hrTime(event.timeMicros),
        })),
        links: span.links.map((link) => ({
          context: { traceId: link.traceId, spanId: link.spanId },
          attributes: link.attributes,
        })),
      },
      finite,
    );
}

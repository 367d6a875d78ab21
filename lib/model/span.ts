import type { Attributes } from './attributes.ts';

/** Span kinds, with the numbers of `@opentelemetry/api`. */
export const SpanKind = { INTERNAL: 0, SERVER: 1, CLIENT: 2, PRODUCER: 3, CONSUMER: 4 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

/** Status codes, with the numbers of `@opentelemetry/api`. */
export const StatusCode = { UNSET: 0, OK: 1, ERROR: 2 } as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

export interface SpanEvent {
  readonly name: string;
  /** Microseconds since the epoch. */
  readonly timeMicros: number;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** A span that has ended: what codecs encode and couriers carry. Never changed after it was made. */
export interface SpanData {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** 16 lower-case hex digits, or undefined for a root. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Microseconds since the epoch, whole. */
  readonly startMicros: number;
  /** Whole microseconds, at least 1 (Zipkin v2 treats 0 as unknown). */
  readonly durationMicros: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly statusCode: StatusCode;
  readonly statusMessage: string | undefined;
  /** Instrumentation scope; empty strings when unknown. */
  readonly scopeName: string;
  readonly scopeVersion: string;
  /** What the limits of the specification have cut. */
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
  /** B3 debug: the backend must keep the span whatever it samples itself (Zipkin v2 `debug`). */
  readonly debug?: boolean;
}

import type { ZipkinSpan } from '../zipkin-span.ts';

/** A trace search of the Zipkin v2 API. Source: zipkin-api `zipkin2-api.yaml`, GET /traces. */
export interface TraceQuery {
  readonly serviceName: string | undefined;
  readonly remoteServiceName: string | undefined;
  readonly spanName: string | undefined;
  /** Tag key to value; an empty value asks for the key, or for an annotation of that text. */
  readonly annotationQuery: Readonly<Record<string, string>>;
  /** Microseconds. */
  readonly minDuration: number | undefined;
  /** Microseconds. */
  readonly maxDuration: number | undefined;
  /** Milliseconds since the epoch. */
  readonly endTs: number;
  /** Milliseconds before `endTs`. */
  readonly lookback: number;
  readonly limit: number;
}

/**
 * Whether a trace answers a query. The rules are Zipkin's (`zipkin2.storage.QueryRequest#test`): the service name, when
 * given, constrains all other conditions; they may be met by different spans of that service; a trace lies in the time
 * window by its root's timestamp, or its earliest when no root is known.
 */
export function traceMatches(spans: readonly ZipkinSpan[], query: TraceQuery): boolean {
  const timestamp = traceTimestamp(spans);
  if (timestamp < (query.endTs - query.lookback) * 1000 || timestamp > query.endTs * 1000 || timestamp === 0)
    return false;
  const service = query.serviceName?.toLowerCase();
  const own = spans.filter((span) => service === undefined || lower(span.localEndpoint?.serviceName) === service);
  if (own.length === 0) return false;
  const { remoteServiceName, spanName } = query;
  if (
    remoteServiceName !== undefined &&
    !own.some((span) => lower(span.remoteEndpoint?.serviceName) === remoteServiceName.toLowerCase())
  )
    return false;
  if (spanName !== undefined && !own.some((span) => lower(span.name) === spanName.toLowerCase())) return false;
  if (
    !Object.entries(query.annotationQuery).every(([key, value]) => own.some((span) => hasAnnotation(span, key, value)))
  )
    return false;
  const { minDuration, maxDuration } = query;
  if (minDuration === undefined) return true;
  return own.some(
    (span) => (span.duration ?? 0) >= minDuration && (maxDuration === undefined || (span.duration ?? 0) <= maxDuration),
  );
}

function lower(text: string | undefined): string | undefined {
  return text?.toLowerCase();
}

function hasAnnotation(span: ZipkinSpan, key: string, value: string): boolean {
  if (value === '' && span.annotations?.some((annotation) => annotation.value === key)) return true;
  const tag = span.tags !== undefined && Object.hasOwn(span.tags, key) ? span.tags[key] : undefined;
  return tag !== undefined && (value === '' || value === tag);
}

/** Microseconds: of the root span, else the earliest; 0 when no span has a timestamp. */
export function traceTimestamp(spans: readonly ZipkinSpan[]): number {
  let earliest = 0;
  for (const span of spans) {
    const timestamp = span.timestamp ?? 0;
    if (timestamp === 0) continue;
    if (span.parentId === undefined) return timestamp;
    if (earliest === 0 || timestamp < earliest) earliest = timestamp;
  }
  return earliest;
}

import { logLevelOf } from './ingest/log-document.ts';
import { fieldText, type JsonValue } from './query/document-fields.ts';
import type { CorrelationRows, Labels } from './store/store.ts';
import { spanFailed, type ZipkinSpan } from './zipkin-span.ts';

export interface CorrelationError {
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly service: string;
  readonly source: 'span' | 'log';
  readonly type: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

export interface CorrelationExemplar {
  readonly metric: string;
  readonly seriesLabels: Labels;
  readonly labels: Labels;
  readonly traceId: string;
  readonly spanId: string | undefined;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** One moment of the time line: where it stands in the list of its kind. */
export interface Moment {
  /** Microseconds since the epoch. */
  readonly at: number;
  readonly kind: 'span' | 'log' | 'exemplar';
  readonly index: number;
}

/** Everything under one ID: the answer of `GET /api/sightline/correlation/{id}`. Every list is in order of time. */
export interface CorrelationView {
  readonly id: string;
  readonly traceIds: readonly string[];
  readonly correlationIds: readonly string[];
  readonly services: readonly string[];
  /** Microseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMicros: number;
  /** Zipkin v2. */
  readonly spans: readonly ZipkinSpan[];
  /** Documents as they came. */
  readonly logs: readonly JsonValue[];
  readonly exemplars: readonly CorrelationExemplar[];
  readonly errors: readonly CorrelationError[];
  readonly timeline: readonly Moment[];
  /** A bound has cut something. */
  readonly truncated: boolean;
}

/** Joins what is known under one ID into one time line. */
export function joinCorrelation(id: string, rows: CorrelationRows): CorrelationView {
  const spans = rows.spans.map((body) => JSON.parse(body) as ZipkinSpan);
  const logs = rows.logs.map((hit) => ({ at: hit.timestamp, document: JSON.parse(hit.body) as JsonValue }));
  const exemplars = rows.exemplars.map(
    (exemplar): CorrelationExemplar => ({
      metric: exemplar.seriesLabels['__name__'] ?? '',
      seriesLabels: exemplar.seriesLabels,
      labels: exemplar.labels,
      traceId: exemplar.labels['trace_id'] ?? '',
      spanId: exemplar.labels['span_id'],
      value: exemplar.value,
      timestamp: exemplar.timestamp,
    }),
  );
  const services = new Set<string>();
  for (const span of spans)
    if (span.localEndpoint?.serviceName !== undefined) services.add(span.localEndpoint.serviceName);
  for (const { document } of logs) {
    const service = fieldText(document, 'service.name');
    if (service !== undefined) services.add(service);
  }
  const timeline = [
    ...spans.map((span, index): Moment => ({ at: span.timestamp ?? 0, kind: 'span', index })),
    ...logs.map(({ at }, index): Moment => ({ at, kind: 'log', index })),
    ...exemplars.map(({ timestamp }, index): Moment => ({ at: timestamp * 1000, kind: 'exemplar', index })),
  ].sort((one, other) => one.at - other.at);
  const bounds = boundsOf(spans, logs);
  return {
    id,
    traceIds: rows.traceIds,
    correlationIds: rows.correlationIds,
    services: [...services],
    ...bounds,
    spans,
    logs: logs.map(({ document }) => document),
    exemplars,
    errors: [...spans.flatMap(errorOfSpan), ...logs.flatMap(({ at, document }) => errorOfLog(at, document))].sort(
      (one, other) => one.timestamp - other.timestamp,
    ),
    timeline,
    truncated: rows.truncated,
  };
}

const MILLISECOND = 1000;

function boundsOf(
  spans: readonly ZipkinSpan[],
  logs: readonly { at: number }[],
): { startedAt: number; durationMicros: number } {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const span of spans) {
    if (span.timestamp === undefined) continue;
    start = Math.min(start, span.timestamp);
    end = Math.max(end, span.timestamp + (span.duration ?? 0));
  }
  // Lines that come after the last span (a job that was started) belong to the picture; lines alone make one too.
  for (const { at } of logs) {
    // Most loggers cut to milliseconds: a line of the first millisecond was not written before its request.
    if (at + MILLISECOND <= start) start = at;
    end = Math.max(end, at);
  }
  return Number.isFinite(start)
    ? { startedAt: start, durationMicros: Math.max(0, end - start) }
    : { startedAt: 0, durationMicros: 0 };
}

/** Where the failure shows: at the end of the span. */
function errorOfSpan(span: ZipkinSpan): CorrelationError[] {
  if (!spanFailed(span)) return [];
  const tags = span.tags ?? {};
  return [
    {
      timestamp: (span.timestamp ?? 0) + (span.duration ?? 0),
      service: span.localEndpoint?.serviceName ?? '',
      source: 'span',
      type: tags['exception.type'] ?? tags['error.type'],
      message: tags['exception.message'] ?? (tags['error'] || `${span.name ?? 'span'} failed`),
      stack: tags['exception.stacktrace'],
      traceId: span.traceId,
      spanId: span.id,
    },
  ];
}

function errorOfLog(at: number, document: JsonValue): CorrelationError[] {
  const level = logLevelOf(document);
  if (level !== 'error' && level !== 'fatal') return [];
  const text = (field: string) => fieldText(document, field);
  return [
    {
      timestamp: at,
      service: text('service.name') ?? '',
      source: 'log',
      type: text('error.type') ?? text('err.type'),
      message: text('error.message') ?? text('err.message') ?? text('message') ?? text('msg') ?? '',
      stack: text('error.stack_trace') ?? text('err.stack'),
      traceId: text('trace.id'),
      spanId: text('span.id'),
    },
  ];
}

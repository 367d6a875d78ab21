import type { Received } from './received.ts';

/** By which protocol a record came. */
export type Via = 'elasticsearch' | 'logstash' | 'otlp' | 'zipkin';

/** A log line, whatever the protocol. */
export interface LogEvidence {
  readonly via: Via;
  /** ECS names with dots (`http.response.status_code`), whether the document nests them or not. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A span, whatever the protocol. */
export interface SpanEvidence {
  readonly via: Via;
  readonly traceId: string;
  readonly id: string;
  /** Undefined for the root. */
  readonly parentId: string | undefined;
  readonly name: string;
  /** `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`; undefined for one inside a service. */
  readonly kind: string | undefined;
  /** `service.name`. */
  readonly service: string;
  /** Attributes as text, as Zipkin has them. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What has come. */
export interface EvidenceOf {
  readonly logs: readonly LogEvidence[];
  /** Each span once, however often it was sent. */
  readonly spans: readonly SpanEvidence[];
  /** Of the spans and log lines. */
  readonly traceIds: readonly string[];
  /** `service.name` of the spans and log lines. */
  readonly services: readonly string[];
}

const CORRELATION = 'correlation.id';
const OTLP_KINDS = [undefined, undefined, 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
/** What the semantic conventions of OpenTelemetry name otherwise than ECS does. */
const ECS_NAMES: ReadonlyMap<string, string> = new Map([
  ['exception.type', 'error.type'],
  ['exception.message', 'error.message'],
  ['exception.stacktrace', 'error.stack_trace'],
  ['service.instance.id', 'service.node.name'],
  ['deployment.environment.name', 'service.environment'],
  ['host.name', 'host.hostname'],
]);
/** Levels of nesting that names are made of; deeper values stay objects. */
const MAX_DEPTH = 20;

/**
 * Logs and spans by their content, from all protocols.
 * @param id a correlation ID or trace ID: then all under it, with whole traces; everything without
 */
export function evidenceOf(received: Received, id?: string): EvidenceOf {
  const logs = [
    ...received.documents.map((document) => logOf('elasticsearch', document)),
    ...received.logstash.map((document) => logOf('logstash', document)),
    ...received.otlpLogs.flatMap(otlpLogsOf),
  ];
  const spans = [
    ...new Map(
      [...received.spans.map(zipkinSpanOf), ...received.otlpSpans.flatMap(otlpSpansOf)].map((span) => [
        `${span.traceId} ${span.id} ${span.kind === 'SERVER'}`,
        span,
      ]),
    ).values(),
  ];
  if (id === undefined) return gather(logs, spans);
  const ofId = logs.filter(({ fields }) => fields[CORRELATION] === id || fields['trace.id'] === id);
  const traceIds = new Set([
    ...spans.filter((span) => span.tags[CORRELATION] === id || span.traceId === id).map((span) => span.traceId),
    ...ofId.map(({ fields }) => fields['trace.id']),
  ]);
  return gather(
    logs.filter((log) => ofId.includes(log) || traceIds.has(log.fields['trace.id'])),
    spans.filter((span) => traceIds.has(span.traceId)),
  );
}

function gather(logs: readonly LogEvidence[], spans: readonly SpanEvidence[]): EvidenceOf {
  const texts = (values: readonly unknown[]): string[] => [
    ...new Set(values.filter((value): value is string => typeof value === 'string' && value !== '')),
  ];
  return {
    logs,
    spans,
    traceIds: texts([...spans.map((span) => span.traceId), ...logs.map(({ fields }) => fields['trace.id'])]),
    services: texts([...spans.map((span) => span.service), ...logs.map(({ fields }) => fields['service.name'])]),
  };
}

function logOf(via: Via, document: object): LogEvidence {
  const fields: Record<string, unknown> = {};
  flatten(document, '', fields, 0);
  return { via, fields };
}

function flatten(value: object, prefix: string, fields: Record<string, unknown>, depth: number): void {
  for (const [key, member] of Object.entries(value)) {
    const plain = typeof member !== 'object' || member === null || Array.isArray(member) || depth >= MAX_DEPTH;
    if (plain) fields[prefix + key] = member;
    else flatten(member, `${prefix}${key}.`, fields, depth + 1);
  }
}

function zipkinSpanOf(span: Received['spans'][number]): SpanEvidence {
  return {
    via: 'zipkin',
    traceId: span.traceId,
    id: span.id,
    parentId: span.parentId,
    name: span.name ?? '',
    kind: span.kind,
    service: span.localEndpoint?.serviceName ?? '',
    tags: span.tags ?? {},
  };
}

function otlpValue(value: Record<string, any> | undefined): unknown {
  if (value === undefined) return undefined;
  if (value['intValue'] !== undefined) return Number(value['intValue']);
  if (value['arrayValue'] !== undefined) return (value['arrayValue'].values ?? []).map(otlpValue);
  if (value['kvlistValue'] !== undefined) return attributesOf(value['kvlistValue'].values);
  return value['stringValue'] ?? value['boolValue'] ?? value['doubleValue'];
}

function attributesOf(list: readonly { key: string; value: Record<string, any> }[] | undefined) {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, otlpValue(value)]));
}

function otlpLogsOf(group: Record<string, any>): LogEvidence[] {
  const resource = attributesOf(group['resource']?.attributes);
  return (group['scopeLogs'] ?? []).flatMap((scope: Record<string, any>) =>
    (scope['logRecords'] ?? []).map((record: Record<string, any>): LogEvidence => {
      const named = Object.entries({ ...resource, ...attributesOf(record['attributes']) });
      return logOf('otlp', {
        ...Object.fromEntries(named.map(([key, value]) => [ECS_NAMES.get(key) ?? key, value])),
        '@timestamp': new Date(Number(record['timeUnixNano']) / 1e6).toISOString(),
        message: otlpValue(record['body']),
        'log.level': record['severityText'],
        ...(record['traceId'] !== undefined && { 'trace.id': record['traceId'], 'span.id': record['spanId'] }),
      });
    }),
  );
}

function otlpSpansOf(group: Record<string, any>): SpanEvidence[] {
  const service = String(attributesOf(group['resource']?.attributes)['service.name'] ?? '');
  return (group['scopeSpans'] ?? []).flatMap((scope: Record<string, any>) =>
    (scope['spans'] ?? []).map((span: Record<string, any>): SpanEvidence => {
      const tags = Object.entries(attributesOf(span['attributes'])).map(([key, value]) => [key, String(value)]);
      return {
        via: 'otlp',
        traceId: span['traceId'],
        id: span['spanId'],
        parentId: span['parentSpanId'] || undefined,
        name: span['name'] ?? '',
        kind: OTLP_KINDS[span['kind'] ?? 0],
        service,
        tags: Object.fromEntries(tags),
      };
    }),
  );
}

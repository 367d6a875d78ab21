import { randomBytes } from 'node:crypto';
import { ECS_VERSION } from '../../codec/ecs-log.ts';
import type { Received } from '../../codec/message-shape.ts';
import type { AnyValue, OtlpLogRecord, OtlpScope, ResourceLogs } from '../../codec/otlp.ts';
import type { JsonValue } from '../query/document-fields.ts';
import type { LogRecord } from '../store/store.ts';
import { DocumentRefused, readLogDocument } from './log-document.ts';
import { attributesJson, isId, microsOf, type Refusals, valueJson, valueText } from './otlp-values.ts';

/** Longest `_id` that Elasticsearch takes, bytes. */
const MAX_ID_BYTES = 512;
/** Longest part of a data stream name, characters: Elasticsearch's own bound. */
const MAX_STREAM_PART = 100;
/** What Elastic's exporter of the OpenTelemetry Collector writes to when nothing says where. */
const DEFAULT_DATASET = 'generic';
const DEFAULT_NAMESPACE = 'default';

/** Names of OpenTelemetry's semantic conventions that ECS has another name for. */
const ECS_NAMES: Readonly<Record<string, string>> = {
  'service.instance.id': 'service.node.name',
  'deployment.environment.name': 'service.environment',
  'deployment.environment': 'service.environment',
  'host.name': 'host.hostname',
  'exception.type': 'error.type',
  'exception.message': 'error.message',
  'exception.stacktrace': 'error.stack_trace',
};

/** Lowest SeverityNumber of each level (OpenTelemetry, "Logs Data Model", SeverityNumber), highest first. */
const LEVELS: readonly (readonly [least: number, level: string])[] = [
  [21, 'fatal'],
  [17, 'error'],
  [13, 'warn'],
  [9, 'info'],
  [5, 'debug'],
  [1, 'trace'],
];

/**
 * Log records of OTLP as ECS documents, each in its data stream: the one that `data_stream.dataset` and
 * `data_stream.namespace` name, else `logs-<service>-<environment>`. Attributes of record, scope and resource are fields
 * under their names, or under those of ECS where it has another; the record's own win. A record with a `log.record.uid` is
 * kept once, however often it is sent.
 *
 * @param refusals told of records that no index would take
 */
export function logsOfOtlp(
  all: readonly Received<ResourceLogs>[],
  options: { readonly refusals: Refusals; readonly nowMillis: number },
): LogRecord[] {
  const records: LogRecord[] = [];
  for (const { resource, scopeLogs } of all) {
    const resourceFields = ecsFields(attributesJson(resource?.attributes));
    for (const { scope, logRecords } of scopeLogs ?? []) {
      for (const record of logRecords ?? []) {
        try {
          records.push(logRecord(record, { resourceFields, scope }, options.nowMillis));
        } catch (error) {
          if (!(error instanceof DocumentRefused)) throw error;
          options.refusals.add(1, error.message);
        }
      }
    }
  }
  return records;
}

function logRecord(
  record: Received<OtlpLogRecord>,
  around: { readonly resourceFields: Record<string, JsonValue>; readonly scope: Received<OtlpScope> | undefined },
  nowMillis: number,
): LogRecord {
  const attributes = ecsFields(attributesJson(record.attributes));
  const uid = attributes['log.record.uid'];
  delete attributes['log.record.uid'];
  const documentId =
    typeof uid === 'string' && uid !== '' && Buffer.byteLength(uid) <= MAX_ID_BYTES
      ? uid
      : randomBytes(15).toString('base64url');
  const level = record.severityText || levelOf(record.severityNumber ?? 0);
  const { scope } = around;
  const fields: Record<string, JsonValue> = Object.assign(Object.create(null), {
    '@timestamp': timestampOf(record, nowMillis),
    ...(level !== '' && { 'log.level': level }),
    ...(record.body !== undefined && { message: bodyText(record.body) }),
    'ecs.version': ECS_VERSION,
    ...(scope?.name && { 'log.logger': scope.name }),
    ...(record.eventName && { 'event.action': record.eventName }),
    ...around.resourceFields,
    ...ecsFields(attributesJson(scope?.attributes)),
    ...attributes,
    ...(isId(record.traceId, 16) && { 'trace.id': record.traceId }),
    ...(isId(record.spanId, 8) && { 'span.id': record.spanId }),
  }) as Record<string, JsonValue>;
  const dataset = streamPart(fields['data_stream.dataset'] ?? fields['service.name'], DEFAULT_DATASET);
  const namespace = streamPart(fields['data_stream.namespace'] ?? fields['service.environment'], DEFAULT_NAMESPACE);
  fields['data_stream.type'] = 'logs';
  fields['data_stream.dataset'] = dataset;
  fields['data_stream.namespace'] = namespace;
  fields['event.dataset'] ??= dataset;
  return readLogDocument(
    { stream: `logs-${dataset}-${namespace}`, documentId, create: true },
    JSON.stringify(fields),
    nowMillis,
  );
}

function ecsFields(fields: Record<string, JsonValue>): Record<string, JsonValue> {
  for (const [name, ecsName] of Object.entries(ECS_NAMES)) {
    if (fields[name] === undefined) continue;
    fields[ecsName] ??= fields[name];
    delete fields[name];
  }
  return fields;
}

function levelOf(severityNumber: number): string {
  return LEVELS.find(([least]) => severityNumber >= least)?.[1] ?? '';
}

/** A text as it is; anything else as JSON, so that its words are found. */
function bodyText(body: Received<AnyValue>): JsonValue {
  const value = valueJson(body);
  return value === null || typeof value === 'object' ? valueText(body) : value;
}

/** When it happened, else when it was seen, else now; as precise as it was sent. */
function timestampOf(record: Received<OtlpLogRecord>, nowMillis: number): string {
  const nanos = [record.timeUnixNano, record.observedTimeUnixNano].find((time) => microsOf(time) > 0);
  if (nanos === undefined) return new Date(nowMillis).toISOString();
  const millis = Number(nanos.slice(0, -6));
  const date = new Date(millis);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return new Date(nowMillis).toISOString();
  const rest = nanos.slice(-6);
  const text = date.toISOString();
  return rest === '000000' ? text : `${text.slice(0, -1)}${rest}Z`;
}

/** Lower case, everything but `[a-z0-9_.]` becomes `_`, as services name their own streams. */
function streamPart(value: JsonValue | undefined, fallback: string): string {
  const part = typeof value === 'string' ? value.toLowerCase().replace(/[^a-z0-9_.]/g, '_') : '';
  return part === '' ? fallback : part.slice(0, MAX_STREAM_PART);
}

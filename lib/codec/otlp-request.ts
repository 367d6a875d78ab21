import { type MessageShape, many, message, one, type Received } from './message-shape.ts';
import type { ResourceLogs, ResourceSpans } from './otlp.ts';
import type { ResourceMetrics } from './otlp-metric.ts';
import { decodeProtobuf } from './protobuf-decoder.ts';
import { decodeProtobufJson } from './protobuf-json.ts';

/* Source: opentelemetry-proto 1.x, `common.proto`, `resource.proto`, `trace.proto`, `logs.proto`, `metrics.proto`. */

const anyValue: MessageShape = message({
  1: one('stringValue', 'string'),
  2: one('boolValue', 'boolean'),
  3: one('intValue', 'int64'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', () => arrayValue),
  6: one('kvlistValue', () => keyValueList),
  7: one('bytesValue', 'bytes'),
});
const arrayValue = message({ 1: many('values', () => anyValue) });
const keyValue = message({ 1: one('key', 'string'), 2: one('value', () => anyValue) });
const keyValueList = message({ 1: many('values', () => keyValue) });
const resource = message({ 1: many('attributes', () => keyValue) });
const scope = message({
  1: one('name', 'string'),
  2: one('version', 'string'),
  3: many('attributes', () => keyValue),
});

const event = message({
  1: one('timeUnixNano', 'fixed64'),
  2: one('name', 'string'),
  3: many('attributes', () => keyValue),
  4: one('droppedAttributesCount', 'uint32'),
});
const link = message({
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: many('attributes', () => keyValue),
  5: one('droppedAttributesCount', 'uint32'),
});
const status = message({ 2: one('message', 'string'), 3: one('code', 'uint32') });
const span = message({
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: one('parentSpanId', 'hex'),
  5: one('name', 'string'),
  6: one('kind', 'uint32'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: many('attributes', () => keyValue),
  10: one('droppedAttributesCount', 'uint32'),
  11: many('events', () => event),
  12: one('droppedEventsCount', 'uint32'),
  13: many('links', () => link),
  14: one('droppedLinksCount', 'uint32'),
  15: one('status', () => status),
});
const scopeSpans = message({ 1: one('scope', () => scope), 2: many('spans', () => span) });
const resourceSpans = message({ 1: one('resource', () => resource), 2: many('scopeSpans', () => scopeSpans) });

const logRecord = message({
  1: one('timeUnixNano', 'fixed64'),
  2: one('severityNumber', 'uint32'),
  3: one('severityText', 'string'),
  5: one('body', () => anyValue),
  6: many('attributes', () => keyValue),
  9: one('traceId', 'hex'),
  10: one('spanId', 'hex'),
  11: one('observedTimeUnixNano', 'fixed64'),
  12: one('eventName', 'string'),
});
const scopeLogs = message({ 1: one('scope', () => scope), 2: many('logRecords', () => logRecord) });
const resourceLogs = message({ 1: one('resource', () => resource), 2: many('scopeLogs', () => scopeLogs) });

const exemplar = message({
  2: one('timeUnixNano', 'fixed64'),
  3: one('asDouble', 'double'),
  4: one('spanId', 'hex'),
  5: one('traceId', 'hex'),
  6: one('asInt', 'sfixed64'),
  7: many('filteredAttributes', () => keyValue),
});
const numberDataPoint = message({
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('asDouble', 'double'),
  5: many('exemplars', () => exemplar),
  6: one('asInt', 'sfixed64'),
  7: many('attributes', () => keyValue),
  8: one('flags', 'uint32'),
});
const histogramDataPoint = message({
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: many('bucketCounts', 'fixed64'),
  7: many('explicitBounds', 'double'),
  8: many('exemplars', () => exemplar),
  9: many('attributes', () => keyValue),
  10: one('flags', 'uint32'),
});
const quantileValue = message({ 1: one('quantile', 'double'), 2: one('value', 'double') });
const summaryDataPoint = message({
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: many('quantileValues', () => quantileValue),
  7: many('attributes', () => keyValue),
  8: one('flags', 'uint32'),
});
const gauge = message({ 1: many('dataPoints', () => numberDataPoint) });
const sum = message({
  1: many('dataPoints', () => numberDataPoint),
  2: one('aggregationTemporality', 'uint32'),
  3: one('isMonotonic', 'boolean'),
});
const histogram = message({
  1: many('dataPoints', () => histogramDataPoint),
  2: one('aggregationTemporality', 'uint32'),
});
/** Counted and refused, so nothing within is read. */
const uncountable = message({});
const exponentialHistogram = message({ 1: many('dataPoints', () => uncountable) });
const summary = message({ 1: many('dataPoints', () => summaryDataPoint) });
const metric = message({
  1: one('name', 'string'),
  2: one('description', 'string'),
  3: one('unit', 'string'),
  5: one('gauge', () => gauge),
  7: one('sum', () => sum),
  9: one('histogram', () => histogram),
  10: one('exponentialHistogram', () => exponentialHistogram),
  11: one('summary', () => summary),
});
const scopeMetrics = message({ 1: one('scope', () => scope), 2: many('metrics', () => metric) });
const resourceMetrics = message({ 1: one('resource', () => resource), 2: many('scopeMetrics', () => scopeMetrics) });

/** The two forms that OTLP/HTTP has. */
export type OtlpForm = 'protobuf' | 'json';

const tracesRequest = message({ 1: many('resourceSpans', () => resourceSpans) });
const logsRequest = message({ 1: many('resourceLogs', () => resourceLogs) });
const metricsRequest = message({ 1: many('resourceMetrics', () => resourceMetrics) });

function decode(body: Buffer, form: OtlpForm, shape: MessageShape): object {
  return form === 'protobuf' ? decodeProtobuf(body, shape) : decodeProtobufJson(body.toString('utf8'), shape);
}

/** `ExportTraceServiceRequest`. @throws MessageMalformed */
export function decodeTracesRequest(body: Buffer, form: OtlpForm): readonly Received<ResourceSpans>[] {
  const request = decode(body, form, tracesRequest) as { resourceSpans?: readonly Received<ResourceSpans>[] };
  return request.resourceSpans ?? [];
}

/** `ExportLogsServiceRequest`. @throws MessageMalformed */
export function decodeLogsRequest(body: Buffer, form: OtlpForm): readonly Received<ResourceLogs>[] {
  const request = decode(body, form, logsRequest) as { resourceLogs?: readonly Received<ResourceLogs>[] };
  return request.resourceLogs ?? [];
}

/** `ExportMetricsServiceRequest`. @throws MessageMalformed */
export function decodeMetricsRequest(body: Buffer, form: OtlpForm): readonly Received<ResourceMetrics>[] {
  const request = decode(body, form, metricsRequest) as { resourceMetrics?: readonly Received<ResourceMetrics>[] };
  return request.resourceMetrics ?? [];
}

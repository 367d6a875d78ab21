import type { Attributes, AttributeValue } from '../model/attributes.ts';
import type { Resource } from '../model/resource.ts';
import { type SpanData, StatusCode } from '../model/span.ts';
import { jsonKey, jsonString } from './json-string.ts';

/** Where a 64-bit integer ends. */
const INT64 = 2 ** 63;

/**
 * Makes the encoder of one process: a finished span as one `ResourceSpans` in the JSON mapping of OTLP. `{"resourceSpans":[…]}`
 * around any number of them is an `ExportTraceServiceRequest`. The resource comes with each span, because the process that
 * sends it may be another one.
 *
 * Equal to `JsonTraceSerializer` of `@opentelemetry/otlp-transformer` 0.301.0 but for: fields that are zero are left out;
 * integers are decimal text, as the JSON mapping of Protocol Buffers writes 64-bit numbers; `flags` and `traceState` are
 * not known here.
 *
 * @returns a function that gives JSON text without line ends
 */
export function createOtlpSpanEncoder(resource: Resource): (span: SpanData) => string {
  const head = `{"resource":{"attributes":[${resourceText(resource)}]},"scopeSpans":[{"scope":{`;
  return (span) =>
    `${head}${scopeText(span.scopeName, span.scopeVersion)}},"spans":[{"traceId":"${span.traceId}","spanId":"${span.spanId}"${
      span.parentSpanId === undefined ? '' : `,"parentSpanId":"${span.parentSpanId}"`
    },"name":${jsonString(span.name)},"kind":${span.kind + 1},"startTimeUnixNano":"${nanos(span.startMicros)}","endTimeUnixNano":"${nanos(
      Math.round(span.startMicros) + Math.round(span.durationMicros),
    )}"${attributesText(span.attributes)}${dropped('Attributes', span.droppedAttributes)}${eventsText(span)}${dropped(
      'Events',
      span.droppedEvents,
    )}${linksText(span)}${dropped('Links', span.droppedLinks)}${statusText(span)}}]}]}`;
}

/** Who speaks, as resource attributes. */
export function resourceAttributes(resource: Resource): Attributes {
  return {
    ...resource.attributes,
    'service.name': resource.serviceName,
    ...(resource.serviceVersion !== '' && { 'service.version': resource.serviceVersion }),
    'service.instance.id': resource.instanceId,
    'deployment.environment.name': resource.environment,
    'host.name': resource.hostName,
    'process.pid': resource.pid,
    'telemetry.sdk.name': 'sightline',
    'telemetry.sdk.language': 'nodejs',
  };
}

function resourceText(resource: Resource): string {
  return pairsText(resourceAttributes(resource));
}

function scopeText(name: string, version: string): string {
  if (name === '') return version === '' ? '' : `"version":${jsonString(version)}`;
  return `"name":${jsonString(name)}${version === '' ? '' : `,"version":${jsonString(version)}`}`;
}

/** Microseconds as nanoseconds, which a number cannot hold. */
function nanos(micros: number): string {
  return `${Math.max(0, Math.round(micros))}000`;
}

function dropped(what: string, count: number): string {
  return count > 0 ? `,"dropped${what}Count":${count}` : '';
}

function attributesText(attributes: Attributes): string {
  const text = pairsText(attributes);
  return text === '' ? '' : `,"attributes":[${text}]`;
}

function pairsText(attributes: Attributes): string {
  let text = '';
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    // `jsonKey` remembers keys, with the colon that a member of an object would have.
    text += `${text === '' ? '' : ','}{"key":${jsonKey(key).slice(0, -1)},"value":${valueText(value)}}`;
  }
  return text;
}

function valueText(value: AttributeValue | null | undefined): string {
  if (typeof value === 'string') return `{"stringValue":${jsonString(value)}}`;
  if (typeof value === 'boolean') return `{"boolValue":${value}}`;
  if (typeof value === 'number') return numberText(value);
  return Array.isArray(value) ? `{"arrayValue":{"values":[${value.map(valueText).join(',')}]}}` : '{}';
}

function numberText(value: number): string {
  if (Number.isInteger(value) && value >= -INT64 && value < INT64) return `{"intValue":"${BigInt(value)}"}`;
  return `{"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}}`;
}

function eventsText({ events }: SpanData): string {
  if (events.length === 0) return '';
  const texts = events.map(
    ({ timeMicros, name, attributes }) =>
      `{"timeUnixNano":"${nanos(timeMicros)}","name":${jsonString(name)}${attributesText(attributes)}}`,
  );
  return `,"events":[${texts.join(',')}]`;
}

function linksText({ links }: SpanData): string {
  if (links.length === 0) return '';
  const texts = links.map(
    ({ traceId, spanId, attributes }) => `{"traceId":"${traceId}","spanId":"${spanId}"${attributesText(attributes)}}`,
  );
  return `,"links":[${texts.join(',')}]`;
}

function statusText({ statusCode, statusMessage }: SpanData): string {
  const message = statusMessage === undefined || statusMessage === '' ? '' : `"message":${jsonString(statusMessage)}`;
  const code = statusCode === StatusCode.UNSET ? '' : `"code":${statusCode}`;
  if (message === '' && code === '') return '';
  return `,"status":{${message}${message !== '' && code !== '' ? ',' : ''}${code}}`;
}

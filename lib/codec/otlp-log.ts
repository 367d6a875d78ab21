import type { AnyValue, KeyValue, OtlpLogRecord, OtlpResource } from './otlp.ts';

/** Levels within a value; beyond, an object or list is said to be there and no more: decoders of collectors have such limits too. */
const MAX_DEPTH = 32;
/** Integers that a number cannot hold have at least so many digits. */
const LONG_INTEGER = /\d{16}/;
const INT64 = 2n ** 63n;

/** Fields of ECS that say who speaks, and their names in OpenTelemetry's semantic conventions. */
const RESOURCE_FIELDS: ReadonlyMap<string, string> = new Map([
  ['service.name', 'service.name'],
  ['service.version', 'service.version'],
  ['service.node.name', 'service.instance.id'],
  ['service.environment', 'deployment.environment.name'],
  ['host.hostname', 'host.name'],
  ['process.pid', 'process.pid'],
]);

/** Fields of ECS that have another name in OpenTelemetry's semantic conventions. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['error.type', 'exception.type'],
  ['error.message', 'exception.message'],
  ['error.stack_trace', 'exception.stacktrace'],
]);

/** OpenTelemetry, "Logs Data Model", SeverityNumber. */
const SEVERITY: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

/**
 * An ECS document as it is in the journal, as a log record of OTLP. Every field arrives with its type: as a field of the
 * record, as a resource attribute, or as an attribute under its name; only `ecs.version`, which is no longer true, is left
 * out. `log.record.uid` is the same for every attempt, so that receivers can tell copies apart.
 *
 * @param id of the record
 * @param observedMillis when it was accepted, since the epoch
 * @throws SyntaxError when the document is no JSON object
 */
export function otlpLogOf(
  document: string,
  id: string,
  observedMillis: number,
): { readonly resource: OtlpResource; readonly record: OtlpLogRecord } {
  const fields = parseDocument(document);
  const resource: KeyValue[] = [];
  const attributes: KeyValue[] = [{ key: 'log.record.uid', value: { stringValue: id } }];
  const record: { -readonly [Key in keyof OtlpLogRecord]: OtlpLogRecord[Key] } = {
    timeUnixNano: `${observedMillis}000000`,
    observedTimeUnixNano: `${observedMillis}000000`,
    attributes,
  };
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'ecs.version' || takenAsField(record, key, value)) continue;
    const resourceKey = RESOURCE_FIELDS.get(key);
    if (resourceKey !== undefined) resource.push({ key: resourceKey, value: anyValue(value, 0) });
    else attributes.push({ key: RENAMED.get(key) ?? key, value: anyValue(value, 0) });
  }
  return { resource: { attributes: resource }, record };
}

/** Fields that a log record has a place of its own for; one that does not fit there is an attribute like others. */
function takenAsField(
  record: { -readonly [Key in keyof OtlpLogRecord]: OtlpLogRecord[Key] },
  key: string,
  value: unknown,
): boolean {
  if (typeof value !== 'string') return false;
  switch (key) {
    case '@timestamp': {
      const millis = Date.parse(value);
      if (!(millis >= 0)) return false;
      record.timeUnixNano = `${millis}000000`;
      return true;
    }
    case 'message':
      record.body = { stringValue: value };
      return true;
    case 'log.level': {
      record.severityText = value;
      const number = SEVERITY[value.toLowerCase()];
      if (number !== undefined) record.severityNumber = number;
      return true;
    }
    case 'trace.id':
      if (!/^[0-9a-f]{32}$/.test(value)) return false;
      record.traceId = value;
      return true;
    case 'span.id':
      if (!/^[0-9a-f]{16}$/.test(value)) return false;
      record.spanId = value;
      return true;
    default:
      return false;
  }
}

/** Integers beyond 2^53 stay exact. */
function parseDocument(document: string): object {
  const parsed: unknown = LONG_INTEGER.test(document)
    ? JSON.parse(document, (_key, value, context?: { source?: string }) => {
        if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
        const source = context?.source ?? '';
        return /^-?\d+$/.test(source) ? BigInt(source) : value;
      })
    : JSON.parse(document);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new SyntaxError('no JSON object');
  return parsed;
}

function anyValue(value: unknown, depth: number): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (typeof value === 'bigint')
    return value >= -INT64 && value < INT64 ? { intValue: String(value) } : { stringValue: String(value) };
  if (typeof value !== 'object' || value === null) return {};
  if (depth >= MAX_DEPTH) return { stringValue: Array.isArray(value) ? '[…]' : '{…}' };
  if (Array.isArray(value)) return { arrayValue: { values: value.map((member) => anyValue(member, depth + 1)) } };
  return {
    kvlistValue: {
      values: Object.entries(value).map(([key, member]) => ({ key, value: anyValue(member, depth + 1) })),
    },
  };
}

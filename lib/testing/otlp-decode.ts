/**
 * Reads the Protocol Buffers of OTLP by the tables below, which follow the field numbers of opentelemetry-proto; knows
 * nothing of the encoder. Gives the JSON mapping: IDs in hexadecimal, 64-bit numbers as text; what is zero is left out.
 */
type Kind = 'string' | 'bool' | 'int64' | 'double' | 'fixed64' | 'uint32' | 'fixed32' | 'hex' | keyof typeof MESSAGES;
type Field = readonly [name: string, kind: Kind, repeated?: true];

const MESSAGES = {
  AnyValue: {
    1: ['stringValue', 'string'],
    2: ['boolValue', 'bool'],
    3: ['intValue', 'int64'],
    4: ['doubleValue', 'double'],
    5: ['arrayValue', 'ArrayValue'],
    6: ['kvlistValue', 'KeyValueList'],
  },
  ArrayValue: { 1: ['values', 'AnyValue', true] },
  KeyValueList: { 1: ['values', 'KeyValue', true] },
  KeyValue: { 1: ['key', 'string'], 2: ['value', 'AnyValue'] },
  Resource: { 1: ['attributes', 'KeyValue', true], 2: ['droppedAttributesCount', 'uint32'] },
  Scope: { 1: ['name', 'string'], 2: ['version', 'string'] },
  TracesData: { 1: ['resourceSpans', 'ResourceSpans', true] },
  ResourceSpans: { 1: ['resource', 'Resource'], 2: ['scopeSpans', 'ScopeSpans', true] },
  ScopeSpans: { 1: ['scope', 'Scope'], 2: ['spans', 'Span', true] },
  Span: {
    1: ['traceId', 'hex'],
    2: ['spanId', 'hex'],
    4: ['parentSpanId', 'hex'],
    5: ['name', 'string'],
    6: ['kind', 'uint32'],
    7: ['startTimeUnixNano', 'fixed64'],
    8: ['endTimeUnixNano', 'fixed64'],
    9: ['attributes', 'KeyValue', true],
    10: ['droppedAttributesCount', 'uint32'],
    11: ['events', 'Event', true],
    12: ['droppedEventsCount', 'uint32'],
    13: ['links', 'Link', true],
    14: ['droppedLinksCount', 'uint32'],
    15: ['status', 'Status'],
    16: ['flags', 'fixed32'],
  },
  Event: {
    1: ['timeUnixNano', 'fixed64'],
    2: ['name', 'string'],
    3: ['attributes', 'KeyValue', true],
    4: ['droppedAttributesCount', 'uint32'],
  },
  Link: {
    1: ['traceId', 'hex'],
    2: ['spanId', 'hex'],
    4: ['attributes', 'KeyValue', true],
    5: ['droppedAttributesCount', 'uint32'],
    6: ['flags', 'fixed32'],
  },
  Status: { 2: ['message', 'string'], 3: ['code', 'uint32'] },
  LogsData: { 1: ['resourceLogs', 'ResourceLogs', true] },
  ResourceLogs: { 1: ['resource', 'Resource'], 2: ['scopeLogs', 'ScopeLogs', true] },
  ScopeLogs: { 1: ['scope', 'Scope'], 2: ['logRecords', 'LogRecord', true] },
  LogRecord: {
    1: ['timeUnixNano', 'fixed64'],
    2: ['severityNumber', 'uint32'],
    3: ['severityText', 'string'],
    5: ['body', 'AnyValue'],
    6: ['attributes', 'KeyValue', true],
    7: ['droppedAttributesCount', 'uint32'],
    8: ['flags', 'fixed32'],
    9: ['traceId', 'hex'],
    10: ['spanId', 'hex'],
    11: ['observedTimeUnixNano', 'fixed64'],
  },
} as const;

export function decodeOtlp(message: keyof typeof MESSAGES, bytes: Buffer): Record<string, any> {
  const fields = MESSAGES[message] as Readonly<Record<number, Field>>;
  const result: Record<string, any> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const delimited = (): Buffer => {
    const length = Number(varint());
    if (at + length > bytes.length) throw new RangeError(`${message} is cut off`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const fixed = (size: number): number => {
    at += size;
    return at - size;
  };
  const scalars: Readonly<Record<string, () => unknown>> = {
    string: () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(delimited()),
    hex: () => delimited().toString('hex'),
    bool: () => varint() === 1n,
    uint32: () => Number(varint()),
    int64: () => String(BigInt.asIntN(64, varint())),
    double: () => bytes.readDoubleLE(fixed(8)),
    fixed64: () => String(bytes.readBigUInt64LE(fixed(8))),
    fixed32: () => bytes.readUInt32LE(fixed(4)),
  };
  const read = (kind: Kind): unknown => scalars[kind]?.() ?? decodeOtlp(kind as keyof typeof MESSAGES, delimited());
  while (at < bytes.length) {
    const number = Number(varint() >> 3n);
    const field = fields[number];
    if (field === undefined) throw new RangeError(`${message} has no field ${number}`);
    const [name, kind, repeated] = field;
    const value = read(kind);
    if (repeated) (result[name] ??= []).push(value);
    else if (value !== 0 || kind === 'double') result[name] = value;
  }
  return result;
}

import { ProtobufWriter, readProtobuf } from './protobuf.ts';

/**
 * The data model of OTLP as its JSON mapping has it (opentelemetry-proto 1.x, "OTLP/HTTP", JSON Protobuf encoding): IDs in
 * hexadecimal, 64-bit numbers as decimal text. Fields that are zero are left out.
 */
export interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  /** A number, or `NaN`, `Infinity`, `-Infinity` as text. */
  readonly doubleValue?: number | string;
  readonly arrayValue?: { readonly values: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values: readonly KeyValue[] };
  /** Base64. */
  readonly bytesValue?: string;
}

export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

export interface OtlpResource {
  readonly attributes: readonly KeyValue[];
}

export interface OtlpScope {
  readonly name?: string;
  readonly version?: string;
  readonly attributes?: readonly KeyValue[];
}

export interface OtlpEvent {
  readonly timeUnixNano: string;
  readonly name: string;
  readonly attributes?: readonly KeyValue[];
  readonly droppedAttributesCount?: number;
}

export interface OtlpLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly attributes?: readonly KeyValue[];
  readonly droppedAttributesCount?: number;
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly droppedAttributesCount?: number;
  readonly events?: readonly OtlpEvent[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly OtlpLink[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly message?: string; readonly code?: number };
}

export interface OtlpLogRecord {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly body?: AnyValue;
  readonly attributes: readonly KeyValue[];
  readonly traceId?: string;
  readonly spanId?: string;
  readonly eventName?: string;
}

export interface ResourceSpans {
  readonly resource: OtlpResource;
  readonly scopeSpans: readonly { readonly scope: OtlpScope; readonly spans: readonly OtlpSpan[] }[];
}

export interface ResourceLogs {
  readonly resource: OtlpResource;
  readonly scopeLogs: readonly { readonly scope?: OtlpScope; readonly logRecords: readonly OtlpLogRecord[] }[];
}

/** Puts together what has the same resource and scope; the order inside of them stays. */
export function mergeSpans(all: readonly ResourceSpans[]): ResourceSpans[] {
  const resources = new Map<
    string,
    { resource: OtlpResource; scopes: Map<string, { scope: OtlpScope; spans: OtlpSpan[] }> }
  >();
  for (const { resource, scopeSpans } of all) {
    const key = JSON.stringify(resource);
    const group = resources.get(key) ?? { resource, scopes: new Map() };
    resources.set(key, group);
    for (const { scope, spans } of scopeSpans) {
      const scopeKey = JSON.stringify(scope);
      const scopeGroup = group.scopes.get(scopeKey);
      if (scopeGroup === undefined) group.scopes.set(scopeKey, { scope, spans: [...spans] });
      else scopeGroup.spans.push(...spans);
    }
  }
  return [...resources.values()].map(({ resource, scopes }) => ({ resource, scopeSpans: [...scopes.values()] }));
}

/** As `mergeSpans`. */
export function mergeLogs(
  all: readonly { readonly resource: OtlpResource; readonly record: OtlpLogRecord }[],
): ResourceLogs[] {
  const resources = new Map<string, { resource: OtlpResource; logRecords: OtlpLogRecord[] }>();
  for (const { resource, record } of all) {
    const key = JSON.stringify(resource);
    const group = resources.get(key);
    if (group === undefined) resources.set(key, { resource, logRecords: [record] });
    else group.logRecords.push(record);
  }
  return [...resources.values()].map(({ resource, logRecords }) => ({ resource, scopeLogs: [{ logRecords }] }));
}

/** `ExportTraceServiceRequest`. */
export function encodeTraces(all: readonly ResourceSpans[]): Buffer {
  const writer = new ProtobufWriter();
  eachReversed(all, ({ resource, scopeSpans }) =>
    writer.message(1, () => {
      eachReversed(scopeSpans, ({ scope, spans }) =>
        writer.message(2, () => {
          eachReversed(spans, (span) => writer.message(2, () => writeSpan(writer, span)));
          writer.message(1, () => {
            if (scope.version !== undefined) writer.string(2, scope.version);
            if (scope.name !== undefined) writer.string(1, scope.name);
          });
        }),
      );
      writer.message(1, () => writeAttributes(writer, 1, resource.attributes));
    }),
  );
  return writer.finish();
}

/** `ExportLogsServiceRequest`. */
export function encodeLogs(all: readonly ResourceLogs[]): Buffer {
  const writer = new ProtobufWriter();
  eachReversed(all, ({ resource, scopeLogs }) =>
    writer.message(1, () => {
      eachReversed(scopeLogs, ({ logRecords }) =>
        writer.message(2, () =>
          eachReversed(logRecords, (record) => writer.message(2, () => writeLogRecord(writer, record))),
        ),
      );
      writer.message(1, () => writeAttributes(writer, 1, resource.attributes));
    }),
  );
  return writer.finish();
}

function eachReversed<Member>(members: readonly Member[] | undefined, visit: (member: Member) => void): void {
  // What was cut because it was too large may lack a list.
  if (!Array.isArray(members)) return;
  for (let at = members.length - 1; at >= 0; at -= 1) visit(members[at] as Member);
}

function count(writer: ProtobufWriter, field: number, value: number | undefined): void {
  if (value !== undefined && value > 0) writer.uint(field, value);
}

function writeSpan(writer: ProtobufWriter, span: OtlpSpan): void {
  const { status, parentSpanId } = span;
  if (status !== undefined) {
    writer.message(15, () => {
      count(writer, 3, status.code);
      if (status.message !== undefined) writer.string(2, status.message);
    });
  }
  count(writer, 14, span.droppedLinksCount);
  eachReversed(span.links, (link) =>
    writer.message(13, () => {
      writeAttributes(writer, 4, link.attributes);
      writer.hex(2, link.spanId);
      writer.hex(1, link.traceId);
    }),
  );
  count(writer, 12, span.droppedEventsCount);
  eachReversed(span.events, (event) =>
    writer.message(11, () => {
      writeAttributes(writer, 3, event.attributes);
      writer.string(2, event.name);
      writer.fixed64(1, event.timeUnixNano);
    }),
  );
  count(writer, 10, span.droppedAttributesCount);
  writeAttributes(writer, 9, span.attributes);
  writer.fixed64(8, span.endTimeUnixNano);
  writer.fixed64(7, span.startTimeUnixNano);
  writer.uint(6, span.kind);
  writer.string(5, span.name);
  if (parentSpanId !== undefined) writer.hex(4, parentSpanId);
  writer.hex(2, span.spanId);
  writer.hex(1, span.traceId);
}

function writeLogRecord(writer: ProtobufWriter, record: OtlpLogRecord): void {
  const { body } = record;
  writer.fixed64(11, record.observedTimeUnixNano);
  if (record.spanId !== undefined) writer.hex(10, record.spanId);
  if (record.traceId !== undefined) writer.hex(9, record.traceId);
  writeAttributes(writer, 6, record.attributes);
  if (body !== undefined) writer.message(5, () => writeValue(writer, body));
  if (record.severityText !== undefined) writer.string(3, record.severityText);
  count(writer, 2, record.severityNumber);
  writer.fixed64(1, record.timeUnixNano);
}

function writeAttributes(writer: ProtobufWriter, field: number, attributes: readonly KeyValue[] | undefined): void {
  eachReversed(attributes, ({ key, value }) =>
    writer.message(field, () => {
      writer.message(2, () => writeValue(writer, value));
      writer.string(1, key);
    }),
  );
}

function writeValue(writer: ProtobufWriter, value: AnyValue): void {
  if (value.stringValue !== undefined) writer.string(1, value.stringValue);
  else if (value.boolValue !== undefined) writer.uint(2, value.boolValue ? 1 : 0);
  else if (value.intValue !== undefined) writer.int64(3, value.intValue);
  else if (value.doubleValue !== undefined) writer.double(4, Number(value.doubleValue));
  else if (value.arrayValue !== undefined) {
    const { values } = value.arrayValue;
    writer.message(5, () => eachReversed(values, (member) => writer.message(1, () => writeValue(writer, member))));
  } else if (value.kvlistValue !== undefined) {
    const { values } = value.kvlistValue;
    writer.message(6, () => writeAttributes(writer, 1, values));
  }
}

/** What a collector took only in part (OTLP, "Partial Success"). */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/**
 * Reads `partial_success` of an `ExportTraceServiceResponse` or `ExportLogsServiceResponse`.
 * @returns undefined when everything was taken, or when it is no such answer: then the status alone speaks
 */
export function parsePartialSuccess(contentType: string, body: Buffer): PartialSuccess | undefined {
  try {
    return contentType.includes('json') ? partialOfJson(body.toString()) : partialOfProtobuf(body);
  } catch {
    return undefined;
  }
}

function partialOfJson(text: string): PartialSuccess | undefined {
  const partial = (JSON.parse(text) as { partialSuccess?: Record<string, unknown> } | null)?.partialSuccess;
  const rejected = Number(partial?.['rejectedSpans'] ?? partial?.['rejectedLogRecords'] ?? 0);
  return rejected > 0 ? { rejected, message: String(partial?.['errorMessage'] ?? '') } : undefined;
}

function partialOfProtobuf(body: Buffer): PartialSuccess | undefined {
  const partial = readProtobuf(body).find(({ field }) => field === 1)?.value;
  if (!Buffer.isBuffer(partial)) return undefined;
  let rejected = 0;
  let message = '';
  for (const { field, value } of readProtobuf(partial)) {
    if (field === 1 && typeof value === 'bigint') rejected = Number(BigInt.asIntN(64, value));
    if (field === 2 && Buffer.isBuffer(value)) message = value.toString();
  }
  return rejected > 0 ? { rejected, message } : undefined;
}

import { fieldText, fieldValues, type JsonValue } from '../query/document-fields.ts';
import { readTimestamp } from '../query/timestamp.ts';
import type { LogRecord } from '../store/store.ts';

/** The document is refused, in Elasticsearch's words. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
  readonly type: string;

  constructor(type: string, reason: string) {
    super(reason);
    this.type = type;
  }
}

/** Names that Elasticsearch's built-in templates make data streams of. */
export function isDataStream(name: string): boolean {
  return /^(?:logs|metrics|traces)-[^-]+-.+$/.test(name);
}

/** pino's numeric levels. Source: pino documentation, `logger.levels`. */
const PINO_LEVELS: Readonly<Record<string, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

export interface DocumentAddress {
  readonly stream: string;
  readonly documentId: string;
  readonly create: boolean;
}

/**
 * The columns under which a log document is found. ECS names, and for documents of pino without ECS its own `time`,
 * `level` and the `trace_id` of OpenTelemetry's instrumentation.
 *
 * @param nowMillis the time of an index document that says none
 * @throws DocumentRefused
 */
export function readLogDocument(address: DocumentAddress, body: string, nowMillis: number): LogRecord {
  let document: JsonValue;
  try {
    document = JSON.parse(body) as JsonValue;
  } catch (error) {
    throw new DocumentRefused('document_parsing_exception', `failed to parse: ${(error as Error).message}`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new DocumentRefused('document_parsing_exception', 'failed to parse: the document is not an object');
  }
  const timestamp = timestampOf(address.stream, document, nowMillis);
  return {
    ...address,
    timestamp,
    service: fieldText(document, 'service.name') ?? fieldText(document, 'name') ?? '',
    level: logLevelOf(document),
    traceId: (fieldText(document, 'trace.id') ?? fieldText(document, 'trace_id'))?.toLowerCase(),
    correlationId: fieldText(document, 'correlation.id'),
    body,
  };
}

/** Level of a document, lower case, whether ECS or pino wrote it; empty when it says none. */
export function logLevelOf(document: JsonValue): string {
  const level = fieldText(document, 'log.level') ?? fieldText(document, 'level') ?? '';
  return PINO_LEVELS[level] ?? level.toLowerCase();
}

function timestampOf(stream: string, document: JsonValue, nowMillis: number): number {
  const given = fieldValues(document, '@timestamp')[0];
  if (given === undefined) {
    if (isDataStream(stream))
      throw new DocumentRefused('document_parsing_exception', 'data stream timestamp field [@timestamp] is missing');
    return readTimestamp(fieldValues(document, 'time')[0]) ?? nowMillis * 1000;
  }
  const timestamp = readTimestamp(given);
  if (timestamp === undefined) {
    throw new DocumentRefused(
      'document_parsing_exception',
      `failed to parse field [@timestamp] of type [date]: failed to parse date field [${String(given).slice(0, 100)}] with format [strict_date_optional_time||epoch_millis]`,
    );
  }
  return timestamp;
}

const OPEN_ID = Buffer.from('{"event.id":"');
const CLOSE_ID = Buffer.from('",');
const END = Buffer.from('"}');
const OPEN_ARRAY = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE_ARRAY = Buffer.from(']');
const LINE_END = Buffer.from('\n');

/** One document for Logstash. */
export interface LogstashDocument {
  /** The same for every attempt: ECS `event.id`. No characters that JSON escapes. */
  readonly id: string;
  /** One JSON object, UTF-8, without line ends and without an `event.id` of its own. */
  readonly document: Uint8Array;
}

/**
 * The document with `event.id` as its first member: a pipeline that uses it as `document_id` stores each document once,
 * however often it is sent (Logstash, "Elasticsearch output plugin", `document_id`).
 */
function withId(parts: Uint8Array[], { id, document }: LogstashDocument): void {
  if (document.length <= 2) parts.push(OPEN_ID, Buffer.from(id), END);
  else parts.push(OPEN_ID, Buffer.from(id), CLOSE_ID, document.subarray(1));
}

/** A body for the http input: its `json` codec makes one event of each member of an array. */
export function logstashArray(documents: readonly LogstashDocument[]): Buffer {
  const parts: Uint8Array[] = [OPEN_ARRAY];
  for (const document of documents) {
    if (parts.length > 1) parts.push(COMMA);
    withId(parts, document);
  }
  parts.push(CLOSE_ARRAY);
  return Buffer.concat(parts);
}

/** What the tcp input reads with the codec `json_lines`: one document a line. */
export function logstashLines(documents: readonly LogstashDocument[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const document of documents) {
    withId(parts, document);
    parts.push(LINE_END);
  }
  return Buffer.concat(parts);
}

import { encodeHead, isReservedField, type LineIds } from '../codec/ecs-log.ts';
import { jsonKey, jsonString } from '../codec/json-string.ts';
import { type ErrorFields, errorFields } from './error-fields.ts';
import type { Redactor } from './redact.ts';

/** Bytes of a document that the journal takes as one record; longer lines are cut. */
export const MAX_DOCUMENT_BYTES = 240 * 1024;
/** Characters of the message of a line that had to be cut. */
const CUT_MESSAGE = 32_768;
/** Fields of a line under their own names; the rest goes together into `app.more`, so that one line cannot use up an index's field limit. */
const MAX_FIELDS = 1000;

/** What the pino instance knows about a line beyond its text. */
export interface PinoLineDetails {
  readonly levelNumber: number;
  /** Label of the level, `info`. */
  readonly levelLabel: string;
  readonly messageKey: string;
  readonly errorKey: string;
  /** pino's `nestedKey`: the logged object is below it. */
  readonly nestedKey: string | undefined;
  /** The error object that was logged, when there was one. */
  readonly error: unknown;
}

type Fields = Record<string, unknown>;

/** Names that pino itself puts on each line and that ECS has under other names. */
const PINO_OWN = new Set(['level', 'time', 'pid', 'hostname', 'v']);

function timeOf(value: unknown, now: () => number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? now() : parsed;
}

function isSerialisedError(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && ('message' in value || 'stack' in value);
}

/** `error.*` of a line: from the error object itself, else from what pino's serializer made of it. */
function errorOf(fields: Fields, details: PinoLineDetails, redactor: Redactor): ErrorFields | undefined {
  const serialised = fields[details.errorKey];
  if (isSerialisedError(serialised)) {
    const stack = serialised['stack'];
    return {
      type: String(serialised['type'] ?? serialised['name'] ?? 'Error'),
      message: String(serialised['message'] ?? ''),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  }
  return details.error instanceof Error ? errorFields(details.error, redactor) : undefined;
}

export function encodeError({ type, message, stack }: ErrorFields): string {
  const text = `,"error.type":${jsonString(type)},"error.message":${jsonString(message)}`;
  return stack === undefined ? text : `${text},"error.stack_trace":${jsonString(stack)}`;
}

function encodeFields(fields: Fields, skipped: ReadonlySet<string>): string {
  let text = '';
  let count = 0;
  let more: Fields | undefined;
  for (const [name, value] of Object.entries(fields)) {
    if (skipped.has(name)) continue;
    count += 1;
    if (count > MAX_FIELDS) {
      more ??= {};
      more[`_${count}`] = { [name]: value };
      continue;
    }
    text += `,${jsonKey(isReservedField(name) ? `app.${name}` : name)}${JSON.stringify(value)}`;
  }
  return more === undefined ? text : `${text},"app.more":${jsonString(JSON.stringify(Object.values(more)))}`;
}

function parse(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** What stays of a document that is too long: who, when, how bad, and the start of what was said. */
function cut(options: { time: number; level: string; message: string; staticFields: string; ids: LineIds; error: ErrorFields | undefined; bytes: number }): string {
  const { time, level, message, staticFields, ids, error, bytes } = options;
  const shortError = error && { ...error, message: error.message.slice(0, CUT_MESSAGE / 4), stack: error.stack?.slice(0, CUT_MESSAGE / 2) };
  const head = encodeHead(time, level, message.slice(0, CUT_MESSAGE), staticFields, ids);
  return `${head}${shortError === undefined ? '' : encodeError(shortError)},"app.truncated":true,"app.original_bytes":${bytes}}`;
}

export interface PinoDocumentOptions {
  readonly redactor: Redactor;
  readonly staticFields: string;
  /** Milliseconds since the epoch, for lines without a time. */
  readonly now: () => number;
}

/**
 * One finished line of an app's pino as an ECS document: pino's names become ECS's, the app's fields keep theirs, what would
 * forge a field of ours is kept as `app.<name>`, secrets go. A line that is no JSON object is kept as the message.
 */
export function pinoDocument(line: string, details: PinoLineDetails, ids: LineIds, options: PinoDocumentOptions): string {
  const { redactor, staticFields, now } = options;
  const parsed = parse(line);
  if (parsed === undefined) {
    const text = redactor.text(line.slice(0, CUT_MESSAGE).trimEnd());
    return `${encodeHead(now(), details.levelLabel, text, staticFields, ids)}}`;
  }
  const fields = redactor.value(parsed) as Fields;
  const { messageKey, errorKey, nestedKey } = details;
  const nested = nestedKey === undefined ? undefined : fields[nestedKey];
  const error = errorOf(isSerialisedError(fields[errorKey]) || typeof nested !== 'object' || nested === null ? fields : (nested as Fields), details, redactor);
  const time = timeOf(fields['time'], now);
  const said = fields[messageKey];
  const message = typeof said === 'string' ? said : said === undefined ? (error?.message ?? '') : JSON.stringify(said);

  const skipped = new Set(PINO_OWN);
  skipped.add(messageKey);
  let extra = error === undefined ? '' : encodeError(error);
  if (isSerialisedError(fields[errorKey])) {
    skipped.add(errorKey);
    extra += encodeErrorExtras(fields[errorKey] as Fields, errorKey);
  }
  const name = fields['name'];
  if (typeof name === 'string') extra += `,"log.logger":${jsonString(name)}`;

  const head = encodeHead(time, details.levelLabel, message, staticFields, ids);
  const document = `${head}${extra}${encodeFields(fields, skipped)}}`;
  // A UTF-16 unit is at most three bytes: most lines need no counting.
  if (document.length * 3 <= MAX_DOCUMENT_BYTES) return document;
  const bytes = Buffer.byteLength(document);
  return bytes <= MAX_DOCUMENT_BYTES ? document : cut({ time, level: details.levelLabel, message, staticFields, ids, error, bytes });
}

/** What the serializer kept beyond type, message and stack: codes, status, the aggregated errors. */
function encodeErrorExtras(error: Fields, errorKey: string): string {
  const { type: _type, name: _name, message: _message, stack: _stack, ...extras } = error;
  if (Object.keys(extras).length === 0) return '';
  const { code, ...others } = extras;
  let text = typeof code === 'string' || typeof code === 'number' ? `,"error.code":${jsonString(String(code))}` : '';
  if (Object.keys(others).length > 0) text += `,${jsonKey(`app.${errorKey}`)}${JSON.stringify(others)}`;
  return text;
}

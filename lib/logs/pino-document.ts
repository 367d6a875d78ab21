import { encodeHead, fieldNameOf, isReservedField, type LineIds } from '../codec/ecs-log.ts';
import { jsonKey, jsonString } from '../codec/json-string.ts';
import { truncate } from '../core/truncate.ts';
import { type ErrorFields, encodeError, errorFields, isErrorShape, serialisedErrorFields } from './error-fields.ts';
import { crossesValue, isExactNumber, parseExactly, takeExcess } from './index-shape.ts';
import { timeOfFragment } from './line-time.ts';
import type { Redactor } from './redact.ts';

/** Bytes of a document that the journal takes as one record; longer lines are cut. */
export const MAX_DOCUMENT_BYTES = 240 * 1024;
/** Characters of the message of a line that had to be cut. */
const CUT_MESSAGE = 16_384;
/** Characters of a field that stays when a line is cut, and of all of them. */
const CUT_FIELD = 1024;
const CUT_FIELDS = 16_384;
/**
 * Fields of a line under their own names, nested ones counted; the rest goes together into `app.more`. An index takes 1000
 * (`index.mapping.total_fields.limit`) and refuses documents beyond; a text without a template is two of them.
 */
const MAX_FIELDS = 400;
/** Characters of the shortest field: `"a":1,`. */
const LEAST_FIELD = 6;

/** What stands between an error that was logged and the output of the app: nothing, a serializer, pino's `redact`. */
export type ErrorTreatment = 'none' | 'serialised' | 'redacted';

/** What the pino instance knows about a line beyond its text. */
export interface PinoLineDetails {
  readonly levelNumber: number;
  /** Label of the level, `info`. */
  readonly levelLabel: string;
  readonly messageKey: string;
  readonly errorKey: string;
  /** pino's `nestedKey`: the logged object is below it. */
  readonly nestedKey: string | undefined;
  /** What pino put first, `{"level":30`. */
  readonly levelText: string;
  /** What pino's time function gave, `,"time":1531171074631`. */
  readonly timeText: string;
  /** The merged object that was logged: asked for own names only, never for what is behind a getter. */
  readonly object: unknown;
  /** The error object that was logged, when there was one, and under which name. */
  readonly error: unknown;
  readonly errorName: string | undefined;
  readonly errorTreatment: ErrorTreatment;
}

/** What may be set: `OTEL_LOGRECORD_ATTRIBUTE_*_LIMIT`. */
export interface FieldLimits {
  /** Fields that keep their names. Default: `MAX_FIELDS`. */
  readonly count?: number | undefined;
  /** Characters of a text in a field, at any depth. Default: as long as the line may be. */
  readonly textLength?: number | undefined;
}

export interface PinoDocumentOptions {
  readonly redactor: Redactor;
  readonly limits?: FieldLimits | undefined;
  readonly staticFields: string;
  /** Milliseconds since the epoch, for lines without a time. */
  readonly now: () => number;
  /** What pino puts into its lines by default and what the static fields say already. */
  readonly machine: { readonly pid: number; readonly hostname: string };
}

type Fields = Record<string, unknown>;

/** Own data property of what the app logged; `undefined` for getters and for proxies that refuse. */
function ownValue(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  try {
    return Object.getOwnPropertyDescriptor(object, name)?.value;
  } catch {
    return undefined;
  }
}

/** The start that pino made, taken off, so that fields of the app called `level` or `time` cannot pass for it. */
function bodyOf(line: string, { levelText, timeText }: PinoLineDetails): string {
  const head = levelText + timeText;
  if (head.length < 2 || !line.startsWith(head)) return line;
  // What a formatter or a time function named otherwise is a field of the app.
  const kept =
    (levelText.startsWith('{"level":') ? '' : `,${levelText.slice(1)}`) +
    (timeText.startsWith(',"time":') ? '' : timeText);
  const body = kept + line.slice(head.length);
  return `{${body.charCodeAt(0) === 44 ? body.slice(1) : body}`;
}

function parse(text: string): Fields | undefined {
  try {
    const parsed: unknown = parseExactly(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** Field names remembered, since they come from code; then all are forgotten. */
const MAX_NAMES = 2000;
const names = new Map<string, FieldName>();

interface FieldName {
  readonly name: string;
  /** With colon. */
  readonly encoded: string;
  /** Not the name that the app gave, or dotted: another field may want the same place. */
  readonly contested: boolean;
}

function fieldName(given: string, redactor: Redactor): FieldName {
  let found = names.get(given);
  if (found === undefined) {
    const usable = fieldNameOf(redactor.text(given));
    const name = isReservedField(usable) ? `app.${usable}` : usable;
    found = { name, encoded: jsonKey(name), contested: name !== given || name.includes('.') };
    if (names.size >= MAX_NAMES) names.clear();
    if (given.length <= 100) names.set(given, found);
  }
  return found;
}

/**
 * The key of a field with its colon; undefined when another field has the place, which would make an index refuse the document
 * for the repeated name.
 *
 * @param taken names that were given already to fields whose own were changed or are dotted
 */
function placeOf(given: string, fields: Fields, redactor: Redactor, taken: Set<string>): string | undefined {
  const field = fieldName(given, redactor);
  if (!field.contested) return field.encoded;
  const prefix = field.name.startsWith('app.') ? 'app.' : '';
  const usable = field.name.slice(prefix.length);
  const runsInto = usable.includes('.') && crossesValue(fields, given, redactor.isSecretKey);
  const name = runsInto ? prefix + usable.replaceAll('.', '_') : field.name;
  if (taken.has(name) || (name !== given && Object.hasOwn(fields, name))) return undefined;
  taken.add(name);
  return runsInto ? jsonKey(name) : field.encoded;
}

function encodeValue(value: unknown): string {
  return typeof value === 'string' ? jsonString(value) : JSON.stringify(value);
}

/** The error of a line: what pino's serializer made of it, else the object itself where the serializer did not know it. */
function errorOf(fields: Fields, details: PinoLineDetails, redactor: Redactor): ErrorFields | undefined {
  const { errorKey, nestedKey, errorName, errorTreatment, error } = details;
  const nested = nestedKey === undefined ? undefined : fields[nestedKey];
  const holder = typeof nested === 'object' && nested !== null ? (nested as Fields) : fields;
  for (const candidate of [fields[errorKey], holder[errorKey]]) {
    if (isErrorShape(candidate)) return serialisedErrorFields(candidate, redactor);
  }
  // What the app's serializer left out or its `redact` hides stays out.
  if (errorName === undefined || errorTreatment !== 'none' || typeof holder[errorName] !== 'object') return undefined;
  return errorFields(error, redactor);
}

interface Parts {
  readonly time: number;
  readonly message: string;
  readonly error: ErrorFields | undefined;
  readonly fields: Fields;
}

/** What stays of a line that is too long: who, when, how bad, the start of what was said, and the short fields. */
function cut(
  parts: Parts,
  details: PinoLineDetails,
  ids: LineIds,
  options: PinoDocumentOptions,
  length: number,
): string {
  const { time, message, error, fields } = parts;
  const { redactor, staticFields, machine } = options;
  let text = encodeHead(time, details.levelLabel, message.slice(0, CUT_MESSAGE), staticFields, ids);
  if (error !== undefined) {
    text += encodeError({
      ...error,
      message: error.message.slice(0, CUT_MESSAGE / 2),
      stack: error.stack?.slice(0, CUT_MESSAGE / 2),
    });
  }
  let room = CUT_FIELDS;
  const taken = new Set<string>();
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (name === details.messageKey || name.length > 100 || isBase(name, value, machine)) continue;
    if (error !== undefined && (name === details.errorKey || name === details.errorName)) continue;
    if (encodeValue(value).length > CUT_FIELD) continue;
    const place = placeOf(name, fields, redactor, taken);
    if (place === undefined) continue;
    const encoded = `,${place}${encodeValue(redactor.member(name, value))}`;
    room -= encoded.length;
    if (room < 0) break;
    text += encoded;
  }
  return `${text},"app.truncated":true,"app.original_length":${length}}`;
}

function messageOf(
  fields: Fields,
  details: PinoLineDetails,
  error: ErrorFields | undefined,
  redactor: Redactor,
): string {
  const said = fields[details.messageKey];
  if (typeof said === 'string')
    return redactor.text(said.length > MAX_DOCUMENT_BYTES ? said.slice(0, CUT_MESSAGE) : said);
  return said === undefined ? (error?.message ?? '') : JSON.stringify(redactor.value(said));
}

/** The logger's own name, not a field `name` of what was logged. */
function loggerName(fields: Fields, object: unknown): string | undefined {
  const name = fields['name'];
  if (typeof name !== 'string' || ownValue(object, 'name') !== undefined) return undefined;
  return name;
}

/** Whether a field says only what the static fields say: pino's `base`. */
function isBase(name: string, value: unknown, { pid, hostname }: PinoDocumentOptions['machine']): boolean {
  return (name === 'pid' && value === pid) || (name === 'hostname' && value === hostname);
}

/** The value of a field as it leaves. Cut after it was cleaned: half a secret is not recognised as one. */
function fieldValue(name: string, value: unknown, { redactor, limits }: PinoDocumentOptions): unknown {
  const clean = redactor.member(name, value);
  return limits?.textLength === undefined ? clean : cutTexts(clean, limits.textLength);
}

/** In place. Nothing is deeper than the redactor leaves it. */
function cutTexts(value: unknown, limit: number): unknown {
  if (typeof value === 'string') return truncate(value, limit);
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = cutTexts(value[index], limit);
    return value;
  }
  const record = value as Fields;
  for (const key of Object.keys(record)) {
    const member = record[key];
    // A number or truth value is left alone, and so is the one name that is no place for data.
    if (typeof member === 'string' || (typeof member === 'object' && key !== '__proto__'))
      record[key] = cutTexts(member, limit);
  }
  return record;
}

/** All fields of the app, under their names or as `app.<name>`. */
function encodeFields(
  fields: Fields,
  details: PinoLineDetails,
  hasError: boolean,
  excess: readonly [string, unknown][],
  options: PinoDocumentOptions,
): string {
  const { redactor, machine } = options;
  const { messageKey, errorKey, errorName } = details;
  let text = '';
  const taken = new Set<string>();
  const more = excess.map(([name, value]) => [name, fieldValue(name, value, options)]);
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (name === messageKey || isBase(name, value, machine)) continue;
    if (hasError && name === errorKey && isErrorShape(value)) {
      text += encodeErrorExtras(value, errorKey, redactor);
      continue;
    }
    // What JSON makes of an error that no serializer knows: `{}`.
    if (
      hasError &&
      name === errorName &&
      typeof value === 'object' &&
      value !== null &&
      Object.keys(value).length === 0
    )
      continue;
    const clean = fieldValue(name, value, options);
    const place = placeOf(name, fields, redactor, taken);
    if (place === undefined) more.push([name, clean]);
    else text += `,${place}${encodeValue(clean)}`;
  }
  // The message that was given hides one among the fields, on the app's own output too.
  const hidden = ownValue(details.object, messageKey);
  if (typeof hidden === 'string' && details.nestedKey === undefined && hidden !== fields[messageKey]) {
    text += `,${jsonKey(`app.${messageKey}`)}${jsonString(redactor.text(hidden.slice(0, CUT_MESSAGE)))}`;
  }
  return more.length === 0 ? text : `${text},"app.more":${jsonString(JSON.stringify(more))}`;
}

/** What the serializer kept beyond type, message and stack: codes, status, the aggregated errors. */
function encodeErrorExtras(error: Fields, errorKey: string, redactor: Redactor): string {
  const { type: _type, name: _name, message: _message, stack: _stack, ...extras } = error;
  if (Object.keys(extras).length === 0) return '';
  const { code, ...others } = extras;
  let text = '';
  if (typeof code === 'string' || typeof code === 'number')
    text = `,"error.code":${jsonString(redactor.text(String(code)))}`;
  if (Object.keys(others).length > 0) text += `,${jsonKey(`app.${errorKey}`)}${JSON.stringify(redactor.value(others))}`;
  return text;
}

/**
 * One finished line of an app's pino as an ECS document: pino's names become ECS's, the app's fields keep theirs, what would
 * forge a field of ours is kept as `app.<name>`, secrets go. A line that is no JSON object is kept as the message.
 */
export function pinoDocument(
  line: string,
  details: PinoLineDetails,
  ids: LineIds,
  options: PinoDocumentOptions,
): string {
  const { redactor, staticFields, now } = options;
  const time = timeOfFragment(details.timeText) ?? now();
  const fields = parse(bodyOf(line, details));
  if (fields === undefined) {
    const text = redactor.text(line.slice(0, CUT_MESSAGE).trimEnd());
    return `${encodeHead(time, details.levelLabel, text, staticFields, ids)}}`;
  }
  const error = errorOf(fields, details, redactor);
  const message = messageOf(fields, details, error, redactor);
  const parts = { time, message, error, fields };
  // Too long in any case: not worth cleaning as a whole.
  if (line.length > MAX_DOCUMENT_BYTES) return cut(parts, details, ids, options, line.length);

  const maxFields = Math.min(options.limits?.count ?? MAX_FIELDS, MAX_FIELDS);
  const excess =
    line.length < maxFields * LEAST_FIELD
      ? []
      : takeExcess(
          fields,
          maxFields,
          (name, value) =>
            name === details.messageKey ||
            isBase(name, value, options.machine) ||
            (error !== undefined && (name === details.errorKey || name === details.errorName)),
        );
  let document = encodeHead(time, details.levelLabel, message, staticFields, ids);
  if (error !== undefined) document += encodeError(error);
  const name = loggerName(fields, details.object);
  if (name !== undefined) document += `,"log.logger":${jsonString(redactor.text(name))}`;
  document += `${encodeFields(fields, details, error !== undefined, excess, options)}}`;
  // A UTF-16 unit is at most three bytes: most lines need no counting.
  if (document.length * 3 <= MAX_DOCUMENT_BYTES || Buffer.byteLength(document) <= MAX_DOCUMENT_BYTES) return document;
  return cut(parts, details, ids, options, line.length);
}

/** A line that pino could not make: what is known of it, so that it is not lost. */
export function unserialisableDocument(
  details: PinoLineDetails,
  message: unknown,
  ids: LineIds,
  options: PinoDocumentOptions,
): string {
  const { redactor, staticFields, now } = options;
  const text = typeof message === 'string' ? redactor.text(message.slice(0, CUT_MESSAGE)) : '';
  const head = encodeHead(timeOfFragment(details.timeText) ?? now(), details.levelLabel, text, staticFields, ids);
  const error =
    details.error === undefined || details.errorTreatment === 'redacted'
      ? ''
      : encodeError(errorFields(details.error, redactor));
  return `${head}${error},"app.unserialisable":true}`;
}

import {
  type FieldShape,
  MAX_MESSAGE_DEPTH,
  MAX_MESSAGES,
  MessageMalformed,
  type MessageShape,
  type ReadMessage,
  type ScalarKind,
} from './message-shape.ts';

const INTEGER = /^-?\d{1,20}$/;
const HEX = /^(?:[0-9a-f]{2})*$/i;
/** Where numbers of 32 and 64 bits end. */
const UINT32_END = 2 ** 32;
const INT64_LEAST = -(2n ** 63n);
const INT64_END = 2n ** 63n;
const UINT64_END = 2n ** 64n;

/**
 * Reads the JSON form of a message into the same object that its binary form gives. Unknown members are passed over,
 * `null` is as good as nothing, 64-bit integers may be numbers or text, enumerations are numbers (OTLP, "JSON Protobuf
 * Encoding").
 *
 * @throws MessageMalformed when the text is no JSON or no such message
 */
export function decodeProtobufJson(text: string, shape: MessageShape): ReadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MessageMalformed((error as Error).message);
  }
  return readMessage(value, shape, { path: '$', depth: 0, budget: { messages: MAX_MESSAGES } });
}

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly budget: { messages: number };
}

function readMessage(value: unknown, shape: MessageShape, place: Place): ReadMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MessageMalformed(`got ${nameOf(value)} at ${place.path}, wanted an object`);
  if (place.depth > MAX_MESSAGE_DEPTH)
    throw new MessageMalformed(`messages nest deeper than ${MAX_MESSAGE_DEPTH} levels`);
  place.budget.messages -= 1;
  if (place.budget.messages < 0) throw new MessageMalformed(`more than ${MAX_MESSAGES} messages in one body`);
  const result: ReadMessage = {};
  for (const name in value) {
    const field = shape.byName.get(name);
    const given = (value as Record<string, unknown>)[name];
    if (field === undefined || given === null) continue;
    result[field.name] = readField(given, field, { ...place, path: `${place.path}.${name}` });
  }
  return result;
}

function readField(given: unknown, field: FieldShape, place: Place): unknown {
  if (!field.repeated) return readOne(given, field.kind, place);
  if (!Array.isArray(given)) throw new MessageMalformed(`got ${nameOf(given)} at ${place.path}, wanted a list`);
  return given.map((member: unknown, index) =>
    readOne(member, field.kind, { ...place, path: `${place.path}[${index}]` }),
  );
}

function readOne(given: unknown, kind: FieldShape['kind'], place: Place): unknown {
  if (typeof kind === 'function') return readMessage(given, kind(), { ...place, depth: place.depth + 1 });
  const value = readScalar(given, kind);
  if (value === undefined) throw new MessageMalformed(`got ${nameOf(given)} at ${place.path}, wanted ${WANTED[kind]}`);
  return value;
}

const WANTED: Readonly<Record<ScalarKind, string>> = {
  string: 'a text',
  boolean: 'true or false',
  uint32: 'a number from 0 to 4294967295',
  int64: 'an integer of 64 bits',
  uint64: 'an unsigned integer of 64 bits',
  fixed64: 'an unsigned integer of 64 bits',
  sfixed64: 'an integer of 64 bits',
  double: 'a number',
  hex: 'hexadecimal digits',
  bytes: 'Base64',
};

function readScalar(given: unknown, kind: ScalarKind): string | number | boolean | undefined {
  switch (kind) {
    case 'string':
      return typeof given === 'string' ? given : undefined;
    case 'boolean':
      return typeof given === 'boolean' ? given : undefined;
    case 'uint32': {
      const number = typeof given === 'string' && INTEGER.test(given) ? Number(given) : given;
      return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < UINT32_END
        ? number
        : undefined;
    }
    case 'int64':
    case 'sfixed64':
      return integer(given, INT64_LEAST, INT64_END);
    case 'uint64':
    case 'fixed64':
      return integer(given, 0n, UINT64_END);
    case 'double':
      return double(given);
    case 'hex':
      return typeof given === 'string' && HEX.test(given) ? given.toLowerCase() : undefined;
    case 'bytes':
      return typeof given === 'string' ? Buffer.from(given, 'base64').toString('base64') : undefined;
  }
}

function integer(given: unknown, least: bigint, end: bigint): string | undefined {
  const text = typeof given === 'number' && Number.isInteger(given) ? BigInt(given).toString() : given;
  if (typeof text !== 'string' || !INTEGER.test(text)) return undefined;
  const number = BigInt(text);
  return number >= least && number < end ? number.toString() : undefined;
}

function double(given: unknown): number | undefined {
  if (typeof given === 'number') return given;
  if (typeof given !== 'string') return undefined;
  if (given === 'NaN' || given === 'Infinity' || given === '-Infinity') return Number(given);
  const number = given.trim() === '' ? Number.NaN : Number(given);
  return Number.isNaN(number) ? undefined : number;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `${typeof value} ${JSON.stringify(value).slice(0, 50)}`;
}

/**
 * What a message of Protocol Buffers is made of, as data: one table reads both its binary form and its JSON form
 * (protobuf.dev, "Encoding" and "ProtoJSON Format"), so the two cannot differ.
 *
 * The object that comes out is that of the JSON mapping: names in lower camel case, 64-bit integers as decimal text.
 */
export type ScalarKind =
  | 'string'
  | 'boolean'
  /** An enumeration, or an unsigned integer of 32 bits: a number. */
  | 'uint32'
  /** Decimal text. */
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  /** Bytes as lower-case hexadecimal digits, in both forms: OTLP's exception for trace and span IDs. */
  | 'hex'
  /** Bytes as Base64. */
  | 'bytes';

export interface FieldShape {
  readonly name: string;
  /** A scalar, or the message that it holds; a function, because messages hold themselves. */
  readonly kind: ScalarKind | (() => MessageShape);
  readonly repeated: boolean;
}

export interface MessageShape {
  readonly byNumber: readonly (FieldShape | undefined)[];
  readonly byName: ReadonlyMap<string, FieldShape>;
}

/** A field of a message by its number. */
export type Fields = Readonly<Record<number, FieldShape>>;

export function one(name: string, kind: FieldShape['kind']): FieldShape {
  return { name, kind, repeated: false };
}

export function many(name: string, kind: FieldShape['kind']): FieldShape {
  return { name, kind, repeated: true };
}

export function message(fields: Fields): MessageShape {
  const byNumber: (FieldShape | undefined)[] = [];
  const byName = new Map<string, FieldShape>();
  for (const [number, field] of Object.entries(fields)) {
    byNumber[Number(number)] = field;
    byName.set(field.name, field);
    // Readers of the JSON mapping take the name of the definition, too.
    byName.set(
      field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      field,
    );
  }
  return { byNumber, byName };
}

/** Levels of messages within messages. Values of attributes nest without end; senders have limits of about a hundred. */
export const MAX_MESSAGE_DEPTH = 100;
/**
 * Messages in one body. An empty message takes two bytes on the wire and fifty times that in memory; a span with twenty
 * attributes is forty messages of a kilobyte and more, so no honest body within the byte limits comes near.
 */
export const MAX_MESSAGES = 2_000_000;

/** The bytes or the JSON are not such a message; says where and why. */
export class MessageMalformed extends Error {
  override readonly name = 'MessageMalformed';
}

/** An object being read: a field at a time, any field may be missing. */
export type ReadMessage = Record<string, unknown>;

/** Everything optional, all the way down: what arrives from outside may leave out anything. */
export type Received<Value> = Value extends readonly (infer Member)[]
  ? readonly Received<Member>[]
  : Value extends object
    ? { readonly [Key in keyof Value]?: Received<Value[Key]> | undefined }
    : Value;

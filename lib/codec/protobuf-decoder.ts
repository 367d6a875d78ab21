import {
  type FieldShape,
  MAX_MESSAGE_DEPTH,
  MAX_MESSAGES,
  MessageMalformed,
  type MessageShape,
  type ReadMessage,
  type ScalarKind,
} from './message-shape.ts';

/** Wire types (Protocol Buffers, "Encoding"). */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const TWO_32 = 2 ** 32;

/** Wire type of each scalar; a repeated number may be packed into bytes instead. */
const WIRE_TYPE: Readonly<Record<ScalarKind, number>> = {
  string: BYTES,
  boolean: VARINT,
  uint32: VARINT,
  int64: VARINT,
  uint64: VARINT,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  double: FIXED64,
  hex: BYTES,
  bytes: BYTES,
};

/**
 * Reads the binary form of a message. Unknown fields are passed over; a field that comes twice keeps the last, a message
 * that comes twice too (senders write each once).
 *
 * @throws MessageMalformed when the bytes are cut off, or no such message, or nest too deep, or hold too many messages
 */
export function decodeProtobuf(bytes: Buffer, shape: MessageShape): ReadMessage {
  return new Decoder(bytes).message(bytes.length, shape, 0);
}

class Decoder {
  readonly #bytes: Buffer;
  #at = 0;
  #messages = 0;
  /** Of the varint read last: its lower and upper 32 bits. */
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  message(end: number, shape: MessageShape, depth: number): ReadMessage {
    if (depth > MAX_MESSAGE_DEPTH) throw new MessageMalformed(`messages nest deeper than ${MAX_MESSAGE_DEPTH} levels`);
    this.#messages += 1;
    if (this.#messages > MAX_MESSAGES) throw new MessageMalformed(`more than ${MAX_MESSAGES} messages in one body`);
    const result: ReadMessage = {};
    while (this.#at < end) {
      this.#varint(end);
      if (this.#high !== 0) throw new MessageMalformed(`a field number out of range at byte ${this.#at}`);
      const wireType = this.#low & 7;
      const number = this.#low >>> 3;
      if (number === 0) throw new MessageMalformed(`field number 0 at byte ${this.#at}`);
      const field = shape.byNumber[number];
      if (field === undefined || !this.#field(result, field, { wireType, end, depth })) this.#skip(wireType, end);
    }
    return result;
  }

  /** @returns false, with nothing read, when the wire type is not the field's: an unknown field, then */
  #field(
    result: ReadMessage,
    field: FieldShape,
    at: { readonly wireType: number; readonly end: number; readonly depth: number },
  ): boolean {
    const { name, kind, repeated } = field;
    if (typeof kind === 'function') {
      if (at.wireType !== BYTES) return false;
      put(result, name, repeated, this.message(this.#length(at.end), kind(), at.depth + 1));
      return true;
    }
    if (at.wireType === WIRE_TYPE[kind]) {
      put(result, name, repeated, this.#scalar(kind, at.end));
      return true;
    }
    if (!repeated || at.wireType !== BYTES) return false;
    const packedEnd = this.#length(at.end);
    while (this.#at < packedEnd) put(result, name, true, this.#scalar(kind, packedEnd));
    return true;
  }

  #scalar(kind: ScalarKind, end: number): string | number | boolean {
    switch (kind) {
      case 'string':
        return this.#text('utf8', end);
      case 'hex':
        return this.#text('hex', end);
      case 'bytes':
        return this.#text('base64', end);
      case 'double': {
        const start = this.#take(8, end);
        return this.#bytes.readDoubleLE(start);
      }
      case 'fixed64':
      case 'sfixed64': {
        const start = this.#take(8, end);
        const low = this.#bytes.readUInt32LE(start);
        return decimal(low, this.#bytes.readUInt32LE(start + 4), kind === 'sfixed64');
      }
      case 'boolean':
        this.#varint(end);
        return this.#low !== 0 || this.#high !== 0;
      case 'uint32':
        this.#varint(end);
        return this.#low;
      case 'int64':
      case 'uint64':
        this.#varint(end);
        return decimal(this.#low, this.#high, kind === 'int64');
    }
  }

  #text(encoding: 'utf8' | 'hex' | 'base64', end: number): string {
    const stop = this.#length(end);
    const text = this.#bytes.toString(encoding, this.#at, stop);
    this.#at = stop;
    return text;
  }

  /** Reads a length. @returns where what it measures ends */
  #length(end: number): number {
    this.#varint(end);
    const stop = this.#at + this.#low;
    if (this.#high !== 0 || stop > end)
      throw new MessageMalformed(`cut off: a length beyond the end at byte ${this.#at}`);
    return stop;
  }

  #take(count: number, end: number): number {
    const start = this.#at;
    if (start + count > end) throw new MessageMalformed(`cut off at byte ${start}`);
    this.#at = start + count;
    return start;
  }

  #varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) throw new MessageMalformed(`cut off at byte ${this.#at}`);
      const byte = this.#bytes[this.#at] as number;
      this.#at += 1;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 128) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new MessageMalformed(`a number of more than ten bytes at byte ${this.#at}`);
  }

  #skip(wireType: number, end: number): void {
    if (wireType === VARINT) this.#varint(end);
    else if (wireType === FIXED64) this.#take(8, end);
    else if (wireType === BYTES) this.#at = this.#length(end);
    else if (wireType === FIXED32) this.#take(4, end);
    else throw new MessageMalformed(`wire type ${wireType} at byte ${this.#at}`);
  }
}

function put(result: ReadMessage, name: string, repeated: boolean, value: unknown): void {
  if (!repeated) {
    result[name] = value;
    return;
  }
  const list = result[name] as unknown[] | undefined;
  if (list === undefined) result[name] = [value];
  else list.push(value);
}

/** 64 bits as decimal text. */
function decimal(low: number, high: number, signed: boolean): string {
  if (high < 0x20_0000) return String(high * TWO_32 + low);
  if (signed && high >= 0x8000_0000) return String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
  // Times in nanoseconds come here, several a span: two halves in decimal are ten times as fast as a BigInt.
  // 2^32 = 4294 · 10^6 + 967296, and nothing below reaches 2^53.
  const rest = high * 967_296 + low;
  const millions = high * 4294 + Math.floor(rest / 1_000_000);
  return `${millions}${String(rest % 1_000_000).padStart(6, '0')}`;
}

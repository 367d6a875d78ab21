/** Wire types (Protocol Buffers, "Encoding"). */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const FIRST_BYTES = 16 * 1024;
const VARINT_BYTES = 10;

/**
 * Writes Protocol Buffers from the end to the start: a message is written before its length and its tag, so that nothing
 * is measured twice. Fields, and members of repeated fields, are therefore to be given in reverse order.
 */
export class ProtobufWriter {
  private bytes = Buffer.allocUnsafe(FIRST_BYTES);
  /** Where what is written so far begins. */
  private at = FIRST_BYTES;

  private reserve(count: number): void {
    if (this.at >= count) return;
    const used = this.bytes.length - this.at;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, used + count + VARINT_BYTES));
    this.bytes.copy(larger, larger.length - used, this.at);
    this.at = larger.length - used;
    this.bytes = larger;
  }

  private get written(): number {
    return this.bytes.length - this.at;
  }

  /** @param value whole, not negative, below 2^53 */
  private varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
    this.reserve(size);
    this.at -= size;
    let rest = value;
    for (let offset = 0; offset < size - 1; offset += 1) {
      this.bytes[this.at + offset] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at + size - 1] = rest;
  }

  private tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** An unsigned number, an enumeration or a boolean. */
  uint(field: number, value: number): void {
    this.varint(value);
    this.tag(field, VARINT);
  }

  /** @param value decimal; cut to 64 bits */
  int64(field: number, value: string): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    if (rest <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.uint(field, Number(rest));
      return;
    }
    const bytes: number[] = [];
    for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    this.reserve(bytes.length);
    this.at -= bytes.length;
    this.bytes.set(bytes, this.at);
    this.tag(field, VARINT);
  }

  /** @param value decimal, not negative */
  fixed64(field: number, value: string): void {
    this.reserve(8);
    this.at -= 8;
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), this.at);
    this.tag(field, FIXED64);
  }

  double(field: number, value: number): void {
    this.reserve(8);
    this.at -= 8;
    this.bytes.writeDoubleLE(value, this.at);
    this.tag(field, FIXED64);
  }

  string(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.reserve(length);
    this.at -= length;
    this.bytes.write(value, this.at);
    this.varint(length);
    this.tag(field, BYTES);
  }

  /** @param value an even number of hexadecimal digits */
  hex(field: number, value: string): void {
    const length = value.length >> 1;
    this.reserve(length);
    this.at -= length;
    this.bytes.write(value, this.at, 'hex');
    this.varint(length);
    this.tag(field, BYTES);
  }

  /** @param write writes the fields of the message, in reverse order */
  message(field: number, write: () => void): void {
    const before = this.written;
    write();
    this.varint(this.written - before);
    this.tag(field, BYTES);
  }

  finish(): Buffer {
    return this.bytes.subarray(this.at);
  }
}

/** A field as it was read: a number of wire type varint, or bytes. Other wire types are passed over. */
export interface ProtobufField {
  readonly field: number;
  readonly value: bigint | Buffer;
}

/**
 * The fields of one message, in order.
 * @throws RangeError when it is cut off or no Protocol Buffers at all
 */
export function readProtobuf(bytes: Buffer): ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes.readUInt8(at);
      at += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a varint of more than ten bytes');
  };
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) throw new RangeError('cut off');
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === VARINT) fields.push({ field, value: varint() });
    else if (wireType === BYTES) fields.push({ field, value: take(Number(varint())) });
    else if (wireType === FIXED64) take(8);
    else if (wireType === FIXED32) take(4);
    else throw new RangeError(`wire type ${wireType}`);
  }
  return fields;
}

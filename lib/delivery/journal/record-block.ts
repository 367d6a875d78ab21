import type { RecordKind } from './record-kind.ts';
import { type JournalRecord, RECORD_HEADER_BYTES } from './segment-format.ts';

/**
 * Records of one kind that were read together, in order. They stay where they were read: a place in this list is known by
 * numbers alone, because an object and a view for each of thousands of records cost the worker more than sending them.
 */
export class RecordBlock {
  readonly kind: RecordKind;
  private readonly bytes: Buffer;
  /** Where records begin and end in `bytes`, header included: two numbers each. */
  private readonly bounds: number[] = [];
  private readonly numbers: number[] = [];
  private readonly times: number[] = [];
  private payloads = 0;

  /** @param bytes what was read of a segment; records of other kinds may stand between */
  constructor(kind: RecordKind, bytes: Buffer) {
    this.kind = kind;
    this.bytes = bytes;
  }

  /** Takes the record that stands at `start` up to `end` and has been checked. */
  add(start: number, end: number, number: number, timeMillis: number): void {
    this.bounds.push(start, end);
    this.numbers.push(number);
    this.times.push(timeMillis);
    this.payloads += end - start - RECORD_HEADER_BYTES;
  }

  get length(): number {
    return this.numbers.length;
  }

  /** Bytes of all payloads. */
  get payloadBytes(): number {
    return this.payloads;
  }

  numberAt(place: number): number {
    return this.numbers[place]!;
  }

  timeAt(place: number): number {
    return this.times[place]!;
  }

  /** Bytes of one payload. */
  sizeAt(place: number): number {
    return this.bounds[2 * place + 1]! - this.bounds[2 * place]! - RECORD_HEADER_BYTES;
  }

  /** One record as an object; its payload shares memory with the block. */
  recordAt(place: number): JournalRecord {
    return {
      kind: this.kind,
      number: this.numberAt(place),
      timeMillis: this.timeAt(place),
      payload: this.bytes.subarray(this.bounds[2 * place]! + RECORD_HEADER_BYTES, this.bounds[2 * place + 1]!),
    };
  }

  /** Places of the records whose payload has this byte. */
  placesWith(byte: number): Set<number> {
    const places = new Set<number>();
    let found = -1;
    for (let place = 0; place < this.length; place += 1) {
      const start = this.bounds[2 * place]! + RECORD_HEADER_BYTES;
      if (found < start) found = this.bytes.indexOf(byte, start);
      if (found < 0) break;
      if (found < this.bounds[2 * place + 1]!) places.add(place);
    }
    return places;
  }

  /** Copies one payload to `target`. @returns where it ends there */
  copyTo(target: Buffer, at: number, place: number): number {
    return at + this.bytes.copy(target, at, this.bounds[2 * place]! + RECORD_HEADER_BYTES, this.bounds[2 * place + 1]!);
  }

  /** The records whose number is above `number`; the block itself when it is all of them. */
  after(number: number): RecordBlock {
    if (this.numbers.every((candidate) => candidate > number)) return this;
    const rest = new RecordBlock(this.kind, this.bytes);
    for (let place = 0; place < this.length; place += 1) {
      if (this.numberAt(place) > number)
        rest.add(this.bounds[2 * place]!, this.bounds[2 * place + 1]!, this.numberAt(place), this.timeAt(place));
    }
    return rest;
  }

  /** Each record as an object, for those that are looked at one by one. */
  *[Symbol.iterator](): Generator<JournalRecord> {
    for (let place = 0; place < this.length; place += 1) yield this.recordAt(place);
  }
}

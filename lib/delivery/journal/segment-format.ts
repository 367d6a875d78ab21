import { crc32 } from 'node:zlib';
import { RecordKind } from './record-kind.ts';

/**
 * The file format of a segment, version 1, little endian. A file is a header and then records, nothing else.
 *
 * Header, 80 bytes: magic `SIGHTJNL` (8), version u16, header length u16, segment number u32, fingerprint of the
 * destination (16), journal ID (8), creation time f64 ms, number of the first log record f64, of the first span record f64,
 * writer ID (8; zeros: the journal ID), reserved (4), CRC-32 of all before u32.
 *
 * Record: payload length u32, CRC-32 of all that follows u32, kind u8, number f64, time f64 ms, payload.
 * Records are numbered per kind from 1 through the life of a writer: a gap says how many were lost. Numbers are f64
 * because a u32 is used up in five days at 10 000 records a second. Writer ID and number are a record's identity, also when
 * it had to be written again to another journal. docs/journal.md says all this to other programs.
 */
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 80;
export const RECORD_HEADER_BYTES = 25;
/** Largest payload, bytes. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
/** Version 1 was first written without a writer ID. */
const NO_WRITER = '0'.repeat(16);
const MAGIC = Buffer.from('SIGHTJNL', 'latin1');
/** Offset at which the checksum of a record starts. */
const CHECKED_FROM = 8;

export interface SegmentHeader {
  readonly segment: number;
  /** 32 hex digits. */
  readonly fingerprint: string;
  /** 16 hex digits. */
  readonly journalId: string;
  /** 16 hex digits: who has numbered the records. */
  readonly writerId: string;
  readonly createdMillis: number;
  readonly firstNumbers: Readonly<Record<RecordKind, number>>;
}

export interface JournalRecord {
  readonly kind: RecordKind;
  readonly number: number;
  /** When it was accepted, milliseconds since the epoch. */
  readonly timeMillis: number;
  readonly payload: Buffer;
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(FORMAT_VERSION, 8);
  bytes.writeUInt16LE(HEADER_BYTES, 10);
  bytes.writeUInt32LE(header.segment, 12);
  bytes.write(header.fingerprint, 16, 16, 'hex');
  bytes.write(header.journalId, 32, 8, 'hex');
  bytes.writeDoubleLE(header.createdMillis, 40);
  bytes.writeDoubleLE(header.firstNumbers[RecordKind.LOG], 48);
  bytes.writeDoubleLE(header.firstNumbers[RecordKind.SPAN], 56);
  bytes.write(header.writerId, 64, 8, 'hex');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4);
  return bytes;
}

/** @returns the header; `newer` for a format that this version does not know; undefined when it is none */
export function decodeHeader(bytes: Buffer): SegmentHeader | 'newer' | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  if (bytes.readUInt16LE(8) > FORMAT_VERSION) return 'newer';
  if (bytes.readUInt32LE(HEADER_BYTES - 4) !== crc32(bytes.subarray(0, HEADER_BYTES - 4))) return undefined;
  const journalId = bytes.toString('hex', 32, 40);
  const writerId = bytes.toString('hex', 64, 72);
  return {
    segment: bytes.readUInt32LE(12),
    fingerprint: bytes.toString('hex', 16, 32),
    journalId,
    writerId: writerId === NO_WRITER ? journalId : writerId,
    createdMillis: bytes.readDoubleLE(40),
    firstNumbers: { [RecordKind.LOG]: bytes.readDoubleLE(48), [RecordKind.SPAN]: bytes.readDoubleLE(56) },
  };
}

/** Completes a record whose payload of `length` bytes stands at `at + RECORD_HEADER_BYTES` already. */
export function sealRecord(
  bytes: Buffer,
  at: number,
  kind: RecordKind,
  number: number,
  timeMillis: number,
  length: number,
): void {
  bytes.writeUInt32LE(length, at);
  bytes[at + 8] = kind;
  bytes.writeDoubleLE(number, at + 9);
  bytes.writeDoubleLE(timeMillis, at + 17);
  bytes.writeUInt32LE(crc32(bytes.subarray(at + CHECKED_FROM, at + RECORD_HEADER_BYTES + length)), at + 4);
}

/**
 * Checks the record at `at`.
 * @returns where it ends; `short` when `bytes` ends before it does; `bad` when there is no valid record here
 */
export function recordEnd(bytes: Buffer, at: number): number | 'short' | 'bad' {
  if (at + RECORD_HEADER_BYTES > bytes.length) return 'short';
  const length = bytes.readUInt32LE(at);
  const kind = bytes[at + 8];
  if (length > MAX_PAYLOAD_BYTES || (kind !== RecordKind.LOG && kind !== RecordKind.SPAN)) return 'bad';
  const end = at + RECORD_HEADER_BYTES + length;
  if (end > bytes.length) return 'short';
  return bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(at + CHECKED_FROM, end)) ? end : 'bad';
}

/** The kind of the record at `at`, which has been checked. */
export function kindAt(bytes: Buffer, at: number): RecordKind {
  return bytes[at + 8] as RecordKind;
}

export function numberAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 9);
}

export function timeAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 17);
}

/** Offset of the next valid record after damage, or undefined when there is none before `bytes` ends. */
export function findRecord(bytes: Buffer, from: number): number | undefined {
  for (let at = from; at + RECORD_HEADER_BYTES <= bytes.length; at += 1) {
    if (typeof recordEnd(bytes, at) === 'number') return at;
  }
  return undefined;
}

/** `00000001.segment`: names sort as numbers do. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.segment`;
}

/** The number of a segment file, undefined for every other name. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^(\d{8,10})\.segment$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

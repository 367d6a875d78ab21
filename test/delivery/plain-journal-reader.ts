/**
 * Reads a segment and a checkpoint as docs/journal.md describes them and nothing else does: no import of the product, a
 * checksum of its own. What it finds is what a program in another language would find.
 */
export interface PlainRecord {
  readonly kind: number;
  readonly number: number;
  readonly time: number;
  readonly payload: string;
}

/** CRC-32, reflected polynomial 0xEDB88320. */
function checksum(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function plainSegment(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const journalId = hex(bytes.subarray(32, 40));
  const writer = hex(bytes.subarray(64, 72));
  const header = {
    magic: String.fromCharCode(...bytes.subarray(0, 8)),
    version: view.getUint16(8, true),
    length: view.getUint16(10, true),
    segment: view.getUint32(12, true),
    fingerprint: hex(bytes.subarray(16, 32)),
    journalId,
    made: view.getFloat64(40, true),
    nextLog: view.getFloat64(48, true),
    nextSpan: view.getFloat64(56, true),
    writerId: /^0+$/.test(writer) ? journalId : writer,
    isWhole: view.getUint32(76, true) === checksum(bytes.subarray(0, 76)),
  };
  const records: PlainRecord[] = [];
  let skipped = 0;
  for (let at = 80; at < bytes.length; ) {
    const record = recordAt(bytes, view, at);
    if (record === undefined) {
      skipped += 1;
      at += 1;
    } else {
      records.push(record.value);
      at = record.end;
    }
  }
  return { header, records, skipped };
}

function recordAt(bytes: Uint8Array, view: DataView, at: number): { value: PlainRecord; end: number } | undefined {
  if (at + 25 > bytes.length) return undefined;
  const length = view.getUint32(at, true);
  const kind = bytes[at + 8]!;
  const end = at + 25 + length;
  if (length > 262_144 || (kind !== 1 && kind !== 2) || end > bytes.length) return undefined;
  if (view.getUint32(at + 4, true) !== checksum(bytes.subarray(at + 8, end))) return undefined;
  const payload = new TextDecoder().decode(bytes.subarray(at + 25, end));
  return { value: { kind, number: view.getFloat64(at + 9, true), time: view.getFloat64(at + 17, true), payload }, end };
}

export function plainCheckpoint(bytes: Uint8Array) {
  const slots = [0, 64].flatMap((at) => {
    const slot = bytes.subarray(at, at + 64);
    if (slot.length < 40) return [];
    const view = new DataView(slot.buffer, slot.byteOffset, slot.length);
    if (view.getUint32(36, true) !== checksum(slot.subarray(0, 36)) || view.getUint32(0, true) === 0) return [];
    const place = (from: number) => ({
      segment: view.getUint32(from, true),
      offset: view.getUint32(from + 4, true),
      settled: view.getFloat64(from + 8, true),
    });
    return [{ turn: view.getUint32(0, true), logs: place(4), spans: place(20) }];
  });
  return slots.sort((a, b) => b.turn - a.turn)[0];
}

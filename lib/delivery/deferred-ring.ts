import type { RecordKind } from './journal/record-kind.ts';
import { MAX_PAYLOAD_BYTES } from './journal/segment-format.ts';

/** What may wait in memory for a slow disk, bytes. */
const RING_BYTES = 8 * 1024 ** 2;
const CONTROL_BYTES = 8;
/** Length u32, kind u8, time f64. */
const ITEM_HEADER_BYTES = 13;
/** In place of a length: the next record stands at the start. */
const WRAP = 0xffffffff;
const HEAD = 0;
const TAIL = 1;

/**
 * Records on their way from the main thread, which puts, to the worker, which takes and writes them: a ring of bytes in
 * shared memory, so that nothing waits for a message and a worker that dies leaves them behind.
 */
export class DeferredRing {
  readonly memory: SharedArrayBuffer;
  private readonly control: Int32Array;
  private readonly bytes: Buffer;

  /** @param memory of the other side; a new one is made without */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CONTROL_BYTES + RING_BYTES)) {
    this.memory = memory;
    this.control = new Int32Array(memory, 0, 2);
    this.bytes = Buffer.from(memory, CONTROL_BYTES);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.control, HEAD) === Atomics.load(this.control, TAIL);
  }

  /**
   * @param text of at most `MAX_PAYLOAD_BYTES` bytes
   * @returns false when there is no room
   */
  put(kind: RecordKind, text: string, timeMillis: number): boolean {
    const length = Buffer.byteLength(text);
    const at = this.room(ITEM_HEADER_BYTES + length);
    if (at === undefined) return false;
    this.bytes.writeUInt32LE(length, at);
    this.bytes[at + 4] = kind;
    this.bytes.writeDoubleLE(timeMillis, at + 5);
    this.bytes.write(text, at + ITEM_HEADER_BYTES);
    Atomics.store(this.control, HEAD, at + ITEM_HEADER_BYTES + length);
    return true;
  }

  /** Where so many bytes fit in one piece. Head and tail meet only when the ring is empty. */
  private room(length: number): number | undefined {
    const head = Atomics.load(this.control, HEAD);
    const tail = Atomics.load(this.control, TAIL);
    if (head < tail) return head + length < tail ? head : undefined;
    if (head + length <= this.bytes.length) return head;
    if (length >= tail) return undefined;
    if (head + 4 <= this.bytes.length) this.bytes.writeUInt32LE(WRAP, head);
    return 0;
  }

  /**
   * Takes records in order until `maxBytes` are taken or nothing is left. They stay in the ring until `done` of what is
   * returned is called: whoever dies before leaves them to the next.
   */
  take(maxBytes: number, use: (kind: RecordKind, payload: Uint8Array, timeMillis: number) => void): () => void {
    const head = Atomics.load(this.control, HEAD);
    let at = Atomics.load(this.control, TAIL);
    for (let taken = 0; at !== head && taken < maxBytes; ) {
      const length = at + 4 <= this.bytes.length ? this.bytes.readUInt32LE(at) : WRAP;
      if (length === WRAP) {
        at = 0;
        continue;
      }
      const start = at + ITEM_HEADER_BYTES;
      // Only the app's own thread writes here; a length that cannot be is a bug, and must not take the worker along.
      if (length > MAX_PAYLOAD_BYTES) throw new RangeError(`a record of ${length} bytes in the ring`);
      use(
        this.bytes[at + 4] as RecordKind,
        this.bytes.subarray(start, start + length),
        this.bytes.readDoubleLE(at + 5),
      );
      at = start + length;
      taken += ITEM_HEADER_BYTES + length;
    }
    return () => Atomics.store(this.control, TAIL, at);
  }
}

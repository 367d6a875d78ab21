import { closeSync, fstatSync, ftruncateSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile } from './journal-directory.ts';
import { createPrivate } from './private-files.ts';
import { encodeHeader, recordEnd, type SegmentHeader, segmentName } from './segment-format.ts';

/** What became of one write. */
export interface Written {
  /** Bytes of whole records that count as written. */
  readonly kept: number;
  /** Why not all of them do. */
  readonly error?: unknown;
}

/** The segment that is being written. */
export class SegmentFile {
  readonly segment: number;
  private readonly path: string;
  private readonly inode: number;
  private fd: number;
  /** Where the next record goes. */
  offset: number;

  /**
   * Makes the file with its header.
   * @throws system errors; nothing is left behind then
   */
  constructor(directory: string, header: SegmentHeader) {
    this.segment = header.segment;
    this.path = join(directory, segmentName(header.segment));
    const bytes = encodeHeader(header);
    this.fd = createPrivate(this.path);
    this.offset = bytes.length;
    try {
      writeAll(this.fd, bytes, bytes.length, 0);
      this.inode = fstatSync(this.fd).ino;
    } catch (error) {
      this.close();
      removeFile(this.path);
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.fd >= 0;
  }

  /** Whether the file is still where it was made: not deleted, and not taken over by another process. */
  isInPlace(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false });
    return found !== undefined && found.ino === this.inode;
  }

  /** Writes records that stand at the start of `bytes`. What a failing disk took of them whole counts. */
  append(bytes: Buffer, length: number): Written {
    let done = 0;
    try {
      done = writeAll(this.fd, bytes, length, this.offset);
    } catch (error) {
      const kept = wholeRecords(bytes, (error as PartialWrite).done ?? 0);
      try {
        // Half a record would look like damage.
        ftruncateSync(this.fd, this.offset + kept);
      } catch {
        // What the disk has of it is unknown. All of it counts as written and nothing is written behind it: the numbers
        // in the next segment tell its reader what is missing, and no number is given to two records.
        this.close();
        return { kept: length, error };
      }
      this.offset += kept;
      return { kept, error };
    }
    this.offset += done;
    return { kept: done };
  }

  close(): void {
    if (this.fd < 0) return;
    try {
      closeSync(this.fd);
    } catch {
      // A network file system may tell here that it lost something: the reader finds out by the numbers.
    }
    this.fd = -1;
  }
}

/** A system error that came after some bytes. */
interface PartialWrite {
  readonly done?: number;
}

function writeAll(fd: number, bytes: Buffer, length: number, position: number): number {
  let done = 0;
  try {
    while (done < length) {
      const count = writeSync(fd, bytes, done, length - done, position + done);
      // Not in POSIX for a regular file, but a loop without end would be the app's.
      if (count === 0) throw Object.assign(new Error('the disk takes nothing'), { code: 'ENOSPC' });
      done += count;
    }
    return done;
  } catch (error) {
    throw Object.assign(error as Error, { done });
  }
}

/** Bytes of the records that are whole within the first `length` bytes. */
function wholeRecords(bytes: Buffer, length: number): number {
  const written = bytes.subarray(0, length);
  let at = 0;
  for (let end = recordEnd(written, at); typeof end === 'number'; end = recordEnd(written, at)) at = end;
  return at;
}

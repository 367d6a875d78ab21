import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

type Codes = 'EIO' | 'ENOSPC';

interface Unsynced {
  readonly offset: number;
  readonly length: number;
}

interface File {
  /** Bytes that the disk has for sure. */
  synced: number;
  writes: Unsynced[];
  readonly content: Map<number, Buffer>;
}

const failure = (code: Codes): Error => Object.assign(new Error(`${code}: made for a test`), { code });

/**
 * A disk below `root` that fails and forgets. It takes the place of the functions of `node:fs` that the journal uses, for
 * every module of this process: short writes, EIO with and without effect, ENOSPC. It knows what was synced, so that a
 * power cut can take the rest: a tail, or any of the writes, or a deletion, in any order, as file systems may (Pillai et
 * al., "All File Systems Are Not Created Equal", OSDI 2014).
 */
export class FaultyDisk {
  /** How often a call fails, 0 to 1. */
  rate = 0;
  private readonly root: string;
  private readonly random: () => number;
  private readonly real = { ...fs };
  private readonly fds = new Map<number, { inode: number; path: string }>();
  private readonly files = new Map<number, File>();
  /** Deleted since the last sync, with what was in them. */
  private deleted: { path: string; bytes: Buffer }[] = [];

  constructor(root: string, random: () => number) {
    this.root = root;
    this.random = random;
  }

  private fails(): boolean {
    return this.random() < this.rate;
  }

  private one<Value>(...values: Value[]): Value {
    return values[Math.floor(this.random() * values.length)]!;
  }

  private fileOf(fd: number): File | undefined {
    const found = this.fds.get(fd);
    return found === undefined ? undefined : this.files.get(found.inode);
  }

  install(): void {
    const { real } = this;
    const changed = {
      openSync: (path: fs.PathLike, flags?: fs.OpenMode, mode?: fs.Mode) => {
        if (String(path).startsWith(this.root) && this.fails()) throw failure(this.one('EIO', 'ENOSPC'));
        const fd = real.openSync(path, flags ?? 'r', mode);
        if (String(path).startsWith(this.root)) {
          const inode = real.fstatSync(fd).ino;
          this.fds.set(fd, { inode, path: String(path) });
          if (!this.files.has(inode)) this.files.set(inode, { synced: 0, writes: [], content: new Map() });
        }
        return fd;
      },
      closeSync: (fd: number) => {
        this.fds.delete(fd);
        real.closeSync(fd);
      },
      writeSync: (fd: number, bytes: Buffer, from: number, length: number, at: number) => {
        const file = this.fileOf(fd);
        if (file === undefined) return real.writeSync(fd, bytes, from, length, at);
        let taken = length;
        let error: Error | undefined;
        if (this.fails()) {
          taken = Math.floor(this.random() * length);
          // A short write is no failure; the next one may be.
          if (taken === 0 || this.random() < 0.5) error = failure(this.one('EIO', 'ENOSPC'));
        }
        if (taken > 0) {
          real.writeSync(fd, bytes, from, taken, at);
          file.writes.push({ offset: at, length: taken });
        }
        if (error !== undefined) throw error;
        return taken;
      },
      ftruncateSync: (fd: number, length: number) => {
        if (this.fileOf(fd) !== undefined && this.fails()) throw failure('EIO');
        real.ftruncateSync(fd, length);
      },
      fsyncSync: (fd: number) => {
        const file = this.fileOf(fd);
        if (file !== undefined && this.fails()) throw failure('EIO');
        real.fsyncSync(fd);
        if (file === undefined) return;
        file.writes = [];
        const stats = real.fstatSync(fd);
        file.synced = stats.size;
        // As ext4 and XFS do: what was done to names before goes with it.
        if (stats.isDirectory()) this.deleted = [];
      },
      readSync: (fd: number, ...rest: [Buffer, number, number, number]) => {
        if (this.fileOf(fd) !== undefined && this.fails()) throw failure('EIO');
        return real.readSync(fd, ...rest);
      },
      unlinkSync: (path: fs.PathLike) => {
        if (String(path).startsWith(this.root)) {
          if (this.fails()) throw failure('EIO');
          this.deleted.push({ path: String(path), bytes: real.readFileSync(path) });
        }
        real.unlinkSync(path);
      },
    };
    Object.assign(fs, changed);
    syncBuiltinESMExports();
  }

  remove(): void {
    for (const fd of this.fds.keys()) this.real.closeSync(fd);
    this.fds.clear();
    const { openSync, closeSync, writeSync, ftruncateSync, fsyncSync, readSync, unlinkSync } = this.real;
    Object.assign(fs, { openSync, closeSync, writeSync, ftruncateSync, fsyncSync, readSync, unlinkSync });
    syncBuiltinESMExports();
  }

  /** Takes from the files what was not synced, as a power cut might. */
  cutPower(directory: string): void {
    for (const name of this.real.readdirSync(directory)) {
      const path = join(directory, name);
      const stats = this.real.statSync(path);
      const file = this.files.get(stats.ino);
      if (file === undefined || !stats.isFile()) continue;
      if (this.random() < 0.4) {
        // The tail never got there.
        const kept = Math.floor(file.synced + this.random() * (stats.size - file.synced));
        if (kept < stats.size && !name.includes('checkpoint')) this.real.truncateSync(path, kept);
      }
      const fd = this.real.openSync(path, 'r+');
      const size = this.real.fstatSync(fd).size;
      for (const { offset, length } of file.writes) {
        // Its size did, its bytes did not, in any order.
        if (this.random() < 0.7 || offset >= size) continue;
        const zeros = Buffer.alloc(Math.min(length, size - offset));
        this.real.writeSync(fd, zeros, 0, zeros.length, offset);
      }
      this.real.closeSync(fd);
    }
    for (const { path, bytes } of this.deleted) {
      if (this.random() < 0.3) this.real.writeFileSync(path, bytes);
    }
  }
}

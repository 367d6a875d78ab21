import { readFileSync, statSync } from 'node:fs';

/** Size of a file of secrets or certificates at most, bytes: a bundle of all public authorities is a quarter. */
const MAX_BYTES = 1024 ** 2;

/**
 * A small file that others replace: secrets and certificates that are rotated. It is looked at each time, and read when it
 * is another one. While it cannot be read, because it is just being replaced, what it held before still counts.
 */
export class FreshFile {
  readonly path: string;
  private text: string | undefined;
  private mark = '';

  constructor(path: string) {
    this.path = path;
  }

  /** @throws why it cannot be read, when it never could */
  read(): string {
    try {
      const stat = statSync(this.path, { bigint: true });
      // Before the reading: what changes in between is read the next time.
      const mark = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
      if (mark !== this.mark) {
        // A pipe would block.
        if (!stat.isFile()) throw new Error('is no file');
        if (stat.size > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES} bytes`);
        const text = readFileSync(this.path, 'utf8');
        if (text.trim() === '') throw new Error('is empty');
        this.text = text;
        this.mark = mark;
      }
    } catch (error) {
      if (this.text === undefined) throw error;
    }
    return this.text!;
  }

  /** Reads again, whatever the file system says: a network file system may be late to tell. */
  forget(): void {
    this.mark = '';
  }
}

/** Why a file cannot be used, with the option that names it. */
export function fileTrouble({ path }: Pick<FreshFile, 'path'>, variable: string, error: unknown): Error {
  return new Error(
    `the file ${path} cannot be used (${(error as Error).message}); correct ${variable}, or let the service read it`,
  );
}

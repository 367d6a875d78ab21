import { execFileSync } from 'node:child_process';
import { temporaryDirectory } from '../support/temporary.ts';

/** Far below what the backends-down rows write. */
const SMALL_DISK = '512k';

/** Why no file system can be mounted here; undefined when it can. */
export function cannotMount(): string | undefined {
  if (process.platform !== 'linux') return 'file systems of a given size are mounted on Linux only';
  try {
    openDisk('small').close();
    return undefined;
  } catch {
    return 'mounting a file system needs root';
  }
}

/** A directory on an ordinary disk, on one of 512 KB, or on one that cannot be written. */
export function openDisk(kind: 'small' | 'read-only' | undefined): { readonly path: string; close(): void } {
  const path = temporaryDirectory('disk');
  if (kind === undefined) return { path, close() {} };
  const options = kind === 'small' ? `size=${SMALL_DISK}` : 'ro';
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
  return {
    path,
    close() {
      // Lazily: what the program under test still holds open ends with it.
      execFileSync('umount', ['--lazy', path], { stdio: 'pipe' });
    },
  };
}

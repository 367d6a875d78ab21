import { readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileBytes, removeFile } from './journal-directory.ts';
import { segmentName } from './segment-format.ts';

/** Ends the names of segments that were set aside; no reader opens them. */
const SUFFIX = '.damaged';
/** What is set aside may take this many bytes; the oldest goes first. */
const MAX_DAMAGED_BYTES = 32 * 1024 ** 2;

function damagedFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** Bytes of all segments of a service that were set aside. */
export function damagedBytes(directory: string): number {
  return damagedFiles(directory).reduce((bytes, path) => bytes + fileBytes(path), 0);
}

/**
 * Sets a damaged segment aside, beside the journals, for whoever wants to look.
 * @returns where it is now, undefined when that was not possible
 */
export function setAside(
  directory: string,
  journal: { path: string; journalId: string },
  segment: number,
): string | undefined {
  const path = join(directory, `${journal.journalId}-${segment}${SUFFIX}`);
  try {
    renameSync(join(journal.path, segmentName(segment)), path);
    return path;
  } catch {
    return undefined;
  }
}

/** Deletes what was set aside and is older than anything may be kept, or more than may be kept. */
export function removeOldDamage(directory: string, maxAgeMillis: number): void {
  let bytes = 0;
  const files = damagedFiles(directory).flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path, size: stats.size, modified: stats.mtimeMs }];
  });
  for (const file of files.sort((a, b) => b.modified - a.modified)) {
    bytes += file.size;
    if (bytes > MAX_DAMAGED_BYTES || Date.now() - file.modified > maxAgeMillis) removeFile(file.path);
  }
}

import { Checkpoint, type Cursors } from './checkpoint.ts';
import { listSegments } from './journal-directory.ts';
import { RECORD_KINDS, RecordKind } from './record-kind.ts';
import type { SegmentHeader } from './segment-format.ts';
import { headerOf, lastNumbers } from './segment-reader.ts';

/**
 * How many records of each kind have no outcome yet in a journal that nobody writes, or in some segments of it: told by the
 * numbers of the first and the last record, so that missing ones in between count too.
 */
export function countUnsettled(path: string, segments = listSegments(path)): Record<RecordKind, number> {
  const counts = { [RecordKind.LOG]: 0, [RecordKind.SPAN]: 0 };
  const first = firstHeaderOf(path, segments);
  const last = lastNumbersOf(path, segments);
  if (first === undefined || last === undefined) return counts;
  const settled: Cursors | undefined = Checkpoint.peek(path);
  for (const kind of RECORD_KINDS)
    counts[kind] = Math.max(0, last[kind] - Math.max(first.firstNumbers[kind] - 1, settled?.[kind].settled ?? 0));
  return counts;
}

function firstHeaderOf(path: string, segments: readonly number[]): SegmentHeader | undefined {
  for (const segment of segments) {
    const header = headerOf(path, segment);
    if (typeof header === 'object') return header;
  }
  return undefined;
}

/** From the end, and no further than needed: each look reads a whole segment. */
function lastNumbersOf(path: string, segments: readonly number[]): Record<RecordKind, number> | undefined {
  for (const segment of segments.toReversed()) {
    const last = lastNumbers(path, segment);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** A part of a query: UTF-16 offsets into its text, the end excluded. */
export interface PositionRange {
  readonly start: number;
  readonly end: number;
}

/** From the start of the one to the end of the other. */
export function spanning(first: PositionRange, last: PositionRange): PositionRange {
  return { start: first.start, end: last.end };
}

/** `line:column`, both from 1, the column in bytes: as Prometheus words it. */
export function positionText(query: string, position: number): string {
  if (query === '') return 'unknown position';
  if (position < 0 || position > query.length) return 'invalid position';
  const before = query.slice(0, position);
  const line = before.split('\n').length;
  return `${line}:${Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1)) + 1}`;
}

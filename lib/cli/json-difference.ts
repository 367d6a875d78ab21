/** Values in a difference are cut to this many characters. */
const MAX_VALUE = 60;

/**
 * Where two JSON values differ: one line a place, `path: old → new`; what is there once is `–` on the other side.
 * @param most lines; beyond, the last says how many there are
 */
export function jsonDifference(before: unknown, after: unknown, most: number): string[] {
  const found: string[] = [];
  compare(before, after, '', found);
  return found.length <= most ? found : [...found.slice(0, most), `… ${found.length - most} more`];
}

function compare(before: unknown, after: unknown, path: string, found: string[]): void {
  if (Object.is(before, after)) return;
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(before[key], after[key], path === '' ? key : `${path}.${key}`, found);
    return;
  }
  found.push(`${path}: ${shown(before)} → ${shown(after)}`);
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  if (value === undefined) return '–';
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`;
}

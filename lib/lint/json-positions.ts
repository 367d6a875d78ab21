/** Containers within containers: beyond, the stack of the thread would end first. */
const MAX_DEPTH = 200;
const SPACE = /[\s]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;

/**
 * Where each value of a JSON text begins: path, such as `panels/3/title`, to UTF-16 offset. The root is `''`.
 * @param text what `JSON.parse` has read without a mistake
 */
export function jsonPositions(text: string): Map<string, number> {
  const found = new Map<string, number>();
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0] ?? '';
    at += match.length;
    return match;
  };
  const value = (path: string, depth: number): void => {
    take(SPACE);
    found.set(path, at);
    const open = text[at];
    if (open !== '{' && open !== '[') {
      take(open === '"' ? STRING : SCALAR);
      return;
    }
    if (depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} containers within each other`);
    at += 1;
    for (let index = 0; ; index += 1) {
      take(SPACE);
      if (at >= text.length || text[at] === '}' || text[at] === ']') break;
      let key = String(index);
      if (open === '{') {
        key = JSON.parse(take(STRING)) as string;
        take(SPACE);
        at += 1;
      }
      value(path === '' ? key : `${path}/${key}`, depth + 1);
      take(SPACE);
      if (text[at] === ',') at += 1;
    }
    at += 1;
  };
  value('', 0);
  return found;
}

/** Line and column of an offset, both from 1. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

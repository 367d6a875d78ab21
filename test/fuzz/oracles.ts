import assert from 'node:assert/strict';
import { CANARY } from './hostile-value.ts';

/** Elasticsearch's `index.mapping.depth.limit`; names with dots are levels as well. */
const MAX_INDEX_DEPTH = 20;

/** What may stand in a header field (RFC 9110 §5.5), as Node checks it. */
export function assertHeader(name: string, value: string): void {
  assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/, 'a header name in lower case');
  assert.match(
    value,
    /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/,
    `value of ${name}: ${JSON.stringify(value).slice(0, 300)}`,
  );
}

export function assertNoCanary(text: string, where: string): void {
  const at = text.indexOf(CANARY);
  assert.ok(at < 0, `${where} leaks: …${text.slice(Math.max(0, at - 200), at + CANARY.length + 20)}`);
}

/**
 * Parses one JSON text as strict readers do: no raw line end, no lone surrogate (it has no UTF-8 form), no name twice in one
 * object, which Elasticsearch refuses together with the document.
 */
export function strictJson(text: string): unknown {
  assert.ok(!/[\r\n]/.test(text), 'a line end in one line');
  assert.ok(text.isWellFormed(), 'a lone surrogate');
  const value: unknown = JSON.parse(text);
  assertNoNameTwice(text);
  return value;
}

/** Walks the text of valid JSON. */
function assertNoNameTwice(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gy;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) {
      at += 1;
      continue;
    }
    at = token.lastIndex;
    const [found] = match;
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (text[at] === ':') {
      const name = JSON.parse(found) as string;
      const names = open.at(-1);
      assert.ok(names !== undefined && !names.has(name), `the name ${JSON.stringify(name).slice(0, 100)} twice`);
      names.add(name);
    }
  }
}

/** Levels of a document as an index counts them. */
export function assertIndexDepth(value: unknown, depth = 0): void {
  assert.ok(depth <= MAX_INDEX_DEPTH, 'deeper than an index takes');
  if (Array.isArray(value)) for (const member of value) assertIndexDepth(member, depth);
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) assertIndexDepth(member, depth + key.split('.').length);
}

/** Nothing that was read has changed what all objects inherit. */
export function assertUnpolluted(): void {
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined, 'Object.prototype was changed');
  assert.deepEqual(Object.keys(Object.prototype), []);
}

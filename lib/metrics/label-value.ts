/** Longest label value kept, in UTF-16 units; a page must stay readable and a scrape small. */
export const MAX_LABEL_VALUE = 256;

/** Elements of an array that are written out; `?tenant=a&tenant=b` is two. */
const MAX_ELEMENTS = 8;

const UNSAFE = /[\0\ud800-\udfff]/;

function cut(text: string): string {
  const short = text.length > MAX_LABEL_VALUE ? text.slice(0, MAX_LABEL_VALUE) : text;
  // A lone surrogate has no UTF-8 form and NUL ends the page for Prometheus's lexer: both become U+FFFD.
  return UNSAFE.test(short) ? short.toWellFormed().replaceAll('\0', '\ufffd') : short;
}

function ofObject(value: object): string {
  try {
    if (!Array.isArray(value)) return Object.prototype.toString.call(value);
    // No toString or toJSON of the app runs here: either may throw, loop or return something else each time.
    const parts = value
      .slice(0, MAX_ELEMENTS)
      .map((part) => (typeof part === 'object' && part !== null ? '[object]' : String(part)));
    return parts.join(',');
  } catch {
    return '[object]';
  }
}

/**
 * Any value as a label value: never throws, never runs code of the app, bounded, always encodable. `null` and `undefined`
 * are the empty value, which Prometheus treats as "no such label".
 */
export function labelValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return cut(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value).slice(0, MAX_LABEL_VALUE);
    case 'undefined':
      return '';
    case 'object':
      return value === null ? '' : cut(ofObject(value));
    case 'symbol':
      return cut(String(value));
    case 'function':
      return '[function]';
  }
}

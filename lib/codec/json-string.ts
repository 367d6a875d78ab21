/** Everything that JSON must escape, and lone or paired surrogates (a lone one has no UTF-8 form). */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A string as JSON text (RFC 8259 §7). Most are short and plain: those are only quoted. */
export function jsonString(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Keys remembered; past it they are encoded each time. Attribute keys come from code, so they are few. */
const MAX_KEYS = 2000;
const keys = new Map<string, string>();

/** A key with its colon, `"key":`, encoded once. */
export function jsonKey(key: string): string {
  let encoded = keys.get(key);
  if (encoded === undefined) {
    encoded = `${jsonString(key)}:`;
    if (keys.size < MAX_KEYS) keys.set(key, encoded);
  }
  return encoded;
}

/** RFC 9110, section 5.6.2: what may name a header, a baggage member or a property. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Optional white space of HTTP is space and tab, nothing else: `trim` would take line ends and no-break spaces too. */
function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The text without optional white space (RFC 9110, section 5.6.3) at either end. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start += 1;
  while (end > start && isOws(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

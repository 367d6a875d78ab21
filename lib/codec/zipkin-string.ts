import { jsonString } from './json-string.ts';

/** What JSON must escape, surrogates, and the separators: everything else is only quoted. */
const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff\u2028\u2029]/;
const SEPARATORS = /[\u2028\u2029]/g;

/**
 * A string as JSON text for Zipkin. U+2028 and U+2029 become line feeds: Zipkin 3.6.1 counts the bytes of its own answer
 * wrongly when one of them stands in a string with any other non-ASCII character, and ends the JSON of the whole trace
 * with NUL bytes that no client parses.
 */
export function zipkinString(text: string): string {
  return NEEDS_CARE.test(text) ? jsonString(text.replace(SEPARATORS, '\n')) : `"${text}"`;
}

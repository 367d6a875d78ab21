/**
 * The methods that OpenTelemetry's semantic conventions know ("HTTP spans", stable): RFC 9110, PATCH (RFC 5789) and QUERY.
 * All others are `_OTHER`.
 */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
]);
export const OTHER_METHOD = '_OTHER';

/** Whether the conventions know a method, given in upper case. */
export function isKnownMethod(method: string): boolean {
  return KNOWN_METHODS.has(method);
}

/** The method as a low-cardinality value. */
export function knownMethod(method: string): string {
  return isKnownMethod(method) ? method : OTHER_METHOD;
}

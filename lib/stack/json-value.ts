/**
 * A value of parsed JSON as a number, or NaN. Unlike `Number()` it never throws: JSON may hold `{"toString":1,"valueOf":1}`.
 */
export function jsonNumber(value: unknown): number {
  return typeof value === 'object' ? Number.NaN : Number(value);
}

/** A value of parsed JSON as a text; objects and lists as the JSON that they are. Unlike `String()` it never throws. */
export function jsonText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

import { MAX_PAYLOAD_BYTES } from './segment-format.ts';

/** How much of each string is kept, tried in turn until the record fits, characters. */
const KEPT_CHARACTERS = [8192, 1024, 128] as const;
/** Members of an array or object that are kept, a level. */
const KEPT_MEMBERS = 200;
/** An array attribute of an event of a span in the JSON of OTLP is 12 levels down. */
const MAX_DEPTH = 14;
/** A record beyond this is not even looked at: parsing it would block the app. */
const MAX_LOOKED_AT = 32 * 1024 ** 2;
const MARK = '…[cut by sightline]';

/** A record that the journal takes: as it is, or shortened. @returns undefined when it cannot be made to fit */
export function fitRecord(text: string): string | undefined {
  // A UTF-16 unit takes three bytes at most.
  if (text.length * 3 <= MAX_PAYLOAD_BYTES) return text;
  return Buffer.byteLength(text) <= MAX_PAYLOAD_BYTES ? text : shortenRecord(text);
}

/**
 * Makes a record that is too large small enough by cutting its long strings, with a mark: a log line whose stack or
 * body is cut still says that it happened, where and under which ID.
 * @param text a JSON object
 * @returns a smaller JSON object, or undefined when it cannot be made to fit
 */
export function shortenRecord(text: string): string | undefined {
  if (text.length > MAX_LOOKED_AT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (const kept of KEPT_CHARACTERS) {
    const shorter = JSON.stringify(cut(value, kept, MAX_DEPTH));
    if (Buffer.byteLength(shorter) <= MAX_PAYLOAD_BYTES) return shorter;
  }
  return undefined;
}

function cut(value: unknown, kept: number, depth: number): unknown {
  if (typeof value === 'string') return value.length <= kept ? value : value.slice(0, kept).toWellFormed() + MARK;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return MARK;
  if (Array.isArray(value)) return value.slice(0, KEPT_MEMBERS).map((member) => cut(member, kept, depth - 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, KEPT_MEMBERS)
      .map(([key, member]) => [key, cut(member, kept, depth - 1)]),
  );
}

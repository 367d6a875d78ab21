import type { IncomingHttpHeaders } from 'node:http';

/** Longest correlation ID that is accepted, characters. */
export const MAX_CORRELATION_ID_LENGTH = 128;

/** `1` at the code of every accepted character: letters, digits and `._~:/+=@-`. No quote, comma, space or control: safe in a header, a log line and a query. */
const ACCEPTED = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=@-') {
  ACCEPTED[character.charCodeAt(0)] = 1;
}

/**
 * Whether a correlation ID is accepted: `^[A-Za-z0-9._~:/+=@-]{1,128}$`. One pass over at most 128 characters, however long and
 * hostile the value is.
 */
export function isCorrelationId(value: string): boolean {
  const length = value.length;
  if (length === 0 || length > MAX_CORRELATION_ID_LENGTH) return false;
  for (let index = 0; index < length; index += 1) {
    if (ACCEPTED[value.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

/** What the correlation headers of a request gave. */
export interface PickedCorrelationId {
  /** The first acceptable ID in the order of the names; undefined when there is none. */
  readonly id: string | undefined;
  /** The header it came by, as spelled in the names. */
  readonly header: string | undefined;
  /** A header before it (or, without an ID, any of them) was present and not acceptable. */
  readonly rejected: boolean;
}

const NOTHING: PickedCorrelationId = Object.freeze({ id: undefined, header: undefined, rejected: false });
const ONLY_REJECTED: PickedCorrelationId = Object.freeze({ id: undefined, header: undefined, rejected: true });

/**
 * Picks the correlation ID of an inbound request. A header that came twice is not acceptable: Node joins the values with `, `, which no
 * ID contains, and guessing which of two callers is right would be wrong half the time.
 *
 * @param names header names, lower case, in the order of preference
 */
export function pickCorrelationId(headers: IncomingHttpHeaders, names: readonly string[]): PickedCorrelationId {
  let rejected = false;
  for (let index = 0; index < names.length; index += 1) {
    const header = names[index]!;
    const value = headers[header];
    if (value === undefined) continue;
    if (typeof value === 'string' && isCorrelationId(value)) return { id: value, header, rejected };
    rejected = true;
  }
  return rejected ? ONLY_REJECTED : NOTHING;
}

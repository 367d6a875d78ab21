import type { Baggage, BaggageEntry, BaggageEntryMetadata } from '@opentelemetry/api';
import { TOKEN, trimOws } from './header-text.ts';

/** Members that are read and sent (OpenTelemetry JS; W3C Baggage asks for at least 64). */
export const MAX_BAGGAGE_MEMBERS = 180;
/** Bytes of the whole header (W3C Baggage, "Limits"). */
export const MAX_BAGGAGE_BYTES = 8192;
/** Bytes of one member with its properties (OpenTelemetry JS). */
export const MAX_BAGGAGE_MEMBER_BYTES = 4096;

/** W3C Baggage `baggage-octet`s. */
const OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * Baggage of ours: immutable, the members in order. Knows its own header text, so that sending it on to several hosts costs once.
 */
export class ObservationBaggage implements Baggage {
  private readonly entries: ReadonlyMap<string, BaggageEntry>;
  private header: string | undefined;

  constructor(entries: ReadonlyMap<string, BaggageEntry>) {
    this.entries = entries;
    this.header = undefined;
  }

  getEntry(key: string): BaggageEntry | undefined {
    const entry = this.entries.get(key);
    return entry === undefined ? undefined : { ...entry };
  }

  getAllEntries(): [string, BaggageEntry][] {
    return Array.from(this.entries, ([key, entry]) => [key, { ...entry }]);
  }

  setEntry(key: string, entry: BaggageEntry): ObservationBaggage {
    return new ObservationBaggage(new Map(this.entries).set(key, entry));
  }

  removeEntry(key: string): ObservationBaggage {
    return this.removeEntries(key);
  }

  removeEntries(...keys: string[]): ObservationBaggage {
    const entries = new Map(this.entries);
    for (const key of keys) entries.delete(key);
    return new ObservationBaggage(entries);
  }

  clear(): ObservationBaggage {
    return new ObservationBaggage(new Map());
  }

  /** The header value; empty when nothing can be sent. */
  serialize(): string {
    this.header ??= serialize(this.entries);
    return this.header;
  }
}

/** The API's type is opaque by a symbol that only its runtime has; a text with `toString` is all that anybody uses of it. */
function metadataOf(text: string): BaggageEntryMetadata {
  return { toString: () => text } as BaggageEntryMetadata;
}

/** Properties of a member as they may be sent; undefined when any of them breaks the grammar. */
function validProperties(text: string): string | undefined {
  const properties = text
    .split(';')
    .map(trimOws)
    .filter((property) => property !== '');
  for (const property of properties) {
    const equals = property.indexOf('=');
    const key = equals === -1 ? property : trimOws(property.slice(0, equals));
    const value = equals === -1 ? '' : trimOws(property.slice(equals + 1));
    if (!TOKEN.test(key) || !OCTETS.test(value)) return undefined;
  }
  return properties.join(';');
}

/** Percent-decodes; octets that are no UTF-8 become U+FFFD (W3C Baggage, "value"), a `%` that starts no octet stays itself. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    const bytes = text.replace(/%([0-9a-f]{2})/gi, (_whole, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, 'latin1').toString('utf8');
  }
}

function parseMember(member: string): [string, BaggageEntry] | undefined {
  const semicolon = member.indexOf(';');
  const pair = semicolon === -1 ? member : member.slice(0, semicolon);
  const equals = pair.indexOf('=');
  if (equals <= 0) return undefined;
  const key = trimOws(pair.slice(0, equals));
  const raw = trimOws(pair.slice(equals + 1));
  if (!TOKEN.test(key) || !OCTETS.test(raw)) return undefined;
  const value = decode(raw);
  const properties = semicolon === -1 ? '' : validProperties(member.slice(semicolon + 1));
  if (properties === undefined) return undefined;
  return [key, properties === '' ? { value } : { value, metadata: metadataOf(properties) }];
}

/**
 * Reads a combined `baggage` header (W3C Baggage). Members that break the grammar or a limit are left out, the others stand; of a key
 * that comes twice the last counts.
 *
 * @returns undefined when no member is left
 */
export function parseBaggage(header: string): ObservationBaggage | undefined {
  const entries = new Map<string, BaggageEntry>();
  let start = 0;
  // Each turn consumes a member; what lies beyond the byte limit is not looked at.
  while (start < header.length && start <= MAX_BAGGAGE_BYTES && entries.size < MAX_BAGGAGE_MEMBERS) {
    const comma = header.indexOf(',', start);
    const end = comma === -1 ? header.length : comma;
    if (end > MAX_BAGGAGE_BYTES) break;
    const member = trimOws(header.slice(start, end));
    start = end + 1;
    if (member === '' || member.length > MAX_BAGGAGE_MEMBER_BYTES) continue;
    const parsed = parseMember(member);
    if (parsed !== undefined) entries.set(parsed[0], parsed[1]);
  }
  return entries.size === 0 ? undefined : new ObservationBaggage(entries);
}

function formatMember(key: string, entry: BaggageEntry): string {
  if (!TOKEN.test(key) || typeof entry.value !== 'string') return '';
  // A lone surrogate has no UTF-8 form; encodeURIComponent would throw on it.
  const pair = `${key}=${encodeURIComponent(entry.value.toWellFormed())}`;
  const properties = entry.metadata === undefined ? '' : validProperties(entry.metadata.toString());
  const member = properties === undefined || properties === '' ? pair : `${pair};${properties}`;
  return member.length > MAX_BAGGAGE_MEMBER_BYTES ? '' : member;
}

function serialize(entries: Iterable<[string, BaggageEntry]>): string {
  let header = '';
  let members = 0;
  for (const [key, entry] of entries) {
    const member = formatMember(key, entry);
    if (member === '' || header.length + member.length + 1 > MAX_BAGGAGE_BYTES) continue;
    header = header === '' ? member : `${header},${member}`;
    members += 1;
    if (members === MAX_BAGGAGE_MEMBERS) break;
  }
  return header;
}

/**
 * The `baggage` header of any `Baggage`, within the limits; empty when there is nothing to send. Members whose key is no token are
 * left out: there is no way to write them.
 */
export function formatBaggage(baggage: Baggage): string {
  try {
    return baggage instanceof ObservationBaggage ? baggage.serialize() : serialize(baggage.getAllEntries());
  } catch {
    return '';
  }
}

import type { TraceState } from '@opentelemetry/api';
import { trimOws } from './header-text.ts';

/** Members a list may have; a header with more is discarded (W3C Trace Context level 2, "tracestate Header Field Values"). */
export const MAX_TRACESTATE_MEMBERS = 32;
/** Characters of the combined header that are sent on; what is beyond is cut by whole members ("tracestate Limits"). */
export const MAX_TRACESTATE_LENGTH = 512;
/** When a list must be cut, members longer than this go first ("tracestate Limits"). */
const LONG_MEMBER_LENGTH = 128;
const MAX_KEY_LENGTH = 256;
const MAX_VALUE_LENGTH = 256;
/** Characters of an inbound header that are looked at: Node's own limit of all headers is 16 KiB, other carriers have none. */
const MAX_HEADER_LENGTH = 16_384;

const KEY = /^[a-z0-9][a-z0-9_\-*/@]*$/;
/** Printable ASCII without `,` and `=`, the last one no space. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]*[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Whether this is a key of the level 2 grammar. */
export function isTracestateKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key);
}

/** Whether this is a value of the grammar: 1 to 256 characters, not ending with a space. */
export function isTracestateValue(value: string): boolean {
  return value.length <= MAX_VALUE_LENGTH && VALUE.test(value);
}

const NO_MEMBERS: ReadonlyMap<string, string> = new Map();

/** The members of a header in their order; empty when any of them breaks the grammar, because order and completeness carry meaning. */
function parse(header: string): ReadonlyMap<string, string> {
  if (header.length > MAX_HEADER_LENGTH) return NO_MEMBERS;
  const members = new Map<string, string>();
  for (const part of header.split(',')) {
    const member = trimOws(part);
    if (member === '') continue;
    const equals = member.indexOf('=');
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals <= 0 || !isTracestateKey(key) || !isTracestateValue(value)) return NO_MEMBERS;
    // A vendor that is met again has its newest position on the left: the first one stands.
    if (!members.has(key)) members.set(key, value);
    if (members.size > MAX_TRACESTATE_MEMBERS) return NO_MEMBERS;
  }
  return members;
}

function serialize(members: ReadonlyMap<string, string>): string {
  let list = Array.from(members, ([key, value]) => `${key}=${value}`);
  let length = list.reduce((sum, member) => sum + member.length + 1, -1);
  for (let index = list.length - 1; index >= 0 && length > MAX_TRACESTATE_LENGTH; index -= 1) {
    const member = list[index]!;
    if (member.length <= LONG_MEMBER_LENGTH) continue;
    length -= member.length + 1;
    list[index] = '';
  }
  list = list.filter((member) => member !== '');
  while (length > MAX_TRACESTATE_LENGTH) length -= list.pop()!.length + 1;
  return list.join(',');
}

/**
 * An immutable `tracestate` list (W3C Trace Context level 2). An inbound header is parsed when somebody first looks: most requests
 * carry it through only.
 */
export class ObservationTraceState implements TraceState {
  private header: string | undefined;
  private members: ReadonlyMap<string, string> | undefined;

  /** @param header the value of the combined header; whatever breaks the grammar gives an empty list, never an error */
  constructor(header: string) {
    this.header = header;
    this.members = undefined;
  }

  private list(): ReadonlyMap<string, string> {
    if (this.members === undefined) {
      this.members = parse(this.header ?? '');
      this.header = undefined;
    }
    return this.members;
  }

  private static of(members: ReadonlyMap<string, string>): ObservationTraceState {
    const state = new ObservationTraceState('');
    state.members = members;
    state.header = undefined;
    return state;
  }

  /** Adds or replaces a member and moves it to the front; a 33rd pushes out the last. A key or value outside the grammar changes nothing. */
  set(key: string, value: string): ObservationTraceState {
    if (typeof key !== 'string' || typeof value !== 'string' || !isTracestateKey(key) || !isTracestateValue(value))
      return this;
    const members = new Map([[key, value]]);
    for (const [other, content] of this.list()) {
      if (members.size === MAX_TRACESTATE_MEMBERS) break;
      if (other !== key) members.set(other, content);
    }
    return ObservationTraceState.of(members);
  }

  unset(key: string): ObservationTraceState {
    if (!this.list().has(key)) return this;
    const members = new Map(this.list());
    members.delete(key);
    return ObservationTraceState.of(members);
  }

  get(key: string): string | undefined {
    return this.list().get(key);
  }

  /** How many members the list has. */
  get size(): number {
    return this.list().size;
  }

  /** The header value, at most 512 characters; empty when there is nothing to send. */
  serialize(): string {
    // The text is made once and kept; the members stay for `get`.
    const members = this.list();
    this.header ??= serialize(members);
    return this.header;
  }

  toString(): string {
    return this.serialize();
  }
}

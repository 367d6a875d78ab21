import { fieldNameOf } from '../codec/ecs-log.ts';
import { crossesValue, isExactNumber, unify } from './index-shape.ts';
import { REDACTED, redactText } from './redact-text.ts';
import { createSecretKeys } from './secret-keys.ts';

export { REDACTED } from './redact-text.ts';

/**
 * Levels of nesting that stay structure, dots in names counted: Elasticsearch takes 20 (`index.mapping.depth.limit`) and refuses the document
 * beyond. What is deeper is kept as JSON text.
 */
const MAX_DEPTH = 14;
/** Characters of such a text. */
const MAX_DEEP_TEXT = 8192;
/** Key names that are remembered; then all are forgotten, so that names made of data do not push out the real ones for good. */
const MAX_REMEMBERED_KEYS = 2000;
/** Longer names are judged each time. */
const MAX_REMEMBERED_LENGTH = 100;
/** Shorter keys hold no token; longer ones are looked through like a text. */
const KEY_AS_TEXT = 8;

export interface Redactor {
  /** Whether the value under this key never leaves. */
  isSecretKey(key: string): boolean;
  /** Whether `SIGHTLINE_REDACT` names this field of ours (`url.query`) as a whole. Ask once: it is not remembered. */
  hides(field: string): boolean;
  /**
   * A parsed JSON value without its secrets, changed in place; gives the value to use. Names and depth become such that an
   * index takes them.
   */
  value(value: unknown): unknown;
  /** The same for the value of a key. */
  member(key: string, value: unknown): unknown;
  /** Free text: tokens, JWT shapes, credentials in URLs, and pairs with a secret name. */
  text(text: string): string;
  /** A URL or path: secret query values and credentials. */
  url(url: string): string;
}

/** A key of a nested object: what it is called in the document, and what becomes of its value. */
interface KnownKey {
  readonly name: string;
  readonly secret: boolean;
  /** A secret unless it is a number. */
  readonly plural: boolean;
  /** Levels it adds. */
  readonly levels: number;
  /** Changed or dotted: another key of the same object may want the same place. */
  readonly contested: boolean;
}

/** As data, never through the `__proto__` accessor. */
function define(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}

/**
 * Makes the redactor that everything passes before it is written: log lines, access lines, error texts, span attributes.
 *
 * @param spec `SIGHTLINE_REDACT`, see `createSecretKeys`
 */
export function createRedactor(spec: string | undefined): Redactor {
  const keys = createSecretKeys(spec);
  const known = new Map<string, KnownKey>();
  const text = (input: string): string => redactText(input, keys);
  /** A list within a list is made to agree together with the outer one. */
  let inList = false;

  function keyOf(key: string): KnownKey {
    let found = known.get(key);
    if (found === undefined) {
      const name = fieldNameOf(key.length > KEY_AS_TEXT ? text(key) : key);
      const verdict = keys.judge(key);
      found = {
        name,
        secret: verdict === 'secret',
        plural: verdict === 'plural',
        levels: name.split('.').length,
        contested: name !== key || name.includes('.'),
      };
      if (known.size >= MAX_REMEMBERED_KEYS) known.clear();
      if (key.length <= MAX_REMEMBERED_LENGTH) known.set(key, found);
    }
    return found;
  }

  /** As text: cleaned as a structure first, whatever its depth. */
  function deep(input: object): string {
    try {
      return JSON.stringify(walk(input, Number.NEGATIVE_INFINITY)).slice(0, MAX_DEEP_TEXT);
    } catch {
      // Deeper than the stack: nobody has looked at it, so it does not leave.
      return REDACTED;
    }
  }

  /** A name that no other key of the object has and that runs into no other value. */
  function freeName(record: Record<string, unknown>, key: string, usable: string): string {
    let name = crossesValue(record, key, isSecret) ? usable.replaceAll('.', '_') : usable;
    if (name === key) return name;
    while (Object.hasOwn(record, name)) name += '_';
    return name;
  }

  const isSecret = (key: string): boolean => keys.judge(key) !== 'plain';

  /** Also lists of names and values in turn, `rawHeaders` of Node, and pairs `[name, value]`. */
  function array(input: unknown[], depth: number): unknown[] {
    const even = input.length % 2 === 0;
    for (let index = 0; index < input.length; index += 1) {
      const item = input[index];
      const name = even && index % 2 === 1 && typeof item === 'string' ? input[index - 1] : undefined;
      input[index] =
        typeof name === 'string' && name.length <= MAX_REMEMBERED_LENGTH && keys.judge(name) !== 'plain'
          ? REDACTED
          : walk(item, depth);
    }
    return input;
  }

  /** `{ name: 'cookie', value: 'sid=1' }`: a pair written as an object. */
  function isSecretPair(record: Record<string, unknown>): boolean {
    const name = record['name'] ?? record['key'];
    return typeof name === 'string' && keys.judge(name) !== 'plain';
  }

  function walk(input: unknown, depth: number): unknown {
    if (typeof input === 'string') return text(input);
    if (typeof input !== 'object' || input === null || isExactNumber(input)) return input;
    if (depth >= MAX_DEPTH) return deep(input);
    if (Array.isArray(input)) {
      const isOutermost = !inList;
      inList = true;
      try {
        array(input, depth + 1);
      } finally {
        if (isOutermost) inList = false;
      }
      if (isOutermost) unify(input);
      return input;
    }
    const record = input as Record<string, unknown>;
    for (const key of Object.keys(record)) {
      const member = record[key];
      const { name: usable, secret, plural, levels, contested } = keyOf(key);
      const name = contested ? freeName(record, key, usable) : usable;
      const hidden =
        typeof member !== 'boolean' &&
        member !== null &&
        (secret || (plural && typeof member !== 'number') || (key === 'value' && isSecretPair(record)));
      if (name !== key) delete record[key];
      else if (!hidden && (typeof member === 'number' || typeof member === 'boolean')) continue;
      define(record, name, hidden ? REDACTED : walk(member, depth + levels));
    }
    return record;
  }

  function member(key: string, value: unknown): unknown {
    const { secret, plural, levels } = keyOf(key);
    if (typeof value === 'boolean' || value === null) return value;
    return secret || (plural && typeof value !== 'number') ? REDACTED : walk(value, levels);
  }

  return {
    isSecretKey: (key) => keys.judge(key) !== 'plain',
    hides: keys.names,
    value: (input) => walk(input, 0),
    member,
    text,
    url: text,
  };
}

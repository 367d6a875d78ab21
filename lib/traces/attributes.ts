import { truncate } from '../core/truncate.ts';
import type { Attributes, AttributeValue } from '../model/attributes.ts';

/** Characters that a map, mixed array or byte array may take once written as text. */
const MAX_COMPLEX_LENGTH = 32_768;

/** An array of one primitive kind (null and undefined may be among it), copied; undefined when it is something else. */
function homogeneous(values: readonly unknown[], limit: number): AttributeValue | undefined {
  const copy: (string | number | boolean | null)[] = new Array(values.length);
  let kind: string | undefined;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value === null || value === undefined) {
      copy[index] = null;
      continue;
    }
    const type = typeof value;
    if ((type !== 'string' && type !== 'number' && type !== 'boolean') || (kind !== undefined && kind !== type))
      return undefined;
    kind = type;
    copy[index] = type === 'string' ? truncate(value as string, limit) : (value as number | boolean);
  }
  return copy;
}

/** Whether a value inside a map or mixed array is one that the specification knows; anything else makes the whole invalid. */
function plainOnly(this: unknown, _key: string, value: unknown): unknown {
  const type = typeof value;
  if (type === 'function' || type === 'symbol' || type === 'bigint') throw new TypeError('not an attribute value');
  if (type === 'number' && !Number.isFinite(value)) return String(value);
  if (type !== 'object' || value === null || Array.isArray(value)) return value;
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('not an attribute value');
  return value;
}

/**
 * Values of the later specification (maps, mixed arrays, bytes) in the text form that it gives for protocols without them: JSON, and
 * base64 for bytes (OpenTelemetry, "Common", string representation of AnyValue).
 */
function complex(value: object, limit: number): AttributeValue | undefined {
  try {
    if (Array.isArray(value)) {
      const simple = homogeneous(value, limit);
      if (simple !== undefined) return simple;
    }
    if (value instanceof Uint8Array) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, MAX_COMPLEX_LENGTH));
      return truncate(bytes.toString('base64'), limit);
    }
    plainOnly.call(undefined, '', value);
    const text = JSON.stringify(value, plainOnly) as string | undefined;
    return text === undefined ? undefined : truncate(text, Math.min(limit, MAX_COMPLEX_LENGTH));
  } catch {
    // Circular, a class instance, or a getter that throws: not an attribute value.
    return undefined;
  }
}

/**
 * A value as a span keeps it: copied, cut to `limit`; undefined when it is none (functions, symbols, class instances, null, …).
 */
export function cleanValue(value: unknown, limit: number): AttributeValue | undefined {
  if (typeof value === 'string') return value.length <= limit ? value : truncate(value, limit);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'object' && value !== null ? complex(value, limit) : undefined;
}

/** Whether a key can be kept: not empty, and not the one name that would change the object instead of its content. */
export function isAttributeKey(key: unknown): key is string {
  return typeof key === 'string' && key !== '' && key !== '__proto__';
}

/** Attributes of an event or link after cleaning. */
export interface CleanAttributes {
  readonly attributes: Attributes;
  /** How many the count limit has left out. */
  readonly dropped: number;
}

const NO_ATTRIBUTES: Attributes = Object.freeze({});
const NONE: CleanAttributes = Object.freeze({ attributes: NO_ATTRIBUTES, dropped: 0 });

/** Copies the valid attributes, at most `countLimit`. Never throws, whatever the getters of the source do. */
export function cleanAttributes(source: unknown, countLimit: number, lengthLimit: number): CleanAttributes {
  if (typeof source !== 'object' || source === null) return NONE;
  const attributes: Attributes = {};
  let kept = 0;
  let dropped = 0;
  for (const key of keysOf(source)) {
    const value = isAttributeKey(key) ? cleanValue(read(source, key), lengthLimit) : undefined;
    if (value === undefined) continue;
    if (kept >= countLimit) {
      dropped += 1;
      continue;
    }
    attributes[key] = value;
    kept += 1;
  }
  return { attributes, dropped };
}

/** Own enumerable keys; none when a proxy refuses. */
export function keysOf(source: object): readonly string[] {
  try {
    return Object.keys(source);
  } catch {
    return [];
  }
}

/** A property; undefined when its getter throws. */
export function read(source: object, key: string): unknown {
  try {
    return (source as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** A name as text; an object whose `toString` throws has none. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return String(value);
  } catch {
    return '';
  }
}

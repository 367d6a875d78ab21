import type { Received } from '../../codec/message-shape.ts';
import type { AnyValue, KeyValue } from '../../codec/otlp.ts';
import type { JsonValue } from '../query/document-fields.ts';

export type ReceivedAttributes = readonly Received<KeyValue>[] | undefined;

/**
 * An attribute value as text: a primitive as it is written, lists and maps as JSON.
 * Source: OpenTelemetry specification, "Mapping to non-OTLP formats"; lists as in "Zipkin transformation", Attribute.
 */
export function valueText(value: Received<AnyValue> | undefined): string {
  if (value === undefined) return '';
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return String(value.boolValue);
  if (value.intValue !== undefined) return value.intValue;
  if (value.doubleValue !== undefined) return String(value.doubleValue);
  if (value.bytesValue !== undefined) return value.bytesValue;
  if (value.arrayValue !== undefined || value.kvlistValue !== undefined) return JSON.stringify(valueJson(value));
  return '';
}

/** An attribute value as JSON. An integer that a number cannot hold, and what JSON has no number for, is text. */
export function valueJson(value: Received<AnyValue> | undefined): JsonValue {
  if (value === undefined) return null;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : value.intValue;
  }
  if (value.doubleValue !== undefined) {
    const number = Number(value.doubleValue);
    return Number.isFinite(number) ? number : String(value.doubleValue);
  }
  if (value.bytesValue !== undefined) return value.bytesValue;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueJson);
  if (value.kvlistValue !== undefined) return attributesJson(value.kvlistValue.values);
  return null;
}

/** Attributes as one JSON object; of a key that comes twice the last wins. */
export function attributesJson(attributes: ReceivedAttributes): Record<string, JsonValue> {
  const result: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>;
  for (const { key = '', value } of attributes ?? []) result[key] = valueJson(value);
  return result;
}

/** Attributes as texts; of a key that comes twice the last wins. */
export function attributesText(attributes: ReceivedAttributes): Map<string, string> {
  return new Map((attributes ?? []).map(({ key = '', value }) => [key, valueText(value)]));
}

/** Whole microseconds of a time in nanoseconds; 0 when there is none. */
export function microsOf(unixNano: string | undefined): number {
  return unixNano === undefined ? 0 : Number(unixNano.slice(0, -3));
}

/** Whole milliseconds of a time in nanoseconds; 0 when there is none. */
export function millisOf(unixNano: string | undefined): number {
  return unixNano === undefined ? 0 : Number(unixNano.slice(0, -6));
}

/** Whether an ID is one: so many bytes, not all zero. */
export function isId(id: string | undefined, bytes: number): id is string {
  return id !== undefined && id.length === bytes * 2 && !/^0*$/.test(id);
}

/** Counts what was refused, and remembers the first reasons: an answer has room for some. */
export class Refusals {
  static readonly MAX_REASONS = 5;
  readonly #reasons = new Set<string>();
  #rejected = 0;

  add(count: number, reason: string): void {
    this.#rejected += count;
    if (this.#reasons.size < Refusals.MAX_REASONS) this.#reasons.add(reason);
  }

  /** For the answer; undefined when nothing was refused. */
  get partialSuccess(): { readonly rejected: number; readonly message: string } | undefined {
    return this.#rejected === 0 ? undefined : { rejected: this.#rejected, message: [...this.#reasons].join('; ') };
  }
}

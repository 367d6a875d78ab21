import { fieldValues, type JsonValue, leafValues } from './document-fields.ts';

/**
 * What a log search asks of one document, whatever language it was written in (Elasticsearch's query DSL, the Lucene
 * query string). Plain data: it crosses the thread boundary.
 */
export type LogPredicate =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  /** A keyword field that holds exactly this value (Elasticsearch `term`). */
  | { readonly kind: 'equals'; readonly field: string; readonly value: string }
  /** An analysed field that holds these words: any, all, or as a phrase. */
  | {
      readonly kind: 'words';
      readonly field: string;
      readonly words: readonly string[];
      readonly how: 'any' | 'all' | 'phrase';
    }
  /** `@timestamp` in microseconds, other fields as numbers. */
  | {
      readonly kind: 'range';
      readonly field: string;
      readonly gt?: number;
      readonly gte?: number;
      readonly lt?: number;
      readonly lte?: number;
    }
  | { readonly kind: 'exists'; readonly field: string }
  /** Any field: a keyword equal to the text, or an analysed field that holds its words as a phrase. */
  | { readonly kind: 'anywhere'; readonly text: string }
  | { readonly kind: 'and' | 'or'; readonly of: readonly LogPredicate[] }
  | { readonly kind: 'not'; readonly of: LogPredicate };

/** Fields that Elasticsearch's own `logs-*-*` and `ecs@mappings` templates analyse as text; every other string is a keyword. */
const TEXT_FIELDS = new Set(['message', 'error.message', 'event.original']);

/** Whether a field is analysed into words. */
export function isTextField(field: string): boolean {
  return TEXT_FIELDS.has(field);
}

/** Words of a text, lower case: the cut of the standard analyser, near enough for identifiers and prose. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+(?:[.'’][\p{L}\p{N}_]+)*/gu) ?? [];
}

/** Microseconds of a document's `@timestamp`, as it was understood when it was stored. */
export interface DocumentFacts {
  readonly timestamp: number;
}

/** Whether a document answers a predicate. */
export function matchesPredicate(predicate: LogPredicate, document: JsonValue, facts: DocumentFacts): boolean {
  switch (predicate.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
      return predicate.of.every((part) => matchesPredicate(part, document, facts));
    case 'or':
      return predicate.of.some((part) => matchesPredicate(part, document, facts));
    case 'not':
      return !matchesPredicate(predicate.of, document, facts);
    case 'exists':
      return leafValues(document).some(
        ({ field }) => field === predicate.field || field.startsWith(`${predicate.field}.`),
      );
    case 'equals':
      return fieldValues(document, predicate.field).some((value) => String(value) === predicate.value);
    case 'words':
      return fieldValues(document, predicate.field).some((value) =>
        hasWords(wordsOf(String(value)), predicate.words, predicate.how),
      );
    case 'anywhere':
      return leafValues(document).some(
        ({ field, value }) =>
          String(value) === predicate.text ||
          (isTextField(field) && hasWords(wordsOf(String(value)), wordsOf(predicate.text), 'phrase')),
      );
    case 'range':
      return predicate.field === '@timestamp'
        ? inRange(facts.timestamp, predicate)
        : fieldValues(document, predicate.field).some((value) => value !== '' && inRange(Number(value), predicate));
  }
}

function hasWords(present: readonly string[], wanted: readonly string[], how: 'any' | 'all' | 'phrase'): boolean {
  if (wanted.length === 0) return false;
  if (how === 'any') return wanted.some((word) => present.includes(word));
  if (how === 'all') return wanted.every((word) => present.includes(word));
  for (let start = 0; start + wanted.length <= present.length; start += 1) {
    if (wanted.every((word, offset) => present[start + offset] === word)) return true;
  }
  return false;
}

function inRange(value: number, range: { gt?: number; gte?: number; lt?: number; lte?: number }): boolean {
  if (Number.isNaN(value)) return false;
  if (range.gt !== undefined && !(value > range.gt)) return false;
  if (range.gte !== undefined && !(value >= range.gte)) return false;
  if (range.lt !== undefined && !(value < range.lt)) return false;
  return !(range.lte !== undefined && !(value <= range.lte));
}

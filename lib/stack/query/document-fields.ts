/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Nesting that is followed; Elasticsearch's own default is `index.mapping.depth.limit: 20`. */
const MAX_DEPTH = 20;

/**
 * Values of a field, whether it was written `{"trace.id": "x"}` or `{"trace": {"id": "x"}}`: Elasticsearch treats both
 * the same. Arrays give each of their values; null is no value.
 */
export function fieldValues(document: JsonValue, field: string): (string | number | boolean)[] {
  const found: (string | number | boolean)[] = [];
  collect(document, field, found, 0);
  return found;
}

/** The first value of a field as text, else undefined. */
export function fieldText(document: JsonValue, field: string): string | undefined {
  const value = fieldValues(document, field)[0];
  return value === undefined ? undefined : String(value);
}

function collect(value: JsonValue, path: string, found: (string | number | boolean)[], depth: number): void {
  if (value === null || typeof value !== 'object' || depth > MAX_DEPTH) return;
  if (isList(value)) {
    for (const member of value) collect(member, path, found, depth + 1);
    return;
  }
  if (Object.hasOwn(value, path)) leaves(value[path]!, found, depth + 1);
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(value, head)) collect(value[head]!, path.slice(dot + 1), found, depth + 1);
  }
}

function leaves(value: JsonValue, found: (string | number | boolean)[], depth: number): void {
  if (value === null || depth > MAX_DEPTH) return;
  if (typeof value !== 'object') found.push(value);
  else if (isList(value)) for (const member of value) leaves(member, found, depth + 1);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Every leaf of a document with its dotted name. */
export function leafValues(
  document: JsonValue,
  prefix = '',
  depth = 0,
): { field: string; value: string | number | boolean }[] {
  if (document === null || depth > MAX_DEPTH) return [];
  if (typeof document !== 'object') return [{ field: prefix, value: document }];
  if (isList(document)) return document.flatMap((member) => leafValues(member, prefix, depth + 1));
  return Object.entries(document).flatMap(([key, value]) =>
    leafValues(value, prefix === '' ? key : `${prefix}.${key}`, depth + 1),
  );
}

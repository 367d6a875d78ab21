type Fields = Record<string, unknown>;

/** JSON.parse source text access (ECMAScript proposal, in V8 since Node 21), unknown to the types yet. */
const json = JSON as typeof JSON & {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/** Levels that `takeExcess` follows: what is deeper stays no structure. */
const MAX_DEPTH = 14;

/** A number as it is to be written, which a number of JavaScript cannot hold: `JSON.stringify` writes it so. */
export function isExactNumber(value: unknown): boolean {
  return json.isRawJSON(value);
}

/** An object that gives an index fields of its own. */
function isRecord(value: unknown): value is Fields {
  return kindOf(value) === RECORD;
}

// What an index makes of a value that it has no mapping for, one bit each.
const RECORD = 1;
const TEXT = 2;
const INTEGER = 4;
const FRACTION = 8;
const TRUTH = 16;
/** From here on JavaScript writes integers with an exponent, and an index reads a fraction. */
const LEAST_EXPONENT = 1e21;

/** 0 for null, which has no mapping, and for lists, whose members count. */
function kindOf(value: unknown): number {
  if (typeof value === 'string') return TEXT;
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < LEAST_EXPONENT ? INTEGER : FRACTION;
  if (typeof value === 'boolean') return TRUTH;
  if (value === null || Array.isArray(value)) return 0;
  return isExactNumber(value) ? INTEGER : RECORD;
}

const isOneKind = (kind: number): boolean => (kind & (kind - 1)) === 0;

/** Of a value, or of the members of a list. */
function kindsIn(value: unknown): number {
  return Array.isArray(value) ? value.reduce((kinds: number, item) => kinds | kindsIn(item), 0) : kindOf(value);
}

/**
 * Whether a dotted name runs into a value under a shorter name, or names the place of a value of another type:
 * `{"a": 1, "a.b": 2}` says of `a` that it is a number and an object, and an index refuses the whole document.
 *
 * @param isHidden names whose value becomes a text before it is written
 */
export function crossesValue(fields: Fields, name: string, isHidden: (key: string) => boolean): boolean {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const head = name.slice(0, dot);
    if (!Object.hasOwn(fields, head)) continue;
    const member = fields[head];
    const kinds = kindsIn(member);
    if (kinds === 0) continue;
    if (isHidden(head) || kinds !== RECORD) return true;
    if (!isRecord(member)) continue;
    const rest = name.slice(dot + 1);
    if (Object.hasOwn(member, rest) && !isOneKind(kindsIn(member[rest]) | kindsIn(fields[name]))) return true;
    if (crossesValue(member, rest, isHidden)) return true;
  }
  return false;
}

/**
 * Takes the fields beyond a limit out of an object, nested ones counted by their dotted name: a field in many members of a
 * list is one.
 *
 * @param isKept whether what is at the top under a name is no field
 * @returns names and values of what was taken out
 */
export function takeExcess(
  fields: Fields,
  limit: number,
  isKept: (name: string, value: unknown) => boolean,
): [string, unknown][] {
  const seen = new Set<string>();
  const excess: [string, unknown][] = [];

  function visit(value: unknown, path: string, depth: number): void {
    if (depth > MAX_DEPTH) return;
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object') visit(item, path, depth + 1);
      return;
    }
    if (!isRecord(value)) return;
    for (const key of Object.keys(value)) {
      const name = path === '' ? key : `${path}.${key}`;
      if (path === '' && isKept(name, value[key])) continue;
      if (!seen.has(name)) {
        if (seen.size >= limit) {
          excess.push([name, value[key]]);
          delete value[key];
          continue;
        }
        seen.add(name);
      }
      visit(value[key], name, depth + 1);
    }
  }

  visit(fields, '', 0);
  return excess;
}

const LEAST_LONG = -(2n ** 63n);
const GREATEST_LONG = 2n ** 63n - 1n;
/** A number of 16 digits or more where a value begins: below, every integer is exact. */
const LONG_NUMBER = /[:,[]-?\d{16}/;

function exact(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined || !/^-?\d+$/.test(source))
    return value;
  // A thousand digits are no number that anybody counts with, and reading them takes the square of their count.
  const integer = source.length > 20 ? undefined : BigInt(source);
  // Beyond 64 bits no index has a number for it: every digit stays as text.
  return integer !== undefined && integer >= LEAST_LONG && integer <= GREATEST_LONG ? json.rawJSON(source) : source;
}

/** `JSON.parse` that keeps integers exact, which a BigInt of the app may have been. */
export function parseExactly(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** Kinds by name, relative to the list; members of inner lists belong to the same name. */
function collectKinds(value: unknown, path: string, kinds: Map<string, number>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectKinds(item, path, kinds);
    return;
  }
  const kind = kindOf(value);
  kinds.set(path, (kinds.get(path) ?? 0) | kind);
  if (kind !== RECORD) return;
  const record = value as Fields;
  for (const key of Object.keys(record)) collectKinds(record[key], `${path}.${key}`, kinds);
}

function unified(value: unknown, path: string, kinds: ReadonlyMap<string, number>): unknown {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = unified(value[index], path, kinds);
    return value;
  }
  if (value === null) return value;
  const kind = kinds.get(path) ?? 0;
  if (!isOneKind(kind)) {
    // A whole number among fractions is written as one, `10.0`; any other mixture becomes text.
    if (kind !== (INTEGER | FRACTION)) return typeof value === 'string' ? value : JSON.stringify(value);
    return kindOf(value) === INTEGER ? json.rawJSON(`${JSON.stringify(value)}.0`) : value;
  }
  if (!isRecord(value)) return value;
  for (const key of Object.keys(value)) {
    const member = value[key];
    const changed = unified(member, `${path}.${key}`, kinds);
    // As data, never through the `__proto__` accessor.
    if (changed !== member)
      Object.defineProperty(value, key, { value: changed, enumerable: true, configurable: true, writable: true });
  }
  return value;
}

/**
 * Makes the members of a list agree, in place: `[10, 9.5]` and `[{"price": 10}, {"price": 9.5}]` are a whole number and a
 * fraction under one name, and an index that has no mapping for the name yet refuses the whole document.
 */
export function unify(list: unknown[]): void {
  let kind = 0;
  let hasLists = false;
  for (const item of list) {
    kind |= kindOf(item);
    hasLists ||= Array.isArray(item);
  }
  // Most lists: members of one kind, without names of their own.
  if (!hasLists && isOneKind(kind) && kind !== RECORD) return;
  const kinds = new Map<string, number>();
  collectKinds(list, '', kinds);
  for (const found of kinds.values()) {
    if (isOneKind(found)) continue;
    unified(list, '', kinds);
    return;
  }
}

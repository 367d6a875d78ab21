import { hostileName, hostileText } from './hostile-text.ts';
import type { Random } from './random.ts';

/** Objects that JSON can write and `String()` or `Number()` cannot take. */
const TRAPS: readonly unknown[] = [
  { toString: 1, valueOf: 1 },
  { toString: null },
  { length: -1 },
  JSON.parse('{"then":1}'),
  JSON.parse('{"__proto__":{"polluted":true}}'),
  { constructor: { prototype: { polluted: true } } },
  { toJSON: 1 },
];

/** Any value that arrives as JSON. */
export function hostileJson(random: Random, depth = 3): unknown {
  switch (random.below(depth <= 0 ? 6 : 10)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.pick([0, -1, 1, 2 ** 53, 1e308, -1e308, 1e-9, 12.5, 1_531_171_074_631_000]);
    case 3:
    case 4:
    case 5:
      return random.oneIn(8) ? structuredClone(random.pick(TRAPS)) : hostileText(random, 400);
    case 6:
      return random.times(random.size(12), () => hostileJson(random, depth - 1));
    case 7: {
      let deep: unknown = 1;
      for (let left = random.pick([2, 30, 3000]); left > 0; left -= 1) deep = random.oneIn(2) ? [deep] : { a: deep };
      return deep;
    }
    default: {
      const record: Record<string, unknown> = {};
      for (let left = random.size(12); left > 0; left -= 1)
        Object.defineProperty(record, hostileName(random), {
          value: hostileJson(random, depth - 1),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      return record;
    }
  }
}

/** Valid JSON of which members are replaced by anything. @param share one member in so many */
export function mutateJson(random: Random, value: unknown, share = 6): unknown {
  if (random.oneIn(share)) return hostileJson(random, 2);
  if (Array.isArray(value)) return value.map((member) => mutateJson(random, member, share));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(() => !random.oneIn(share * 2))
      .map(([key, member]) => [random.oneIn(share * 3) ? hostileName(random) : key, mutateJson(random, member, share)]),
  );
}

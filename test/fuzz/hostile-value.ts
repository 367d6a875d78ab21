import { hostileName, hostileText, plainText } from './hostile-text.ts';
import type { Random } from './random.ts';

/** Stands where a secret is: found in what leaves, it has leaked. */
export const CANARY = 'canary7Hq2Zx9TgVw4';

/** Keys whose values never leave (docs/privacy.md). */
const SECRET_KEYS = [
  'password',
  'Authorization',
  'dbPassword',
  'api_key',
  'x-auth-token',
  'cookie',
  'client_secret',
  'refreshToken',
];

/** A text in which the canary stands where the redactor promises to look. */
export function secretText(random: Random): string {
  const secret = random.pick([
    `password=${CANARY}`,
    `{"password":"${CANARY}"}`,
    `Authorization: Bearer ${CANARY}`,
    `Bearer ${CANARY}`,
    `https://shop:${CANARY}@db.example/orders`,
    `/orders?token=${CANARY}&page=2`,
    `api_key: '${CANARY}'`,
    `<password>${CANARY}</password>`,
  ]);
  // The words around it are ordinary ones: what stands in front could make it part of another name.
  return `${plainText(random)} ${secret} ${plainText(random)}`;
}

function refuse(): never {
  throw new Error('not for you');
}

const HANDLERS: readonly ProxyHandler<object>[] = [
  { get: refuse },
  { ownKeys: refuse },
  { getOwnPropertyDescriptor: refuse },
  { getPrototypeOf: refuse },
  { has: refuse },
  { get: (_target, key) => (key === Symbol.toPrimitive ? () => Symbol('no') : key) },
  {
    ownKeys: () => ['a', 'b', 'length'],
    getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
  },
];

class Odd {
  #hidden = 1;
  value = 1;
  get sum(): number {
    return this.#hidden + this.value;
  }
}

function primitive(random: Random): unknown {
  switch (random.below(14)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return random.oneIn(2);
    case 3:
      return random.pick([
        0,
        -0,
        1,
        -1,
        Number.NaN,
        Infinity,
        -Infinity,
        2 ** 53,
        -(2 ** 63),
        1e21,
        1e308,
        5e-324,
        0.1,
      ]);
    case 4:
      return random.bits();
    case 5:
      return BigInt(random.bits()) ** BigInt(random.below(40));
    case 6:
      return Symbol(hostileText(random, 20));
    case 7:
      return () => refuse();
    case 8:
      return secretText(random);
    default:
      return hostileText(random);
  }
}

function exotic(random: Random, depth: number): unknown {
  switch (random.below(22)) {
    case 0:
      return new Date(random.pick([Number.NaN, 8.64e15, -8.64e15, 0, Date.UTC(2026, 1, 1)]));
    case 1:
      return new Map([[hostileName(random), hostileValue(random, depth - 1)]]);
    case 2:
      return new Set([hostileValue(random, depth - 1)]);
    case 3:
      return Buffer.from(random.times(random.size(200), () => random.bits() & 0xff));
    case 4:
      return new Float64Array(random.size(100));
    case 5:
      return new Proxy(random.oneIn(2) ? {} : [], random.pick(HANDLERS));
    case 6: {
      const { proxy, revoke } = Proxy.revocable(random.oneIn(2) ? {} : () => {}, {});
      revoke();
      return proxy;
    }
    case 7:
      return Object.defineProperty({ a: 1 }, hostileName(random), { get: refuse, enumerable: true });
    case 8:
      return { toJSON: random.oneIn(2) ? refuse : () => hostileValue(random, 0) };
    case 9:
      return { toString: refuse, valueOf: refuse, [Symbol.toPrimitive]: refuse };
    case 10:
      return { toString: 1, valueOf: 1 };
    case 11: {
      const ring: Record<string, unknown> = { a: 1 };
      ring['self'] = ring;
      return ring;
    }
    case 12: {
      let deep: unknown = primitive(random);
      const levels = random.pick([3, 15, 30, 2000]);
      for (let at = 0; at < levels; at += 1) deep = random.oneIn(2) ? [deep] : { a: deep };
      return deep;
    }
    case 13:
      return JSON.parse(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`);
    case 14:
      return Object.create(null, { a: { value: hostileValue(random, depth - 1), enumerable: true } });
    case 15:
      return new Odd();
    case 16:
      return hostileError(random, depth - 1);
    case 17:
      return Promise.resolve(1);
    case 18:
      return new WeakMap();
    case 19:
      return /x/g;
    case 20:
      return new Array(random.pick([0, 3, 1000])).fill(undefined, 0, 2);
    default:
      return Object.assign(() => {}, { a: hostileValue(random, depth - 1) });
  }
}

/** Anything that an app may hand to us by mistake or from a request. */
export function hostileValue(random: Random, depth = 3): unknown {
  if (depth <= 0 || random.oneIn(3)) return primitive(random);
  const kind = random.below(5);
  if (kind === 0) return exotic(random, depth);
  if (kind === 1) return random.times(random.size(40), () => hostileValue(random, depth - 1));
  return hostileRecord(random, depth);
}

/** A plain object of hostile members. */
export function hostileRecord(random: Random, depth = 3): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  const members = random.oneIn(60) ? random.between(300, 1500) : random.size(20);
  for (let at = 0; at < members; at += 1) {
    const secret = random.oneIn(8);
    const key = secret ? random.pick(SECRET_KEYS) : hostileName(random);
    const value = secret
      ? random.pick([CANARY, [CANARY], { inner: CANARY }])
      : hostileValue(random, members > 100 ? 0 : depth - 1);
    Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return record;
}

/** Anything that somebody may throw. */
export function hostileError(random: Random, depth = 3): unknown {
  if (random.oneIn(8)) return primitive(random);
  const kinds = [Error, TypeError, RangeError, EvalError];
  const error: Record<string, unknown> & Error = Object.assign(
    new (random.pick(kinds))(random.oneIn(3) ? secretText(random) : hostileText(random)),
  );
  const names = [
    'name',
    'message',
    'stack',
    'cause',
    'code',
    'errors',
    'constructor',
    'statusCode',
    'toString',
    'toJSON',
    hostileName(random),
  ];
  for (let left = random.size(6); left > 0; left -= 1) {
    const name = random.pick(names);
    const value =
      name === 'cause' && random.oneIn(3)
        ? error
        : name === 'cause' && depth > 0
          ? hostileError(random, depth - 1)
          : hostileValue(random, Math.min(1, depth));
    try {
      if (random.oneIn(6))
        Object.defineProperty(error, name, { get: refuse, enumerable: random.oneIn(2), configurable: true });
      else
        Object.defineProperty(error, name, { value, enumerable: random.oneIn(2), configurable: true, writable: true });
    } catch {
      // Some are not to be redefined.
    }
  }
  if (random.oneIn(10))
    return new AggregateError(
      random.times(random.size(30), () => (depth > 0 ? hostileError(random, depth - 1) : 1)),
      'many',
    );
  if (random.oneIn(10)) return new Proxy(error, random.pick(HANDLERS));
  if (random.oneIn(10)) Object.setPrototypeOf(error, null);
  return error;
}

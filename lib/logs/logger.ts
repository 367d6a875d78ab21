import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { plainLogger } from './plain-logger.ts';

let level = 'info';
let instance: Logger | undefined;

/** Level of our own logger (`SIGHTLINE_LOG_LEVEL`); takes effect at once. */
export function setLogLevel(name: string): void {
  level = name;
  if (instance !== undefined) instance.level = name;
}

/** The message among the arguments of a log call whose object could not be written. */
function messageAmong(args: readonly unknown[]): string {
  const message = args.find((argument) => typeof argument === 'string');
  return typeof message === 'string' ? message : '';
}

/** Our own pino; in a bundle, which has no place of ours, the one that the app finds. */
function loadPino(): typeof import('pino') | undefined {
  for (const place of [import.meta.url as string | undefined, process.argv[1]]) {
    if (place === undefined) continue;
    try {
      return createRequire(place)('pino') as typeof import('pino');
    } catch {
      // Not installed there, or not for this Node.
    }
  }
  return undefined;
}

function create(): Logger {
  const loaded = loadPino();
  if (loaded === undefined) return plainLogger(level);
  return loaded.pino({
    level,
    hooks: {
      // Getters, proxies and errors that throw when looked at make pino throw: the line is kept without them.
      logMethod(args, method) {
        try {
          method.apply(this, args);
        } catch {
          method.call(this, { unserialisable: true }, messageAmong(args));
        }
      },
    },
  });
}

function logger(): Logger {
  instance ??= create();
  return instance;
}

type Method = (...args: unknown[]) => unknown;
/** pino's methods bound to the logger, so that each is the same function at every look. */
const bound = new WeakMap<Method, Method>();
/** What the app has put onto `log` itself: given back as it is (spies and mocks are compared). */
const replaced = new Set<PropertyKey>();

function bind(method: Method): Method {
  let found = bound.get(method);
  if (found === undefined) {
    found = method.bind(logger());
    bound.set(method, found);
  }
  return found;
}

/**
 * The public `log`: a pino that writes pino's JSON to stdout, and whose lines are shipped like those of any other pino of the
 * app. Nothing that is logged makes it throw. It works unobserved as well. pino is loaded with the first use, so that importing this
 * package costs nothing.
 */
export const log: Logger = new Proxy({} as Logger, {
  get(_target, key) {
    const value: unknown = Reflect.get(logger(), key, logger());
    return typeof value === 'function' && !replaced.has(key) && key !== 'constructor' ? bind(value as Method) : value;
  },
  set(_target, key, value) {
    if (typeof value === 'function') replaced.add(key);
    return Reflect.set(logger(), key, value, logger());
  },
  deleteProperty(_target, key) {
    replaced.delete(key);
    return Reflect.deleteProperty(logger(), key);
  },
  defineProperty(_target, key, descriptor) {
    if (typeof descriptor.value === 'function') replaced.add(key);
    // Configurable, as a proxy over an empty target must say.
    return Reflect.defineProperty(logger(), key, { ...descriptor, configurable: true });
  },
  has: (_target, key) => Reflect.has(logger(), key),
  ownKeys: () => Reflect.ownKeys(logger()),
  getOwnPropertyDescriptor(_target, key) {
    const descriptor = Reflect.getOwnPropertyDescriptor(logger(), key);
    return descriptor && { ...descriptor, configurable: true };
  },
  getPrototypeOf: () => Object.getPrototypeOf(logger()) as object,
});

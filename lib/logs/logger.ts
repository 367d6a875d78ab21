import { createRequire } from 'node:module';
import type { Logger } from 'pino';

let level = 'info';
let instance: Logger | undefined;

/** Level of our own logger (`SIGHTLINE_LOG_LEVEL`); takes effect at once. */
export function setLogLevel(name: string): void {
  level = name;
  if (instance !== undefined) instance.level = name;
}

function logger(): Logger {
  if (instance === undefined) {
    const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
    instance = pino({ level });
  }
  return instance;
}

/**
 * The public `log`: a pino that writes pino's JSON to stdout, and whose lines are shipped like those of any other pino of the
 * app. It works unobserved as well. pino is loaded with the first use, so that importing this package costs nothing.
 */
export const log: Logger = new Proxy({} as Logger, {
  get(_target, key) {
    const value: unknown = Reflect.get(logger(), key, logger());
    return typeof value === 'function' ? value.bind(logger()) : value;
  },
  set: (_target, key, value) => Reflect.set(logger(), key, value, logger()),
  has: (_target, key) => Reflect.has(logger(), key),
  getPrototypeOf: () => Object.getPrototypeOf(logger()) as object,
});

import { kWrapped } from '../core/symbols.ts';

type Method = (...args: any[]) => any;

/** Whether a function is one of our wrappers (of this copy of the package or another). */
export function isWrapped(method: unknown): boolean {
  return typeof method === 'function' && (method as { [kWrapped]?: true })[kWrapped] === true;
}

/**
 * Replaces `target[name]` by `wrap(original)`, once: own, writable, not enumerable unless the original was, with the
 * name and length of the original so that nothing that looks at it notices.
 *
 * @returns a function that restores the original, unless someone has wrapped us in the meantime; undefined when there
 *   was nothing to wrap or it was wrapped already
 */
export function patchMethod<Target extends object>(
  target: Target,
  name: keyof Target & string,
  wrap: (original: Method) => Method,
): (() => void) | undefined {
  const original = (target as Record<string, unknown>)[name];
  if (typeof original !== 'function' || isWrapped(original)) return undefined;
  const own = Object.getOwnPropertyDescriptor(target, name);
  if (own !== undefined && own.configurable !== true && own.writable !== true) return undefined;
  const wrapper = wrap(original as Method);
  Object.defineProperty(wrapper, 'name', { value: original.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: original.length, configurable: true });
  Object.defineProperty(wrapper, kWrapped, { value: true });
  Object.defineProperty(target, name, {
    value: wrapper,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if ((target as Record<string, unknown>)[name] !== wrapper) return;
    if (own === undefined) delete (target as Record<string, unknown>)[name];
    else Object.defineProperty(target, name, own);
  };
}

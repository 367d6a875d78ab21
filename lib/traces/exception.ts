import { keysOf, read } from './attributes.ts';

/** Characters of a stack trace that are kept, causes included. */
const MAX_STACK_LENGTH = 16_384;
/** Characters of a message that are kept. */
const MAX_MESSAGE_LENGTH = 8192;
/** Links of a chain of causes that are followed. */
const MAX_CAUSES = 5;

/** What a span records of anything that was thrown; absent parts are undefined. */
export interface ExceptionDescription {
  /** The class of the error, not its code (semantic conventions, `exception.type`). */
  readonly type: string | undefined;
  readonly message: string | undefined;
  readonly stack: string | undefined;
}

/** A property as non-empty text; undefined when it is none or its getter throws. */
function text(source: object, key: string): string | undefined {
  const value = read(source, key);
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' ? String(value) : undefined;
}

/** The name of the class; undefined for plain objects. */
function className(source: object): string | undefined {
  const maker = read(source, 'constructor');
  if (typeof maker !== 'function' || maker === Object) return undefined;
  return text(maker, 'name');
}

function typeOf(source: object): string | undefined {
  const name = text(source, 'name');
  // A subclass that never set `name` inherits "Error"; its class says more.
  if (name !== undefined && name !== 'Error') return name;
  return className(source) ?? name ?? text(source, 'code');
}

function stackOf(source: object): string | undefined {
  let stack = text(source, 'stack');
  if (stack === undefined) return undefined;
  const seen = new Set<unknown>([source]);
  let cause = read(source, 'cause');
  while (
    typeof cause === 'object' &&
    cause !== null &&
    !seen.has(cause) &&
    seen.size <= MAX_CAUSES &&
    stack.length < MAX_STACK_LENGTH
  ) {
    const own = text(cause, 'stack') ?? text(cause, 'message');
    if (own === undefined) break;
    stack += `\nCaused by: ${own}`;
    seen.add(cause);
    cause = read(cause, 'cause');
  }
  return stack.slice(0, MAX_STACK_LENGTH);
}

/** A primitive that was thrown, as text. Symbols would throw in a template. */
function primitive(value: unknown): ExceptionDescription {
  return { type: undefined, message: String(value).slice(0, MAX_MESSAGE_LENGTH), stack: undefined };
}

/** What an object without `message` says of itself: the names of its fields, never their values, which nobody has redacted. */
function fallbackMessage(source: object): string {
  const keys = keysOf(source).slice(0, 20);
  return keys.length === 0
    ? 'an object without a message'
    : `an object with ${keys.join(', ')}`.slice(0, MAX_MESSAGE_LENGTH);
}

/** Describes anything that was thrown: `Error`, string, plain object, null. Never throws, whatever its getters do. */
export function describeException(exception: unknown): ExceptionDescription {
  try {
    if ((typeof exception !== 'object' && typeof exception !== 'function') || exception === null)
      return primitive(exception);
    const type = typeOf(exception);
    const message = text(exception, 'message')?.slice(0, MAX_MESSAGE_LENGTH);
    const stack = stackOf(exception);
    if (message === undefined && stack === undefined && text(exception, 'name') === undefined) {
      return { type: type ?? 'Object', message: fallbackMessage(exception), stack };
    }
    return { type, message, stack };
  } catch {
    // A revoked proxy throws even on `typeof`-like looks.
    return { type: 'Object', message: 'an object that cannot be read', stack: undefined };
  }
}

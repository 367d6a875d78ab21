import type { Redactor } from './redact.ts';

/** Characters of a stack that are kept: deep recursion makes long ones. */
const MAX_STACK = 32_768;
const MAX_MESSAGE = 8192;
/** Causes followed; a chain may be a ring. */
const MAX_CAUSES = 8;
/** Errors of an AggregateError that are named. */
const MAX_AGGREGATED = 8;

export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** A property that may be a getter that throws, or a proxy. */
function read(source: object, key: string): unknown {
  try {
    return (source as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  try {
    return typeof value === 'string' ? value : String(value);
  } catch {
    return '(cannot be shown)';
  }
}

function typeOf(error: object): string {
  const name = read(error, 'name');
  if (typeof name === 'string' && name !== '') return name;
  const constructor = read(error, 'constructor');
  const constructorName = typeof constructor === 'function' ? read(constructor, 'name') : undefined;
  return typeof constructorName === 'string' && constructorName !== '' ? constructorName : 'Error';
}

function stackWithCauses(error: object): string | undefined {
  const own = read(error, 'stack');
  let stack = typeof own === 'string' ? own : '';
  const seen = new Set<object>([error]);
  let cause = read(error, 'cause');
  for (let count = 0; count < MAX_CAUSES && typeof cause === 'object' && cause !== null && !seen.has(cause); count += 1) {
    seen.add(cause);
    const text = read(cause, 'stack');
    stack += `\ncaused by: ${typeof text === 'string' ? text : asText(read(cause, 'message') ?? cause)}`;
    cause = read(cause, 'cause');
  }
  const aggregated = read(error, 'errors');
  if (Array.isArray(aggregated)) {
    for (const member of aggregated.slice(0, MAX_AGGREGATED)) {
      const text = typeof member === 'object' && member !== null ? read(member, 'stack') : member;
      stack += `\naggregated: ${asText(text ?? member)}`;
    }
  }
  return stack === '' ? undefined : stack.slice(0, MAX_STACK);
}

/** Whatever was thrown, as `error.*` fields: cleaned, bounded, and never throwing itself. */
export function errorFields(error: unknown, redactor: Redactor): ErrorFields {
  if (typeof error !== 'object' || error === null) {
    return { type: error === null ? 'null' : typeof error, message: redactor.text(asText(error).slice(0, MAX_MESSAGE)), stack: undefined };
  }
  const stack = stackWithCauses(error);
  return {
    type: typeOf(error).slice(0, 256),
    message: redactor.text(asText(read(error, 'message') ?? '').slice(0, MAX_MESSAGE)),
    stack: stack === undefined ? undefined : redactor.text(stack),
  };
}

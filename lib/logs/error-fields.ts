// Not from 'node:util', whose import loads all of it: the parser of arguments, the differ, colours.
import { isNativeError } from 'node:util/types';
import { jsonString } from '../codec/json-string.ts';
import type { Redactor } from './redact.ts';

/** Characters of a stack that are kept: deep recursion makes long ones. */
const MAX_STACK = 32_768;
const MAX_MESSAGE = 8192;
const MAX_TYPE = 256;
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

/** Whether a value is an error, also one of another realm (`vm`, test runners), for which `instanceof` is false. */
export function isError(value: unknown): value is Error {
  try {
    return isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

function typeOf(error: object): string {
  const name = read(error, 'name');
  if (typeof name === 'string' && name !== '' && name !== 'Error') return name;
  // A subclass that did not set its name.
  const maker = read(error, 'constructor');
  const makerName = typeof maker === 'function' ? read(maker, 'name') : undefined;
  if (typeof makerName === 'string' && makerName !== '' && makerName !== 'Object') return makerName;
  return 'Error';
}

/** The causes of an error, nearest first; a chain that is a ring or too long ends. */
export function causesOf(error: object): unknown[] {
  const causes: unknown[] = [];
  const seen = new Set<unknown>([error]);
  let cause = read(error, 'cause');
  while (causes.length < MAX_CAUSES && cause !== undefined && cause !== null && !seen.has(cause)) {
    seen.add(cause);
    causes.push(cause);
    cause = typeof cause === 'object' ? read(cause, 'cause') : undefined;
  }
  return causes;
}

/** `Array.isArray` throws on a proxy that was revoked. */
function isArray(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function aggregatedOf(error: object): unknown[] {
  const members = read(error, 'errors');
  if (!isArray(members)) return [];
  const found: unknown[] = [];
  for (let index = 0; index < MAX_AGGREGATED && index < Number(read(members, 'length')); index += 1)
    found.push(read(members, String(index)));
  return found;
}

function stackOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return asText(value);
  const stack = read(value, 'stack');
  return typeof stack === 'string' ? stack : asText(read(value, 'message') ?? value);
}

function stackWithCauses(error: object): string | undefined {
  const own = read(error, 'stack');
  let stack = typeof own === 'string' ? own : '';
  for (const cause of causesOf(error)) stack += `\ncaused by: ${stackOf(cause)}`;
  for (const member of aggregatedOf(error)) stack += `\naggregated: ${stackOf(member)}`;
  return stack === '' ? undefined : stack.slice(0, MAX_STACK);
}

/** Whatever was thrown, as `error.*` fields: cleaned, bounded, and never throwing itself. */
export function errorFields(error: unknown, redactor: Redactor): ErrorFields {
  if (typeof error !== 'object' || error === null) {
    return {
      type: error === null ? 'null' : typeof error,
      message: redactor.text(asText(error).slice(0, MAX_MESSAGE)),
      stack: undefined,
    };
  }
  const stack = stackWithCauses(error);
  return {
    type: redactor.text(typeOf(error).slice(0, MAX_TYPE)),
    message: redactor.text(asText(read(error, 'message') ?? '').slice(0, MAX_MESSAGE)),
    stack: stack === undefined ? undefined : redactor.text(stack),
  };
}

/** Whether a logged value is what a serializer makes of an error. */
export function isErrorShape(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { message, stack } = value as Record<string, unknown>;
  return typeof message === 'string' || typeof stack === 'string';
}

/** The same fields from what a serializer made: parsed JSON, where anything may be under any name. */
export function serialisedErrorFields(error: Record<string, unknown>, redactor: Redactor): ErrorFields {
  const { type, name, message, stack } = error;
  const said = typeof type === 'string' ? type : typeof name === 'string' ? name : 'Error';
  return {
    type: redactor.text(said.slice(0, MAX_TYPE)),
    message: typeof message === 'string' ? redactor.text(message.slice(0, MAX_MESSAGE)) : '',
    stack: typeof stack === 'string' ? redactor.text(stack.slice(0, MAX_STACK)) : undefined,
  };
}

/** `error.*` as JSON text that starts with a comma. */
export function encodeError({ type, message, stack }: ErrorFields): string {
  const text = `,"error.type":${jsonString(type)},"error.message":${jsonString(message)}`;
  return stack === undefined ? text : `${text},"error.stack_trace":${jsonString(stack)}`;
}

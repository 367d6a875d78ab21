import type { IncomingMessage } from 'node:http';
import { active, applyIn, enter } from '../context/context.ts';
import type { RequestScope } from '../context/request-scope.ts';
import { http } from '../core/builtin.ts';
import { reportBug } from '../core/fence.ts';
import { kScope } from '../core/symbols.ts';
import { type Exchanging, kExchange } from './exchange-of.ts';
import { patchMethod } from './patch.ts';

type Method = (...args: any[]) => any;

/**
 * Calls an emitter in a request's context. What a listener throws must still find the context current, since
 * `uncaughtExceptionMonitor` asks for it after the stack is unwound; `finally` and not `catch`, so that the line
 * that Node prints as the origin of the error stays the app's.
 */
export function emitIn(scope: RequestScope, original: Method, emitter: unknown, args: unknown[]): unknown {
  let returned = false;
  try {
    const result = applyIn(scope.context, original, emitter, args);
    returned = true;
    return result;
  } finally {
    if (!returned) enter(scope.context);
  }
}

function completeExchange(message: Exchanging): void {
  try {
    message[kExchange]?.complete();
    message[kExchange] = undefined;
  } catch (error) {
    reportBug('end of a client response', error);
  }
}

/**
 * A request body that arrives late has lost the context on Node 24, and the parser's events have that of the
 * connection: an inbound request brings its own. For client responses the same place tells when they are complete,
 * without a listener (one on `response` would make Node believe that the app reads it).
 */
function withContext(original: Method): Method {
  return function emit(this: IncomingMessage & Exchanging & { [kScope]?: RequestScope }, ...args: unknown[]): unknown {
    const scope = this[kScope];
    if (scope !== undefined) {
      if (active().request === scope) return Reflect.apply(original, this, args);
      return emitIn(scope, original, this, args);
    }
    if (args[0] === 'end' && this[kExchange] !== undefined) completeExchange(this);
    return Reflect.apply(original, this, args);
  };
}

/** @returns a function that takes it back */
export function patchIncomingMessage(): () => void {
  return patchMethod(http.IncomingMessage.prototype, 'emit', withContext) ?? (() => {});
}

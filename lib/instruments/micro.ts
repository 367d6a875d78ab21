import { noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';

type Method = (...args: any[]) => any;

/** The handler, whose error is seen on its way to micro, which answers it. */
function telling(handler: Method): Method {
  return function handle(this: unknown, ...args: unknown[]): unknown {
    const note = (error: unknown): void => {
      const scope = scopeOf(args[0]);
      if (scope === undefined) return;
      noteError(scope, error);
      if (handler.name !== '') scope.handler ??= handler.name;
    };
    let result: unknown;
    try {
      result = Reflect.apply(handler, this, args);
    } catch (error) {
      note(error);
      throw error;
    }
    // A branch of its own: what micro sees of the promise stays as it is.
    if (result instanceof Promise) result.then(undefined, note);
    return result;
  };
}

function runs(original: Method): Method {
  return function run(this: unknown, request: unknown, response: unknown, handler: unknown): unknown {
    const observed =
      typeof handler === 'function' && scopeOf(request) !== undefined ? telling(handler as Method) : handler;
    return Reflect.apply(original, this, [request, response, observed]);
  };
}

/** Errors of micro 9 and 10. It has no routes. */
export function instrumentMicro(): { stop(): void } {
  const stop = onRequire(
    (id, parent) =>
      id === 'micro' ||
      (id.includes('lib') &&
        (isFileOf('micro', 'dist/src/lib/index', id, parent) || isFileOf('micro', 'lib/index', id, parent))),
    (exported) => patchMethod(exported, 'run', runs) !== undefined,
  );
  return { stop };
}

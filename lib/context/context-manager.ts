import { EventEmitter } from 'node:events';
import type { Context, ContextManager } from '@opentelemetry/api';
import { active, applyIn, enter, type ObservationContext, ROOT, toObservationContext } from './context.ts';

type AnyFunction = (...args: any[]) => any;

/** Emitters that are bound already: the first context stays, as with the stock managers. */
const boundEmitters = new WeakSet<EventEmitter>();

/**
 * The context manager that becomes global in `@opentelemetry/api`. It stands on the one AsyncLocalStorage of the package, so that
 * contexts entered by our instruments and by the API's users are the same ones.
 */
export class ObservationContextManager implements ContextManager {
  private enabled = true;

  /** The current context; the root once the manager is disabled. */
  active(): ObservationContext {
    return this.enabled ? active() : ROOT;
  }

  /** Runs `fn` in `context`, which may be a context of the API's own. */
  with<Args extends unknown[], Fn extends (...args: Args) => ReturnType<Fn>>(
    context: Context,
    fn: Fn,
    thisArg?: ThisParameterType<Fn>,
    ...args: Args
  ): ReturnType<Fn> {
    if (!this.enabled) return Reflect.apply(fn, thisArg, args) as ReturnType<Fn>;
    return applyIn(toObservationContext(context), fn as AnyFunction, thisArg, args) as ReturnType<Fn>;
  }

  /**
   * Binds a context to a function (a wrapper is returned) or to an EventEmitter (the emitter itself is returned; all its listeners then
   * run in the context). Anything else is returned as it is.
   */
  bind<Target>(context: Context, target: Target): Target {
    if (typeof target === 'function')
      return this.bindFunction(toObservationContext(context), target as AnyFunction) as Target;
    if (target instanceof EventEmitter) bindEmitter(toObservationContext(context), target);
    return target;
  }

  private bindFunction(context: ObservationContext, target: AnyFunction): AnyFunction {
    function bound(this: unknown, ...args: unknown[]): unknown {
      return applyIn(context, target, this, args);
    }
    // Frameworks read the number of parameters to tell handlers from error handlers.
    Object.defineProperty(bound, 'length', { value: target.length, configurable: true });
    Object.defineProperty(bound, 'name', { value: target.name, configurable: true });
    return bound;
  }

  enable(): this {
    this.enabled = true;
    return this;
  }

  /** The API sees the root context from now on. Our own instruments are not affected: they do not go through the manager. */
  disable(): this {
    this.enabled = false;
    return this;
  }

  /**
   * Makes `context` current for the rest of this execution, until the token is disposed (API 1.10, experimental).
   */
  attach(context: Context): { dispose(): void } {
    if (!this.enabled) return { dispose() {} };
    const previous = active();
    let disposed = false;
    enter(toObservationContext(context));
    return {
      dispose() {
        if (disposed) return;
        disposed = true;
        enter(previous);
      },
    };
  }
}

/**
 * One own `emit` instead of five patched `add` and three `remove` methods: `off`, `listeners()` and `once` then see the functions that
 * the app gave, and nothing needs book-keeping.
 */
function bindEmitter(context: ObservationContext, emitter: EventEmitter): void {
  if (boundEmitters.has(emitter)) return;
  boundEmitters.add(emitter);
  const emit = emitter.emit as AnyFunction;
  const descriptor = {
    value(this: unknown, ...args: unknown[]): boolean {
      return applyIn(context, emit, this, args) as boolean;
    },
    writable: true,
    configurable: true,
    enumerable: false,
  };
  // Frozen emitters cannot be bound; the caller's context is then kept, which is what happens without binding.
  Reflect.defineProperty(emitter, 'emit', descriptor);
}

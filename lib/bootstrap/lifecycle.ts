import { fence, reportBug } from '../core/fence.ts';

/** Longest that `exit` may be held for delivery, milliseconds; only with a backlog and a healthy backend. */
const EXIT_DRAIN_MILLIS = 250;
/** Signals whose default action ends a Node process and that operators send. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type ObservedSignal = (typeof SIGNALS)[number];
const SIGNAL_NUMBERS: Record<ObservedSignal, number> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** With what Windows ends a program at Ctrl-C: STATUS_CONTROL_C_EXIT, as a signed number. */
const WINDOWS_CONTROL_EXIT = 0xc000013a | 0;

export interface LifecycleHooks {
  /** Writes down the error with the request it happened in. `fatal`: nobody handles it, the process is about to die. */
  onUncaught(error: unknown, kind: 'uncaughtException' | 'unhandledRejection', fatal: boolean): void;
  /** Appends what memory holds; synchronous. */
  appendNow(): void;
  /** Last synchronous moment: closes open requests, drains at most `millis`. */
  onExit(millis: number): void;
  /** Resolves when everything is delivered or after `millis`. */
  drain(millis: number): Promise<void>;
  /** How long a signal waits for delivery, milliseconds. */
  readonly drainTimeoutMillis: number;
}

export interface Lifecycle {
  /** Starts listening for the end of the process: with the first server or record, so that tools are left alone. */
  arm(): void;
  stop(): void;
}

function hasExceptionHandler(): boolean {
  return process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback();
}

/** Our listener of each event does not count against the app's limit: its warning comes with the same listener as without us. */
function allowListeners(more: number): void {
  const limit = process.getMaxListeners();
  if (limit > 0) process.setMaxListeners(limit + more);
}

/**
 * The ends of a process, observed without changing them: same exit code, same signal, the app's own handlers first in
 * authority. Reasons for each step: docs/rationale.md, "How does a process die under observation?".
 */
export function createLifecycle(hooks: LifecycleHooks): Lifecycle {
  let armed = false;
  const handlers = new Map<ObservedSignal, () => void>();

  const onMonitor = fence('uncaught error', (error: unknown, origin: string) => {
    const kind = origin === 'unhandledRejection' ? 'unhandledRejection' : 'uncaughtException';
    hooks.onUncaught(error, kind, !hasExceptionHandler());
    hooks.appendNow();
  });
  const onExit = fence('exit', () => hooks.onExit(EXIT_DRAIN_MILLIS));

  function install(signal: ObservedSignal): void {
    const handler = fence(`signal ${signal}`, () => receive(signal));
    handlers.set(signal, handler);
    // First in line: with `on`, an app's earlier `once` listener would be gone when we count.
    process.prependListener(signal, handler);
  }

  function remove(signal: ObservedSignal): void {
    const handler = handlers.get(signal);
    if (handler === undefined) return;
    process.removeListener(signal, handler);
    handlers.delete(signal);
  }

  function receive(signal: ObservedSignal): void {
    // Off before anybody else runs: libraries that compare listener counts (signal-exit) must see the app as it would be without us.
    remove(signal);
    hooks.appendNow();
    if (process.listenerCount(signal) > 0) {
      // The app decides. If it lives on, the next signal is seen again.
      setImmediate(() => {
        if (armed && !handlers.has(signal)) install(signal);
      }).unref();
      return;
    }
    hooks
      .drain(hooks.drainTimeoutMillis)
      .catch((error: unknown) => reportBug('drain', error))
      .finally(() => raise(signal));
  }

  function raise(signal: ObservedSignal): void {
    if (process.listenerCount(signal) > 0) {
      // A handler of the app appeared while we waited: it was meant to get this signal.
      process.emit(signal, signal);
      return;
    }
    // A signal's default action runs no `exit` handlers.
    onExit();
    // Windows has no signals to raise: `kill` would end the process with code 1 there.
    if (process.platform === 'win32') {
      (process as typeof process & { reallyExit(code: number): never }).reallyExit(WINDOWS_CONTROL_EXIT);
    }
    process.kill(process.pid, signal);
    // Still alive: PID 1 of a container, where the default action does nothing. End as a shell would report it.
    setTimeout(() => process.exit(128 + SIGNAL_NUMBERS[signal]), 100);
  }

  return {
    arm() {
      if (armed) return;
      armed = true;
      allowListeners(1);
      process.on('uncaughtExceptionMonitor', onMonitor);
      process.on('exit', onExit);
      for (const signal of SIGNALS) install(signal);
    },
    stop() {
      if (!armed) return;
      armed = false;
      allowListeners(-1);
      process.removeListener('uncaughtExceptionMonitor', onMonitor);
      process.removeListener('exit', onExit);
      for (const signal of SIGNALS) remove(signal);
    },
  };
}

/** The signals that ask a program to end. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type EndingSignal = (typeof ENDING)[number];

/** Waits for a signal that asks to end. A second one of the same kind ends the process at once, as without us. */
export function untilEnded(): { readonly signal: Promise<EndingSignal>; release(): void } {
  const { promise, resolve } = Promise.withResolvers<EndingSignal>();
  const handlers = ENDING.map((signal) => {
    const handler = () => resolve(signal);
    process.once(signal, handler);
    return { signal, handler };
  });
  // Signal listeners do not keep the loop alive.
  const alive = setInterval(() => {}, 2 ** 30);
  return {
    signal: promise.finally(() => clearInterval(alive)),
    release: () => {
      clearInterval(alive);
      for (const { signal, handler } of handlers) process.off(signal, handler);
    },
  };
}

/** The stack did not answer. */
export class Unreachable extends Error {}

/** @returns the JSON of a path of the own API, or undefined for a 404 */
export async function read(path, signal) {
  let response;
  try {
    response = await fetch(`/api/sightline/${path}`, { signal, headers: { accept: 'application/json' } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable('the stack does not answer');
  }
  if (response.status === 404) return undefined;
  const answer = await response.json().catch(() => undefined);
  if (!response.ok) throw new Error(answer?.error?.message ?? `the stack answered ${response.status}`);
  return answer;
}

/**
 * Calls `load` again and again while the page is seen, and hands what it brings to `show`. While `held()` says that the
 * reader is pointing at something, nothing is shown: it waits, and `waiting` is told.
 */
export function live({ load, show, fail, held, waiting, everyMillis, signal }) {
  let pending;
  const apply = () => {
    if (pending === undefined || signal.aborted) return;
    const { value } = pending;
    pending = undefined;
    waiting(undefined);
    show(value);
  };
  const round = async () => {
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        const value = await load(signal);
        if (signal.aborted) return;
        if (held()) {
          pending = { value };
          waiting(value);
        } else {
          pending = { value };
          apply();
        }
      } catch (error) {
        if (!signal.aborted) fail(error);
      }
    }
    setTimeout(round, everyMillis);
  };
  round();
  return { apply };
}

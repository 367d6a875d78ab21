/** Why a `fetch` got no answer, in the system's words: `ECONNREFUSED`, `bad port`. */
export function fetchFailure(error: unknown): string {
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  return cause?.code ?? cause?.message ?? message;
}

import { SightlineError } from '../errors.ts';
import { active, type ObservationContext, runIn } from './context.ts';
import { isCorrelationId, MAX_CORRELATION_ID_LENGTH } from './correlation-id.ts';
import { isTraceId } from './span-context.ts';

/** Characters of a refused ID that an error message shows. */
const SHOWN_CHARACTERS = 80;

/**
 * The ID of the work that runs in a context: what was set for it, else that of its request, else its trace ID; undefined outside
 * everything.
 */
export function correlationIdOf(context: ObservationContext): string | undefined {
  const id = context.correlationId ?? context.request?.correlationId;
  if (id !== undefined) return id;
  const traceId = context.span?.spanContext().traceId;
  return isTraceId(traceId) ? traceId : undefined;
}

function refusal(id: unknown): SightlineError {
  const got =
    typeof id === 'string'
      ? JSON.stringify(id.length > SHOWN_CHARACTERS ? `${id.slice(0, SHOWN_CHARACTERS)}…` : id)
      : typeof id;
  return new SightlineError(
    'SIGHTLINE_E_CORRELATION_ID',
    `got ${got} as correlation ID, wanted 1 to ${MAX_CORRELATION_ID_LENGTH} characters of A-Z a-z 0-9 . _ ~ : / + = @ -; ` +
      'encode the value or use another one',
  );
}

/** The one ID that joins requests, log lines, spans and outbound calls. */
export interface Correlation {
  /**
   * The current correlation ID: in a request its ID, inside a trace without a request the trace ID, else undefined.
   */
  id(): string | undefined;
  /**
   * Runs `fn` under `id`, and gives back what it returns: log lines, spans and outbound headers that start in it carry the ID. Works
   * anywhere, also outside requests (jobs, queue consumers).
   *
   * @throws SightlineError `SIGHTLINE_E_CORRELATION_ID` when the ID is not 1 to 128 characters of `A-Za-z0-9._~:/+=@-`; `fn` is then not run
   */
  run<Result>(id: string, fn: () => Result): Result;
}

export const correlation: Correlation = Object.freeze({
  id(): string | undefined {
    return correlationIdOf(active());
  },

  run<Result>(id: string, fn: () => Result): Result {
    if (typeof id !== 'string' || !isCorrelationId(id)) throw refusal(id);
    return runIn(active().withCorrelationId(id), fn);
  },
});

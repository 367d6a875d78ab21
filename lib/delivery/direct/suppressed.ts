import { ROOT, runIn } from '../../context/context.ts';

/** The key of `suppressTracing` in `@opentelemetry/core`; `isTracingSuppressed` of context/ reads it. */
const SUPPRESS_KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const SUPPRESSED = ROOT.setValue(SUPPRESS_KEY, true);

/** Runs `body`, and all that it starts, outside every request and untraced: for clients of ours that live in the app's process. */
export function suppressed<Result>(body: () => Result): Result {
  return runIn(SUPPRESSED, body);
}

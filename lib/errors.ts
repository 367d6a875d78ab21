/**
 * Every failure that a user can cause or see, with its code. Codes are never reused. `docs/errors.md` has one
 * entry per row, cross-checked by a test. A message says what was got, what was wanted and what to do next.
 */
export const ERRORS = {
  SIGHTLINE_E_OPTION: 'An option has a value that is not accepted.',
  SIGHTLINE_E_RUNTIME: 'This runtime cannot be observed.',
  SIGHTLINE_E_BUNDLED: 'This package is inside a bundle, where it cannot start.',
  SIGHTLINE_E_INTERNAL: 'A bug of Sightline was caught; the app is not affected.',
  SIGHTLINE_E_PORT_TAKEN: 'A port that was asked for is taken.',
  SIGHTLINE_E_METRIC_NAME: 'A metric name or label breaks the naming rules.',
  SIGHTLINE_E_METRIC_CONFLICT: 'A metric was declared twice with different type, help or labels.',
  SIGHTLINE_E_METRIC_VALUE: 'A value that the instrument cannot take.',
  SIGHTLINE_E_CORRELATION_ID: 'A correlation ID with characters or length that are not accepted.',
  SIGHTLINE_E_PEER_MISSING: 'An optional package is needed for what was asked.',
  SIGHTLINE_E_JOURNAL: 'The journal cannot be written.',
  SIGHTLINE_E_STACK_BUSY: 'Another local stack holds the data directory.',
  SIGHTLINE_E_STACK_STORE: 'The store of the local stack cannot be opened.',
  SIGHTLINE_E_REFUSED: 'The local stack does not take this request.',
  SIGHTLINE_E_STACK_UNREACHABLE: 'No local stack answers.',
  SIGHTLINE_E_NOT_FOUND: 'Nothing is known under this ID.',
  SIGHTLINE_E_COMMAND: 'A program could not be started.',
  SIGHTLINE_E_USAGE: 'A command was used wrongly.',
  SIGHTLINE_E_LINT_SOURCE: 'A page to check cannot be read.',
  SIGHTLINE_E_BACKEND: 'A backend cannot be reached, or does not take what is sent.',
  SIGHTLINE_E_GRAFANA: 'Grafana cannot be reached, or does not take what is written.',
  SIGHTLINE_E_EXPORT: 'A file could not be written.',
  SIGHTLINE_E_DEPLOY: 'A deployment could not be marked.',
  SIGHTLINE_E_DLQ_BUSY: 'Another process is changing the dead letters.',
  SIGHTLINE_E_DEMO: 'The demo did not find its request everywhere.',
} as const;
export type ErrorCode = keyof typeof ERRORS;

/** Things said once on stderr that are no failure. Codes are never reused. */
export const WARNINGS = {
  SIGHTLINE_W_ALREADY_OBSERVED:
    'Options were given to observe() while the process is observed already; they are not used.',
  SIGHTLINE_W_API_TAKEN: 'A part of @opentelemetry/api was registered by somebody else first.',
  SIGHTLINE_W_PORT_TAKEN: 'The default admin port is taken; the next free one is used.',
  SIGHTLINE_W_SIGNAL_OFF: 'A signal has no address and is off.',
  SIGHTLINE_W_BACKEND_DOWN: 'A backend does not take what is sent; it is kept and sent again.',
  SIGHTLINE_W_DATA_DIR: 'The data directory cannot be written.',
  SIGHTLINE_W_SLOW_DISK: 'The disk of the journal is slow; records wait in memory.',
  SIGHTLINE_W_JOURNAL_DAMAGED: 'A segment of the journal could not be read whole, and was set aside.',
  SIGHTLINE_W_OTHER_DESTINATION: 'The journal holds records for a backend that is not configured now.',
  SIGHTLINE_W_SERIES_LIMIT: 'A metric has reached its series limit.',
  SIGHTLINE_W_NATIVE_PORT: 'A native port of the local stack is taken and left out.',
  SIGHTLINE_W_TARGETS: 'A file of scrape targets cannot be read; its last good content stays.',
  SIGHTLINE_W_CONFIG: 'A part of a prometheus.yml is not needed by the local stack and left out.',
  SIGHTLINE_W_NEIGHBOUR: 'Another observer makes spans of this process, too.',
  SIGHTLINE_W_CLUSTER: 'No process of the cluster can answer for all.',
  SIGHTLINE_W_STACK_BUG: 'A bug of the local stack was caught; it runs on.',
} as const;
export type WarningCode = keyof typeof WARNINGS;

/** An error with a code of the table above. */
export class SightlineError extends Error {
  readonly code: ErrorCode;
  /** Every single mistake, when there are several. */
  readonly mistakes: readonly string[];

  constructor(code: ErrorCode, message: string, mistakes: readonly string[] = []) {
    super(`${code}: ${message}`);
    this.name = 'SightlineError';
    this.code = code;
    this.mistakes = mistakes;
  }
}

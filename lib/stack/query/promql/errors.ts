import { type PositionRange, positionText } from './syntax/position.ts';

/** Characters of an error: it may repeat a part of the query. */
const MAX_MESSAGE = 1000;

/** The text is no PromQL, or its types do not fit. `message` is worded as Prometheus words it. */
export class ParseError extends Error {
  override readonly name = 'ParseError';

  constructor(reason: string, position: PositionRange, query: string) {
    super(`${positionText(query, position.start)}: parse error: ${reason}`.slice(0, MAX_MESSAGE));
  }
}

/** The expression is right but cannot be evaluated over this data. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';

  constructor(message: string) {
    super(message.slice(0, MAX_MESSAGE));
  }
}

/** A duration of the query, calculated with its times, is none: refused before anything is evaluated. */
export class InvalidDuration extends ExecutionError {}

/** A bound of the evaluation was met. */
export class TooManySamples extends ExecutionError {
  constructor() {
    super('query processing would load too many samples into memory in query execution');
  }
}

/** The evaluation ran over its time. */
export class EvaluationTimeout extends Error {
  override readonly name = 'EvaluationTimeout';
  constructor() {
    super('query timed out in expression evaluation');
  }
}

/** Something of PromQL that is left out on purpose: said, never answered wrongly. */
export class UnsupportedExpression extends Error {
  override readonly name = 'UnsupportedExpression';
}

import { answerJson } from './answer-json.ts';
import { evaluateInstant, evaluateRange, type QueryValue, TIMEOUT_MILLIS } from './engine.ts';
import { EvaluationTimeout, ExecutionError, InvalidDuration, ParseError, UnsupportedExpression } from './errors.ts';
import type { SampleSource } from './evaluate/series.ts';
import { typeOf } from './syntax/ast.ts';
import { parseExpression } from './syntax/parser.ts';
import { typeName } from './syntax/type-check.ts';

/** Warnings and infos of one answer, each; Prometheus's number. */
const MAX_ANNOTATIONS = 10;

/** One query as the HTTP API takes it. Plain, so that it can cross threads. Times in milliseconds. */
export interface PromqlRequest {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  /** 0: an instant query at `start`. */
  readonly step: number;
  /** How far an instant selector looks back; default 5 minutes. */
  readonly lookback?: number;
  /** Longest evaluation; at most, and by default, 15 s. */
  readonly timeout?: number;
  /** Series of the answer; 0, the default: all. */
  readonly limit?: number;
}

export type PromqlAnswer =
  | {
      readonly ok: true;
      readonly value: QueryValue;
      readonly warnings: readonly string[];
      readonly infos: readonly string[];
    }
  | PromqlFailure;

/** What is wrong with a query. */
export interface PromqlFailure {
  readonly ok: false;
  readonly type: 'bad_data' | 'execution' | 'timeout';
  readonly error: string;
}

/** An answer as the bytes of its JSON. */
export type PromqlBody = { readonly ok: true; readonly body: Uint8Array } | PromqlFailure;

/** Reads and evaluates a query. What is wrong with it is an answer; only a bug of ours throws. */
export function runPromql(request: PromqlRequest, source: SampleSource): PromqlAnswer {
  const { query, start, end, step, lookback, timeout } = request;
  const options = {
    source,
    timeout: Math.min(timeout ?? TIMEOUT_MILLIS, TIMEOUT_MILLIS),
    ...(lookback !== undefined && lookback > 0 && { lookback }),
  };
  try {
    const expression = parseExpression(query);
    const type = typeOf(expression);
    if (step > 0 && type !== 'scalar' && type !== 'vector')
      return {
        ok: false,
        type: 'bad_data',
        error: `invalid parameter "query": invalid expression type ${JSON.stringify(typeName(type))} for range query, must be Scalar or instant Vector`,
      };
    const { value, annotations } =
      step > 0 ? evaluateRange(expression, { start, end, step }, options) : evaluateInstant(expression, start, options);
    return { ok: true, value, ...annotations.texts(query, MAX_ANNOTATIONS) };
  } catch (error) {
    if (error instanceof ParseError || error instanceof InvalidDuration)
      return { ok: false, type: 'bad_data', error: `invalid parameter "query": ${error.message}` };
    if (error instanceof EvaluationTimeout) return { ok: false, type: 'timeout', error: error.message };
    if (error instanceof ExecutionError || error instanceof UnsupportedExpression)
      return { ok: false, type: 'execution', error: error.message };
    throw error;
  }
}

/** As `runPromql`, written out where it is evaluated: a graph may be megabytes, and the thread that asks has others. */
export function runPromqlBody(request: PromqlRequest, source: SampleSource): PromqlBody {
  const answer = runPromql(request, source);
  return answer.ok ? { ok: true, body: Buffer.from(answerJson(answer, request.limit ?? 0)) } : answer;
}

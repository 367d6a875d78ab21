import type { LabelMatcher } from '../query/label-matcher.ts';
import { ParseError } from '../query/promql/errors.ts';
import type { PromqlRequest } from '../query/promql/query.ts';
import { childrenOf, type Expression } from '../query/promql/syntax/ast.ts';
import { parseExpression } from '../query/promql/syntax/parser.ts';
import { prettify } from '../query/promql/syntax/prettify.ts';
import { syntaxTree } from '../query/promql/syntax/syntax-tree.ts';
import { BadData, neededTime, readDuration, readLimit, readTime } from './prometheus-parameters.ts';

/** Points of one series that one answer holds. Prometheus's number. */
const MAX_POINTS = 11_000;

/** The expression of a request. @throws BadData */
export function readExpression(parameters: URLSearchParams): Expression {
  try {
    return parseExpression(parameters.get('query') ?? '');
  } catch (error) {
    if (error instanceof ParseError) throw new BadData(`invalid parameter "query": ${error.message}`);
    throw error;
  }
}

/** @throws BadData */
export function readInstantQuery(parameters: URLSearchParams, now: number): PromqlRequest {
  const at = readTime(parameters, 'time') ?? now;
  return { ...commonOf(parameters), start: at, end: at, step: 0 };
}

/** @throws BadData */
export function readRangeQuery(parameters: URLSearchParams): PromqlRequest {
  const start = neededTime(parameters, 'start');
  const end = neededTime(parameters, 'end');
  if (end < start) throw new BadData('invalid parameter "end": end timestamp must not be before start time');
  const step = readDuration(parameters, 'step');
  if (step === undefined) throw new BadData('invalid parameter "step": cannot parse "" to a valid duration');
  if (step <= 0)
    throw new BadData(
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  if (Math.trunc((end - start) / step) > MAX_POINTS)
    throw new BadData(
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
  return { ...commonOf(parameters), start, end, step };
}

function commonOf(parameters: URLSearchParams): Pick<PromqlRequest, 'query' | 'lookback' | 'timeout' | 'limit'> {
  // A mistake in it is answered at once, without the thread that evaluates.
  readExpression(parameters);
  const lookback = readDuration(parameters, 'lookback_delta');
  const timeout = readDuration(parameters, 'timeout');
  return {
    query: parameters.get('query') ?? '',
    limit: readLimit(parameters),
    ...(lookback !== undefined && { lookback }),
    ...(timeout !== undefined && { timeout }),
  };
}

/** `/format_query`. @throws BadData */
export function formatQuery(parameters: URLSearchParams): string {
  return prettify(readExpression(parameters));
}

/** `/parse_query`. @throws BadData */
export function parseQuery(parameters: URLSearchParams): unknown {
  return syntaxTree(readExpression(parameters));
}

/** The selectors in an expression, whatever is done with them: exemplars are looked up by them. */
export function selectorsOf(expression: Expression): (readonly LabelMatcher[])[] {
  return expression.type === 'vectorSelector' ? [expression.matchers] : childrenOf(expression).flatMap(selectorsOf);
}

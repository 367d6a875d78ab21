import type { Reply } from '../http/exchange.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import type { QueryValue, ResultSeries } from '../query/promql/engine.ts';
import { ParseError } from '../query/promql/errors.ts';
import type { PromqlAnswer, PromqlRequest } from '../query/promql/query.ts';
import { childrenOf, type Expression } from '../query/promql/syntax/ast.ts';
import { parseExpression } from '../query/promql/syntax/parser.ts';
import { prettify } from '../query/promql/syntax/prettify.ts';
import { syntaxTree } from '../query/promql/syntax/syntax-tree.ts';
import { BadData, neededTime, readDuration, readTime } from './prometheus-parameters.ts';

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

function commonOf(parameters: URLSearchParams): Pick<PromqlRequest, 'query' | 'lookback' | 'timeout'> {
  // A mistake in it is answered at once, without the thread that evaluates.
  readExpression(parameters);
  const lookback = readDuration(parameters, 'lookback_delta');
  const timeout = readDuration(parameters, 'timeout');
  return {
    query: parameters.get('query') ?? '',
    ...(lookback !== undefined && { lookback }),
    ...(timeout !== undefined && { timeout }),
  };
}

/**
 * The reply to a query that was answered, in Prometheus's shape.
 *
 * @param limit series; 0 = all
 */
export function queryReply(answer: Extract<PromqlAnswer, { ok: true }>, limit: number): Reply {
  const { value } = answer;
  const warnings = [...answer.warnings];
  const cut = 'series' in value && limit > 0 && value.series.length > limit;
  if (cut) warnings.push('results truncated due to limit');
  const body =
    `{"status":"success","data":{"resultType":"${value.type}","result":${resultText(value, cut ? limit : Number.POSITIVE_INFINITY)}}` +
    (warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`) +
    (answer.infos.length === 0 ? '' : `,"infos":${JSON.stringify(answer.infos)}`) +
    '}';
  return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body };
}

/** JSON by hand: a graph has tens of thousands of points. */
function resultText(value: QueryValue, most: number): string {
  switch (value.type) {
    case 'scalar':
      return `[${value.at / 1000},"${numberText(value.value)}"]`;
    case 'string':
      return `[${value.at / 1000},${JSON.stringify(value.value)}]`;
    case 'vector':
      return listOf(value.series, most, (series) => `"value":${pointText(series, 0)}`);
    case 'matrix':
      return listOf(value.series, most, (series) => {
        const points = Array.from(series.times, (_, index) => pointText(series, index));
        return `"values":[${points.join(',')}]`;
      });
  }
}

function listOf(series: readonly ResultSeries[], most: number, samples: (series: ResultSeries) => string): string {
  const texts = series.slice(0, most).map((one) => `{"metric":${JSON.stringify(one.labels)},${samples(one)}}`);
  return `[${texts.join(',')}]`;
}

function pointText({ times, values }: ResultSeries, index: number): string {
  return `[${times[index]! / 1000},"${numberText(values[index]!)}"]`;
}

/** As Prometheus writes a float in JSON. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Object.is(value, -0) ? '-0' : String(value).replace(/e([+-])(\d)$/, 'e$10$2');
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

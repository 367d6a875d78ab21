/** PromQL that anybody types, right and wrong: read and printed alike, evaluated alike, or refused with the reason. */
import assert from 'node:assert/strict';
import { evaluateInstant, evaluateRange } from '../../../lib/stack/query/promql/engine.ts';
import { EvaluationTimeout, ExecutionError, ParseError } from '../../../lib/stack/query/promql/errors.ts';
import type { Expression } from '../../../lib/stack/query/promql/syntax/ast.ts';
import { parseExpression } from '../../../lib/stack/query/promql/syntax/parser.ts';
import { prettify } from '../../../lib/stack/query/promql/syntax/prettify.ts';
import { expressionText } from '../../../lib/stack/query/promql/syntax/printer.ts';
import { syntaxTree } from '../../../lib/stack/query/promql/syntax/syntax-tree.ts';
import { parseScript } from '../../../scripts/promqltest/script.ts';
import { ScriptStorage } from '../../../scripts/promqltest/storage.ts';
import { QueryGenerator } from '../../stack/promql/generate-query.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileText, mutate } from '../hostile-text.ts';
import { assertUnpolluted } from '../oracles.ts';

const VOCABULARY = {
  counters: ['sent_total'],
  gauges: ['depth'],
  buckets: ['wait_bucket'],
  labels: { job: ['a', 'b'], le: ['1', '+Inf'], zone: ['north', 'south'] },
  interval: 10,
};
const storage = new ScriptStorage();
for (const command of parseScript(`load 10s
  sent_total{job="a", zone="north"} 0+3x40
  sent_total{job="b", zone="south"} 5+1x10 0+1x20 stale
  depth{job="a", zone="north"} 4 _ 7 NaN -2x20
  depth{job="b", zone="south"} 1 2 3 4 5 4 3 2 1
  wait_bucket{job="a", le="1"} 0+2x40
  wait_bucket{job="a", le="+Inf"} 0+5x40`))
  if (command.kind === 'load') storage.load(command);

function readable(query: string): Expression | undefined {
  try {
    return parseExpression(query);
  } catch (error) {
    assert.ok(error instanceof ParseError, (error as Error).stack);
    assert.ok(error.message.length <= 1000, 'an error is bounded');
    return undefined;
  }
}

function evaluated<Result>(evaluate: () => Result): Result | undefined {
  try {
    return evaluate();
  } catch (error) {
    assert.ok(error instanceof ExecutionError || error instanceof EvaluationTimeout, (error as Error).stack);
    return undefined;
  }
}

export const STACK_PROMQL: FuzzTarget = {
  name: 'stack-promql',
  shortCases: 800,
  run(random) {
    const right = new QueryGenerator(random, VOCABULARY).query();
    assert.notEqual(readable(right), undefined, right);
    const query = random.oneIn(8) ? hostileText(random, 9000) : random.oneIn(3) ? mutate(random, right) : right;
    const expression = readable(query);
    if (expression === undefined) return query.length * 8;

    const text = expressionText(expression);
    // Infinity is printed with its sign, as Prometheus does, and the sign is read as an operator below a power.
    const alike = (read: string): string => read.replace(/\++Inf/g, '+Inf');
    assert.equal(alike(expressionText(parseExpression(text))), alike(text), 'what is printed is read alike');
    assert.equal(alike(expressionText(parseExpression(prettify(expression)))), alike(text), 'on several lines too');
    JSON.stringify(syntaxTree(expression));

    const options = { source: storage, maxSamples: 200_000, timeout: 2000 };
    const times = { start: 100_000, end: 300_000, step: 50_000 };
    const range = evaluated(() => evaluateRange(expression, times, options));
    evaluated(() => evaluateInstant(expression, 200_000, options));
    if (range?.value.type === 'matrix')
      for (const series of range.value.series) assert.ok(series.times.length > 0 && series.times.length <= 5);
    assertUnpolluted();
    return query.length * 8;
  },
};

import {
  type EngineOptions,
  evaluateInstant,
  evaluateRange,
  type QueryResult,
} from '../../lib/stack/query/promql/engine.ts';
import { ExecutionError, ParseError, UnsupportedExpression } from '../../lib/stack/query/promql/errors.ts';
import { LabelSet } from '../../lib/stack/query/promql/evaluate/label-set.ts';
import type { Expression } from '../../lib/stack/query/promql/syntax/ast.ts';
import { parseExpression } from '../../lib/stack/query/promql/syntax/parser.ts';
import { pinned } from './at-modifier.ts';
import { compareAnnotations, compareFailure, compareValue, compareVector, Mismatch } from './compare.ts';
import { type Evaluation, parseScript } from './script.ts';
import { ScriptStorage } from './storage.ts';

export interface ScriptOutcome {
  passed: number;
  /** Each with line, query and reason. */
  readonly failures: { readonly line: number; readonly query: string; readonly reason: string }[];
  /** What the evaluator refuses on purpose, counted by reason. */
  readonly unsupported: Map<string, number>;
}

/** As Prometheus runs its own scripts: everything that is experimental is on, names are dropped late. */
const PARSER = { experimentalFunctions: true, fillModifiers: true } as const;
const MINUTE = 60_000;
/** Functions that give something else in a range query. */
const OF_THE_QUERY = /(?:start|end|range|step)\(\)/;

/** Runs a script. A script that cannot be read throws. */
export function runScript(text: string): ScriptOutcome {
  const storage = new ScriptStorage();
  const outcome: ScriptOutcome = { passed: 0, failures: [], unsupported: new Map() };
  for (const command of parseScript(text)) {
    if (command.kind === 'clear') storage.clear();
    else if (command.kind === 'load') storage.load(command);
    else runEvaluation(command, storage, outcome);
  }
  return outcome;
}

function runEvaluation(evaluation: Evaluation, storage: ScriptStorage, outcome: ScriptOutcome): void {
  const { expected, line, query } = evaluation;
  try {
    const expectsHistograms = expected.series.some(({ values }) => values.includes('histogram'));
    if (expectsHistograms) throw new UnsupportedExpression('native histograms');
    evaluate(evaluation, { source: storage, delayedNameRemoval: true });
    outcome.passed += 1;
  } catch (error) {
    if (error instanceof UnsupportedExpression)
      outcome.unsupported.set(error.message, (outcome.unsupported.get(error.message) ?? 0) + 1);
    else
      outcome.failures.push({
        line,
        query,
        reason: error instanceof Mismatch ? error.message : ((error as Error).stack ?? String(error)),
      });
  }
}

function evaluate(evaluation: Evaluation, options: EngineOptions): void {
  const { query, start, end, step } = evaluation;
  let expression: Expression;
  try {
    expression = parseExpression(query, PARSER);
  } catch (error) {
    compareFailure(error as Error, evaluation);
    return;
  }
  if (step !== 0) {
    checked(evaluation, () => evaluateRange(expression, { start, end, step }, options));
    return;
  }
  instant(evaluation, expression, start, options);
  // The same with its time written down, asked for at other times.
  const fixed = pinned(expression, start);
  if (fixed === undefined) return;
  const times = start === 0 ? [-1000, 0, 1000] : [-10 * start, 0, Math.trunc(start / 5), start, 10 * start];
  for (const at of times) instant(evaluation, fixed, at, options);
}

function instant(evaluation: Evaluation, expression: Expression, at: number, options: EngineOptions): void {
  const result = checked(evaluation, () => evaluateInstant(expression, at, options));
  const { expected } = evaluation;
  if (result === undefined || expected.range !== undefined || expected.string !== undefined || expected.ordered) return;
  if (OF_THE_QUERY.test(evaluation.query)) return;
  // A range query must give the same at this step.
  const { value } = evaluateRange(expression, { start: at - MINUTE, end: at + MINUTE, step: MINUTE }, options);
  if (value.type !== 'matrix') throw new Mismatch(`a range query gave a ${value.type}`);
  const points = value.series
    .map(({ labels, times, values }) => ({ labels: LabelSet.of(labels), value: values[times.indexOf(at)] }))
    .filter((point): point is { labels: LabelSet; value: number } => point.value !== undefined);
  if (result.value.type === 'scalar') compareValue({ type: 'scalar', at, value: points[0]!.value }, evaluation);
  else compareVector(points, evaluation);
}

/** @returns undefined when a failure was expected and came */
function checked(evaluation: Evaluation, run: () => QueryResult): QueryResult | undefined {
  let result: QueryResult;
  try {
    result = run();
  } catch (error) {
    if (!(error instanceof ExecutionError || error instanceof ParseError)) throw error;
    compareFailure(error, evaluation);
    return undefined;
  }
  if (evaluation.expected.fail !== undefined) throw new Mismatch('expected a failure, got a result');
  compareAnnotations(result.annotations.texts(evaluation.query), evaluation);
  compareValue(result.value, evaluation);
  return result;
}

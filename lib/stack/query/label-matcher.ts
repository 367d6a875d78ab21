import { compileRe2 } from './regular-expression.ts';

/** A label matcher of PromQL: `name="value"`, `!=`, `=~`, `!~`. Source: Prometheus documentation, "Time series selectors". */
export interface LabelMatcher {
  readonly name: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** Tests one label value; a missing label is the empty string. */
export type LabelTest = (value: string) => boolean;

/** An alternation of plain texts, as dashboards make of their variables. */
const PLAIN_ALTERNATION = /^[^\\^$.*+?()[\]{}]*$/;

/**
 * Compiles a matcher. Regular expressions are RE2's, anchored, as in Prometheus.
 *
 * @throws SyntaxError for an expression that is none
 */
export function compileMatcher(matcher: LabelMatcher): LabelTest {
  const { operator, value } = matcher;
  if (operator === '=') return (candidate) => candidate === value;
  if (operator === '!=') return (candidate) => candidate !== value;
  const test = compileExpression(value);
  return operator === '=~' ? test : (candidate) => !test(candidate);
}

function compileExpression(pattern: string): LabelTest {
  if (PLAIN_ALTERNATION.test(pattern)) {
    const values = new Set(pattern.split('|'));
    return (candidate) => values.has(candidate);
  }
  const expression = compileRe2(pattern, { anchored: true, dotAll: true });
  return (candidate) => expression.test(candidate);
}

/** Compiles matchers that must all hold for a set of labels. @throws SyntaxError */
export function compileMatchers(
  matchers: readonly LabelMatcher[],
): (labels: Readonly<Record<string, string>>) => boolean {
  const tests = matchers.map((matcher) => ({ name: matcher.name, test: compileMatcher(matcher) }));
  return (labels) => tests.every(({ name, test }) => test(Object.hasOwn(labels, name) ? labels[name]! : ''));
}

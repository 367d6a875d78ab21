import { childrenOf, type Expression, type VectorSelector } from '../stack/query/promql/syntax/ast.ts';
import { parseExpression } from '../stack/query/promql/syntax/parser.ts';
import { substitute } from './variables.ts';

/** Sample values of Grafana's own variables, each so odd that it is found again in the parsed query (dashboard-linter's). */
const RATE_INTERVAL_MILLIS = 8_869_990_787;
const SAMPLES: Readonly<Record<string, string>> = {
  __rate_interval: `${RATE_INTERVAL_MILLIS}ms`,
  __interval: '4867856611ms',
  __interval_ms: '7781188786',
  __range: '6069770749ms',
  __range_s: '9397795485',
  __range_ms: '6737667980',
  __from: '1594671549254',
  __to: '1594671549254',
};

/** A part of a query with the parts around it, the nearest last. */
export interface Visited {
  readonly node: Expression;
  readonly parents: readonly Expression[];
}

/**
 * A panel's query with its variables filled in: with a sample for Grafana's own; in a text, as they are written;
 * elsewhere as `5m`.
 * @throws Error in Prometheus's words
 */
export function parsePanelQuery(query: string): Expression {
  const filled = substitute(query, (name) => SAMPLES[name]);
  // What is left are the dashboard's own: in label values they stay as they are, elsewhere they are names or durations.
  let quote = '';
  let out = '';
  for (let at = 0; at < filled.length; at += 1) {
    const character = filled[at]!;
    if (quote !== '') {
      if (character === '\\') out += character + (filled[++at] ?? '');
      else out += character;
      if (character === quote) quote = '';
      continue;
    }
    if (character === '"' || character === "'" || character === '`') quote = character;
    const reference = character === '$' ? /^\$(?:\{[^}]*\}|\w+)/.exec(filled.slice(at))?.[0] : undefined;
    if (reference === undefined) {
      out += character;
      continue;
    }
    at += reference.length - 1;
    out +=
      out.trimEnd().endsWith('[') || out.trimEnd().endsWith(':') || out.trimEnd().endsWith('offset') ? '5m' : 'sample';
  }
  return parseExpression(out);
}

/** All parts of a query, outermost first. */
export function walk(expression: Expression, parents: readonly Expression[] = []): Visited[] {
  return [
    { node: expression, parents },
    ...childrenOf(expression).flatMap((child) => walk(child, [...parents, expression])),
  ];
}

export function selectorsOf(expression: Expression): VectorSelector[] {
  return walk(expression).flatMap(({ node }) => (node.type === 'vectorSelector' ? [node] : []));
}

export function isRateInterval(millis: number): boolean {
  return millis === RATE_INTERVAL_MILLIS;
}

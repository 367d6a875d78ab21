import { childrenOf, type Expression, mapChildren } from '../../lib/stack/query/promql/syntax/ast.ts';

/** Functions whose result depends on the time of the query whatever their argument is. */
const DEPENDS_ON_TIME = new Set(
  'days_in_month day_of_month day_of_week day_of_year end hour minute month year predict_linear range start step time timestamp'.split(
    ' ',
  ),
);

/**
 * The expression with `@ at` at every selector and subquery that has none, so that it gives the same at every time.
 *
 * @returns undefined when it cannot: a function looks at the time
 */
export function pinned(expression: Expression, at: number): Expression | undefined {
  if (looksAtTime(expression)) return undefined;
  const visit = (part: Expression): Expression => {
    // What is below a subquery at a fixed time is fixed with it.
    if (part.type !== 'vectorSelector' && part.type !== 'subquery') return mapChildren(part, visit);
    return part.at === undefined && part.atEdge === undefined ? { ...part, at } : part;
  };
  return visit(expression);
}

function looksAtTime(expression: Expression): boolean {
  if (expression.type === 'call' && DEPENDS_ON_TIME.has(expression.function.name)) return true;
  return childrenOf(expression).some(looksAtTime);
}

import type { DurationExpression, Expression, MatrixSelector, Subquery, VectorSelector } from './ast.ts';
import type { TokenStream } from './token-stream.ts';

type Shiftable = VectorSelector | Subquery;

/** Changes the selector or subquery that a modifier stands behind. @throws ParseError when it is neither */
function modified(
  expression: Expression,
  tokens: TokenStream,
  refusal: string,
  change: (target: Shiftable) => Partial<Shiftable>,
): Expression {
  const position = { start: expression.position.start, end: tokens.end };
  switch (expression.type) {
    case 'vectorSelector':
    case 'subquery':
      return { ...expression, ...change(expression), position } as Shiftable;
    case 'matrixSelector': {
      const selector = { ...expression.selector, ...change(expression.selector) } as VectorSelector;
      return { ...expression, selector, position } satisfies MatrixSelector;
    }
    default:
      throw tokens.error(refusal, expression.position);
  }
}

/** @throws ParseError */
export function withOffset(expression: Expression, offset: DurationExpression, tokens: TokenStream): Expression {
  const refusal =
    'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery';
  return modified(expression, tokens, refusal, (target) => {
    if (target.offset !== 0 || target.offsetExpression !== undefined)
      throw tokens.error('offset may not be set multiple times', expression.position);
    if (offset.type === 'duration') return { offsetExpression: offset };
    return { offset: Math.trunc(Math.round(offset.value * 1e9) / 1e6) };
  });
}

const AT_REFUSAL = '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery';

function onlyOnce(target: Shiftable, expression: Expression, tokens: TokenStream): void {
  if (target.at !== undefined || target.atEdge !== undefined)
    throw tokens.error('@ <timestamp> may not be set multiple times', expression.position);
}

/** @param seconds since the epoch. @throws ParseError */
export function withAt(expression: Expression, seconds: number, tokens: TokenStream): Expression {
  if (!(Math.abs(seconds) < 2 ** 63)) {
    const text = Number.isFinite(seconds) ? seconds.toFixed(6) : String(seconds).replace('Infinity', 'Inf');
    throw tokens.error(`timestamp out of bounds for @ modifier: ${text}`, expression.position);
  }
  return modified(expression, tokens, AT_REFUSAL, (target) => {
    onlyOnce(target, expression, tokens);
    return { at: roundHalfAway(seconds * 1000) };
  });
}

/** @throws ParseError */
export function withAtEdge(expression: Expression, edge: 'start' | 'end', tokens: TokenStream): Expression {
  return modified(expression, tokens, AT_REFUSAL, (target) => {
    onlyOnce(target, expression, tokens);
    return { atEdge: edge };
  });
}

/** @throws ParseError */
export function withExtension(
  expression: Expression,
  extension: 'anchored' | 'smoothed',
  tokens: TokenStream,
): Expression {
  if (expression.type === 'subquery')
    throw tokens.error(`${extension} modifier is not supported for subqueries`, expression.position);
  return modified(expression, tokens, `${extension} modifier not implemented`, (target) => {
    const before = (target as VectorSelector).extension;
    if (before !== undefined && before !== extension)
      throw tokens.error('anchored and smoothed modifiers cannot be used together', expression.position);
    return { extension };
  });
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

import { compileMatcher, type LabelMatcher } from '../../label-matcher.ts';
import type { VectorSelector } from './ast.ts';
import { unquote } from './literals.ts';
import type { TokenStream } from './token-stream.ts';
import { LABEL_NAME_WORDS, type Token } from './tokens.ts';

/** A label name is any text that is UTF-8 and not empty. */
export function isLabelName(name: string): boolean {
  return name !== '' && name.isWellFormed();
}

/** Reads what follows a metric's name, or a selector that begins with its braces. */
export function parseVectorSelector(tokens: TokenStream, name: Token | undefined): VectorSelector {
  const start = name?.start ?? tokens.current.start;
  const matchers = tokens.is('{') ? parseMatchers(tokens) : [];
  return {
    type: 'vectorSelector',
    name: name?.text ?? '',
    matchers:
      name === undefined ? matchers : [...matchers, { name: '__name__', operator: '=', value: name.text } as const],
    offset: 0,
    position: { start, end: tokens.end },
  };
}

function parseMatchers(tokens: TokenStream): LabelMatcher[] {
  tokens.expect('{');
  const matchers: LabelMatcher[] = [];
  while (!tokens.is('}')) {
    matchers.push(parseMatcher(tokens));
    if (tokens.is('}')) break;
    tokens.expect(',', 'label matching', '"," or "}"');
  }
  tokens.expect('}');
  return matchers;
}

function parseMatcher(tokens: TokenStream): LabelMatcher {
  const token = tokens.current;
  if (token.kind !== 'identifier' && token.kind !== 'string') tokens.unexpected('label matching', 'identifier or "}"');
  tokens.take();
  const name = token.kind === 'string' ? unquote(token.text) : token.text;
  const operator = tokens.current;
  if (operator.kind !== '=' && operator.kind !== '!=' && operator.kind !== '=~' && operator.kind !== '!~') {
    if (token.kind === 'string') return { name: '__name__', operator: '=', value: name };
    return tokens.unexpected('label matching', 'label matching operator');
  }
  tokens.take();
  const value = tokens.expect('string', 'label matching', 'string');
  const matcher: LabelMatcher = { name, operator: operator.kind, value: unquote(value.text) };
  try {
    compileMatcher(matcher);
  } catch (error) {
    throw tokens.error((error as Error).message, { start: token.start, end: value.end });
  }
  return matcher;
}

/** `(label, "label", …)` of a grouping or matching clause. */
export function parseLabelList(tokens: TokenStream): string[] {
  tokens.expect('(', 'grouping opts', '"("');
  const labels: string[] = [];
  while (!tokens.is(')')) {
    const token = tokens.current;
    if (token.kind !== 'string' && !LABEL_NAME_WORDS.has(token.kind)) tokens.unexpected('grouping opts', 'label');
    tokens.take();
    const label = token.kind === 'string' ? unquote(token.text) : token.text;
    if (!isLabelName(label)) throw tokens.error(`invalid label name for grouping: ${JSON.stringify(label)}`, token);
    labels.push(label);
    if (tokens.is(')')) break;
    tokens.expect(',', 'grouping opts', '"," or ")"');
  }
  tokens.expect(')');
  return labels;
}

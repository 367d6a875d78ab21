import { compileMatchers, type LabelMatcher } from './label-matcher.ts';
import { UnsupportedQuery } from './unsupported.ts';

const MATCHER =
  /\s*([a-zA-Z_][a-zA-Z0-9_]*|"(?:[^"\\]|\\.)*")\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)\s*(,|$)/y;
/** Characters of one selector. */
const MAX_LENGTH = 8192;

/**
 * Reads a plain instant-vector selector: `name`, `{label="value"}`, `name{label=~"a|b"}`.
 * Source: Prometheus documentation, "Time series selectors".
 *
 * @throws UnsupportedQuery for everything else
 */
export function readSelector(text: string): LabelMatcher[] {
  const match = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{([\s\S]*)\})?\s*$/.exec(text.slice(0, MAX_LENGTH + 1));
  if (match === null || text.length > MAX_LENGTH || (match[1] === undefined && match[2] === undefined)) {
    throw new UnsupportedQuery(
      `got ${JSON.stringify(text.slice(0, 200))}; PromQL beyond a plain selector such as up{job="shop"} is not supported yet by the local stack`,
    );
  }
  const [, name, body = ''] = match;
  const matchers: LabelMatcher[] = name === undefined ? [] : [{ name: '__name__', operator: '=', value: name }];
  let at = 0;
  while (body.slice(at).trim() !== '') {
    MATCHER.lastIndex = at;
    const found = MATCHER.exec(body);
    if (found === null)
      throw new UnsupportedQuery(`cannot read the label matchers at ${JSON.stringify(body.slice(at, at + 40))}`);
    matchers.push({
      name: found[1]!.startsWith('"') ? unquote(found[1]!) : found[1]!,
      operator: found[2] as LabelMatcher['operator'],
      value: unquote(found[3]!),
    });
    at = MATCHER.lastIndex;
  }
  validate(matchers);
  return matchers;
}

function validate(matchers: readonly LabelMatcher[]): void {
  try {
    const matches = compileMatchers(matchers);
    if (matchers.length === 0 || matches({}))
      throw new UnsupportedQuery('vector selector must contain at least one non-empty matcher');
  } catch (error) {
    if (error instanceof SyntaxError) throw new UnsupportedQuery(`error parsing regexp: ${error.message}`);
    throw error;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return quoted.startsWith('`') ? inner : inner.replace(/\\(.)/gs, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

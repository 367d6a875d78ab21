import { isTextField, type LogPredicate, wordsOf } from '../log-predicate.ts';
import { UnsupportedQuery } from '../unsupported.ts';

/** Parentheses in parentheses. */
const MAX_DEPTH = 50;
/** Characters of one query string. */
const MAX_LENGTH = 8192;

export interface QueryStringOptions {
  readonly defaultOperator: 'and' | 'or';
  /** Undefined: any field. */
  readonly defaultField: string | undefined;
}

interface Token {
  readonly kind: 'and' | 'or' | 'not' | 'plus' | 'minus' | 'open' | 'close' | 'field' | 'phrase' | 'word';
  readonly text: string;
}

/**
 * Compiles a query in the syntax of Elasticsearch's `query_string` (Lucene's classic query parser): words, phrases,
 * `field:value`, `_exists_:field`, AND, OR, NOT, `&&`, `||`, `!`, `+`, `-` and parentheses. Operators have Lucene's
 * meaning: they mark their neighbours as required or prohibited, there is no precedence.
 *
 * @throws UnsupportedQuery for wildcards, regular expressions, ranges, fuzziness and boosts, and for a broken query
 */
export function compileQueryString(query: string, options: QueryStringOptions): LogPredicate {
  if (query.length > MAX_LENGTH)
    throw new UnsupportedQuery(`got a query of ${query.length} characters, wanted at most ${MAX_LENGTH}`);
  const tokens = tokenise(query);
  if (tokens.length === 0) return { kind: 'none' };
  const parser = new Parser(tokens, options);
  return parser.whole();
}

function tokenise(query: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:(&&|\|\||[()!+-])|"((?:[^"\\]|\\.)*)"|((?:[^\s()"\\:]|\\.)+)(:?))/sy;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < query.length) {
    if (/^\s*$/.test(query.slice(pattern.lastIndex))) break;
    const at = pattern.lastIndex;
    const match = pattern.exec(query);
    if (match === null)
      throw new UnsupportedQuery(
        `cannot read the query at character ${at + 1}: ${JSON.stringify(query.slice(at, at + 20))}`,
      );
    tokens.push(tokenOf(match));
  }
  return tokens;
}

const OPERATORS: Readonly<Record<string, Token['kind']>> = {
  '&&': 'and',
  '||': 'or',
  AND: 'and',
  OR: 'or',
  NOT: 'not',
  '!': 'not',
  '+': 'plus',
  '-': 'minus',
  '(': 'open',
  ')': 'close',
};

function tokenOf(match: RegExpExecArray): Token {
  const [, sign, phrase, word, colon] = match;
  if (sign !== undefined) return { kind: OPERATORS[sign]!, text: sign };
  if (phrase !== undefined) return { kind: 'phrase', text: unescaped(phrase) };
  if (colon === ':') return { kind: 'field', text: unescaped(word!) };
  return OPERATORS[word!] === undefined ? { kind: 'word', text: word! } : { kind: OPERATORS[word!]!, text: word! };
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}

interface Clause {
  occur: 'must' | 'should' | 'not';
  readonly predicate: LogPredicate;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #options: QueryStringOptions;
  #at = 0;

  constructor(tokens: readonly Token[], options: QueryStringOptions) {
    this.#tokens = tokens;
    this.#options = options;
  }

  whole(): LogPredicate {
    const predicate = this.#clauses(this.#options.defaultField, 0);
    if (this.#at < this.#tokens.length)
      throw new UnsupportedQuery(`got an unexpected ${JSON.stringify(this.#tokens[this.#at]!.text)} in the query`);
    return predicate;
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #clauses(field: string | undefined, depth: number): LogPredicate {
    if (depth > MAX_DEPTH) throw new UnsupportedQuery(`got parentheses more than ${MAX_DEPTH} deep`);
    const clauses: Clause[] = [];
    for (let token = this.#next(); token !== undefined && token.kind !== 'close'; token = this.#next()) {
      let joined: 'and' | 'or' | undefined;
      if (token.kind === 'and' || token.kind === 'or') {
        joined = token.kind;
        this.#at += 1;
      }
      const sign = this.#next()?.kind;
      if (sign === 'not' || sign === 'plus' || sign === 'minus') this.#at += 1;
      this.#add(clauses, {
        joined,
        required: sign === 'plus',
        prohibited: sign === 'not' || sign === 'minus',
        predicate: this.#primary(field, depth),
      });
    }
    return combine(clauses);
  }

  /** Lucene's `QueryParserBase#addClause`. */
  #add(
    clauses: Clause[],
    clause: { joined: 'and' | 'or' | undefined; required: boolean; prohibited: boolean; predicate: LogPredicate },
  ): void {
    const previous = clauses.at(-1);
    const byDefault = this.#options.defaultOperator;
    if (previous !== undefined && previous.occur !== 'not') {
      if (clause.joined === 'and') previous.occur = 'must';
      if (clause.joined === 'or' && byDefault === 'and') previous.occur = 'should';
    }
    const required =
      byDefault === 'or'
        ? clause.required || (clause.joined === 'and' && !clause.prohibited)
        : !clause.prohibited && clause.joined !== 'or';
    clauses.push({
      occur: clause.prohibited ? 'not' : required || clause.required ? 'must' : 'should',
      predicate: clause.predicate,
    });
  }

  #primary(field: string | undefined, depth: number): LogPredicate {
    const token = this.#next();
    this.#at += 1;
    if (token === undefined) throw new UnsupportedQuery('got a query that ends after an operator or a field');
    if (token.kind === 'field') return this.#primary(token.text, depth);
    if (token.kind === 'open') {
      const inner = this.#clauses(field, depth + 1);
      if (this.#next()?.kind !== 'close') throw new UnsupportedQuery('got a parenthesis that is not closed');
      this.#at += 1;
      return inner;
    }
    if (token.kind === 'phrase') return compareField(field, token.text, 'phrase');
    if (token.kind === 'word') return bareWord(field, token.text);
    throw new UnsupportedQuery(`got an unexpected ${JSON.stringify(token.text)} in the query`);
  }
}

function bareWord(field: string | undefined, raw: string): LogPredicate {
  if (raw === '*' && (field === undefined || field === '*')) return { kind: 'all' };
  if (raw === '*') return { kind: 'exists', field: plainField(field!) };
  if (/(?:^|[^\\])[*?]/.test(raw))
    throw new UnsupportedQuery(`wildcards are not supported yet by the local stack: ${raw}`);
  if (/^[/[{<>]/.test(raw))
    throw new UnsupportedQuery(`regular expressions and ranges are not supported yet by the local stack: ${raw}`);
  if (/[~^](?:\d|$)/.test(raw))
    throw new UnsupportedQuery(`fuzziness and boosts are not supported yet by the local stack: ${raw}`);
  return compareField(field, unescaped(raw), 'any');
}

function compareField(field: string | undefined, text: string, how: 'any' | 'phrase'): LogPredicate {
  if (field === '_exists_') return { kind: 'exists', field: plainField(text) };
  if (field === undefined || field === '*') return { kind: 'anywhere', text };
  if (/[*?]/.test(field))
    throw new UnsupportedQuery(`wildcards in field names are not supported yet by the local stack: ${field}`);
  if (field === '@timestamp')
    throw new UnsupportedQuery('conditions on @timestamp are taken as a range query, not in a query string');
  const name = plainField(field);
  return isTextField(field)
    ? { kind: 'words', field, words: wordsOf(text), how }
    : { kind: 'equals', field: name, value: text };
}

/** `name.keyword` is how dynamically mapped indices call the keyword form of `name`. */
export function plainField(field: string): string {
  return field.endsWith('.keyword') ? field.slice(0, -'.keyword'.length) : field;
}

function combine(clauses: readonly Clause[]): LogPredicate {
  const of = (occur: Clause['occur']) =>
    clauses.filter((clause) => clause.occur === occur).map((clause) => clause.predicate);
  const must = of('must');
  const should = of('should');
  const parts: LogPredicate[] = [
    ...must,
    ...of('not').map((predicate): LogPredicate => ({ kind: 'not', of: predicate })),
  ];
  if (must.length === 0 && should.length > 0) parts.push(should.length === 1 ? should[0]! : { kind: 'or', of: should });
  return parts.length === 1 ? parts[0]! : { kind: 'and', of: parts };
}

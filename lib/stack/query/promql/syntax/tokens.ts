/** Kinds of tokens. Operators and keywords are their own kind, written as they are read. */
export type TokenKind =
  | 'end of input'
  | 'error'
  | 'identifier'
  | 'metric identifier'
  | 'string'
  | 'number'
  | 'duration'
  | Punctuation
  | Operator
  | Aggregator
  | Keyword
  | Preprocessor;

type Punctuation = '(' | ')' | '{' | '}' | '[' | ']' | ',' | ':' | '=' | '=~' | '!~' | '@';

export const OPERATORS = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '==',
  '!=',
  '<=',
  '<',
  '>=',
  '>',
  '</',
  '>/',
  'and',
  'or',
  'unless',
  'atan2',
] as const;
export type Operator = (typeof OPERATORS)[number];

export const AGGREGATORS = [
  'avg',
  'bottomk',
  'count',
  'count_values',
  'group',
  'max',
  'min',
  'quantile',
  'stddev',
  'stdvar',
  'sum',
  'topk',
  'limitk',
  'limit_ratio',
] as const;
export type Aggregator = (typeof AGGREGATORS)[number];

export const KEYWORDS = [
  'offset',
  'smoothed',
  'anchored',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'fill',
  'fill_left',
  'fill_right',
  'bool',
] as const;
type Keyword = (typeof KEYWORDS)[number];

export const PREPROCESSORS = ['start', 'end', 'step', 'range', 'max_of', 'min_of'] as const;
type Preprocessor = (typeof PREPROCESSORS)[number];

/** Words that the lexer does not read as identifiers, lower case. */
export const RESERVED_WORDS: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ...(['and', 'or', 'unless', 'atan2'] as const).map((word) => [word, word] as const),
  ...AGGREGATORS.map((word) => [word, word] as const),
  ...KEYWORDS.map((word) => [word, word] as const),
  ...PREPROCESSORS.map((word) => [word, word] as const),
  ['inf', 'number'],
  ['nan', 'number'],
]);

/** Reserved words that are a metric's name where an expression may begin. */
export const METRIC_NAME_WORDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'identifier',
  'metric identifier',
  ...AGGREGATORS,
  ...PREPROCESSORS,
  'by',
  'without',
  'fill',
  'fill_left',
  'fill_right',
  'and',
  'or',
  'unless',
  'offset',
  'anchored',
  'smoothed',
]);

/** Reserved words that are a label's name in a list of labels. */
export const LABEL_NAME_WORDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'identifier',
  'metric identifier',
  ...AGGREGATORS,
  ...PREPROCESSORS,
  ...KEYWORDS.filter((word) => word !== 'without'),
  'and',
  'or',
  'unless',
  'atan2',
]);

export interface Token {
  readonly kind: TokenKind;
  /** As written; of an error, what is wrong. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);
const OPERATOR_SET: ReadonlySet<string> = new Set(OPERATORS);
const AGGREGATOR_SET: ReadonlySet<string> = new Set(AGGREGATORS);

export function isOperator(kind: TokenKind): kind is Operator {
  return OPERATOR_SET.has(kind);
}

export function isAggregator(kind: TokenKind): kind is Aggregator {
  return AGGREGATOR_SET.has(kind);
}

/** A token as Prometheus names it in "unexpected …". */
export function describeToken(token: Token): string {
  const { kind, text } = token;
  if (kind === 'end of input') return kind;
  if (kind === 'identifier' || kind === 'metric identifier') return `${kind} ${JSON.stringify(text)}`;
  if (KEYWORD_SET.has(kind)) return `<${text}>`;
  if (OPERATOR_SET.has(kind) || kind === '=~' || kind === '!~' || kind === '@') return `<op:${text}>`;
  if (AGGREGATOR_SET.has(kind)) return `<aggr:${text}>`;
  const quoted = text.length > 10 ? `${JSON.stringify(text.slice(0, 10))}...` : JSON.stringify(text);
  return kind === 'string' || kind === 'number' || kind === 'duration' ? `${kind} ${quoted}` : quoted;
}

import type { ValueType } from './ast.ts';

export interface FunctionSignature {
  readonly name: string;
  readonly arguments: readonly ValueType[];
  /** How many more arguments than all but the last there may be; 0: exactly the listed ones; -1: any number. */
  readonly variadic: number;
  readonly returns: ValueType;
  /** Behind `--enable-feature=promql-experimental-functions` in Prometheus. */
  readonly experimental: boolean;
}

type Row = readonly [name: string, arguments: string, options?: Partial<FunctionSignature>];

const LETTERS: Readonly<Record<string, ValueType>> = { v: 'vector', s: 'scalar', m: 'matrix', t: 'string' };
const EXPERIMENTAL = { experimental: true } as const;
const SCALAR = { returns: 'scalar' } as const;
const OPTIONAL = { variadic: 1 } as const;

/** v = instant vector, m = range vector, s = scalar, t = string. Source: Prometheus 3, "Query functions". */
const ROWS: readonly Row[] = [
  ...[
    ...[
      'abs',
      'absent',
      'acos',
      'acosh',
      'asin',
      'asinh',
      'atan',
      'atanh',
      'ceil',
      'cos',
      'cosh',
      'deg',
      'exp',
      'floor',
    ],
    ...[
      'histogram_avg',
      'histogram_count',
      'histogram_sum',
      'histogram_stddev',
      'histogram_stdvar',
      'ln',
      'log10',
      'log2',
    ],
    ...['rad', 'sgn', 'sin', 'sinh', 'sort', 'sort_desc', 'sqrt', 'tan', 'tanh', 'timestamp'],
  ].map((name): Row => [name, 'v']),
  ...[
    ...[
      'absent_over_time',
      'avg_over_time',
      'changes',
      'count_over_time',
      'delta',
      'deriv',
      'first_over_time',
      'idelta',
    ],
    ...['increase', 'irate', 'last_over_time', 'max_over_time', 'min_over_time', 'present_over_time', 'rate', 'resets'],
    ...['stddev_over_time', 'stdvar_over_time', 'sum_over_time'],
  ].map((name): Row => [name, 'm']),
  ...[
    'mad_over_time',
    'ts_of_first_over_time',
    'ts_of_last_over_time',
    'ts_of_max_over_time',
    'ts_of_min_over_time',
  ].map((name): Row => [name, 'm', EXPERIMENTAL]),
  ...['days_in_month', 'day_of_month', 'day_of_week', 'day_of_year', 'hour', 'minute', 'month', 'year'].map(
    (name): Row => [name, 'v', OPTIONAL],
  ),
  ['clamp', 'vss'],
  ['clamp_max', 'vs'],
  ['clamp_min', 'vs'],
  ['double_exponential_smoothing', 'mss', EXPERIMENTAL],
  ['end', '', { ...SCALAR, ...EXPERIMENTAL }],
  ['histogram_fraction', 'ssv'],
  ['histogram_quantile', 'sv'],
  ['histogram_quantiles', 'vtss', { variadic: 9, ...EXPERIMENTAL }],
  ['info', 'vv', { variadic: 1, ...EXPERIMENTAL }],
  ['label_join', 'vttt', { variadic: -1 }],
  ['label_replace', 'vtttt'],
  ['max_of', 'ss', { ...SCALAR, ...EXPERIMENTAL }],
  ['min_of', 'ss', { ...SCALAR, ...EXPERIMENTAL }],
  ['pi', '', SCALAR],
  ['predict_linear', 'ms'],
  ['quantile_over_time', 'sm'],
  ['range', '', { ...SCALAR, ...EXPERIMENTAL }],
  ['round', 'vs', OPTIONAL],
  ['scalar', 'v', SCALAR],
  ['sort_by_label', 'vt', { variadic: -1, ...EXPERIMENTAL }],
  ['sort_by_label_desc', 'vt', { variadic: -1, ...EXPERIMENTAL }],
  ['start', '', { ...SCALAR, ...EXPERIMENTAL }],
  ['start_timestamp', 'v', EXPERIMENTAL],
  ['step', '', { ...SCALAR, ...EXPERIMENTAL }],
  ['time', '', SCALAR],
  ['vector', 's'],
];

export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = new Map(
  ROWS.map(([name, letters, options]) => [
    name,
    {
      name,
      arguments: [...letters].map((letter) => LETTERS[letter]!),
      variadic: 0,
      returns: 'vector',
      experimental: false,
      ...options,
    },
  ]),
);

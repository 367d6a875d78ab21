import type { Random } from '../../fuzz/random.ts';

/** What queries may ask for, so that most of them find something. */
export interface Vocabulary {
  readonly counters: readonly string[];
  readonly gauges: readonly string[];
  /** Names of bucket series. */
  readonly buckets: readonly string[];
  /** Label names with values. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Seconds between samples, about. */
  readonly interval: number;
}

const SIMPLE = 'abs ceil exp floor ln log10 log2 sgn sqrt atan sinh tanh deg rad round'.split(' ');
const OVER_TIME =
  'avg_over_time changes count_over_time deriv first_over_time idelta last_over_time max_over_time min_over_time present_over_time resets stddev_over_time stdvar_over_time sum_over_time delta'.split(
    ' ',
  );
const AGGREGATIONS = 'avg count group max min stddev stdvar sum'.split(' ');
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2'];
const COMPARISONS = ['==', '!=', '>', '<', '>=', '<='];
const CALENDAR = 'day_of_week day_of_year hour minute month days_in_month'.split(' ');
/** Functions that two languages round differently in the last digit, and sums that depend on the order of series. */
const INEXACT = /exp|ln|log|sinh|tanh|atan|\^|(?:stddev|stdvar)(?!_over)/;
/** What makes much of the last digit: steps, and differences of what is nearly equal. */
const MAGNIFYING =
  /%|ceil|floor|round|[<>=]=|[<>]|count_values|changes|resets|clamp|sgn|rate|increase|delta|deriv|predict| - /;

/** Whether the answer may depend on how the last digits were rounded. */
export function isChaotic(query: string): boolean {
  const bare = query.replace(/\{[^}]*\}/g, '');
  return INEXACT.test(bare) && MAGNIFYING.test(bare);
}

/** Makes expressions of PromQL's stable features that are right, over a vocabulary. */
export class QueryGenerator {
  readonly #random: Random;
  readonly #words: Vocabulary;

  constructor(random: Random, words: Vocabulary) {
    this.#random = random;
    this.#words = words;
  }

  /** An instant vector or, seldom, a scalar. */
  query(depth = 3): string {
    return this.#random.oneIn(12) ? this.#scalar(depth) : this.#vector(depth);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return this.#random.pick(items);
  }

  #name(): string {
    const { counters, gauges, buckets } = this.#words;
    return this.#pick([...counters, ...gauges, ...gauges, ...buckets]);
  }

  #matchers(): string {
    const { labels } = this.#words;
    const found: string[] = [];
    // Each label once: a real Prometheus sorts matchers while it selects, and absent() gives what it then finds.
    for (const name of Object.keys(labels)) {
      if (!this.#random.oneIn(4)) continue;
      const value = this.#pick(labels[name]!);
      const pattern = value.replace(/[+.]/g, '\\\\$&');
      found.push(
        this.#pick([
          `${name}="${value}"`,
          `${name}!="${value}"`,
          `${name}=~"${pattern}|x.*"`,
          `${name}!~"(?i:${pattern.toUpperCase()}).?"`,
          `${name}=~".+"`,
        ]),
      );
    }
    return found.length === 0 ? '' : `{${found.join(', ')}}`;
  }

  #duration(): string {
    const { interval } = this.#words;
    return `${Math.round(interval * this.#pick([0.5, 1, 2, 4.5, 10, 20, 40]))}s`;
  }

  #modifiers(): string {
    if (!this.#random.oneIn(4)) return '';
    return this.#pick([
      ` offset ${this.#duration()}`,
      ` offset -${this.#duration()}`,
      ' @ start()',
      ' @ end()',
      ` @ end() offset ${this.#duration()}`,
    ]);
  }

  #selector(name = this.#name()): string {
    return name + this.#matchers() + this.#modifiers();
  }

  #range(depth: number, name = this.#name()): string {
    if (depth > 0 && this.#random.oneIn(5))
      return `(${this.#vector(depth - 1)})[${this.#duration()}:${this.#random.oneIn(3) ? '' : this.#duration()}]${this.#modifiers()}`;
    return `${name}${this.#matchers()}[${this.#duration()}]${this.#modifiers()}`;
  }

  #labelList(most: number): string {
    const names = Object.keys(this.#words.labels).filter(() => this.#random.oneIn(2));
    return names.slice(0, most).join(', ');
  }

  #scalar(depth: number): string {
    const number = (): string => this.#pick(['0', '1', '2.5', '-3', '1e3', 'NaN', '+Inf', '0x1f', '90s']);
    if (depth <= 0) return number();
    return this.#pick([
      number,
      () => 'time()',
      () => 'pi()',
      () => `scalar(${this.#vector(depth - 1)})`,
      () => `(${this.#scalar(depth - 1)} ${this.#pick(ARITHMETIC)} ${this.#scalar(depth - 1)})`,
      () => `(${this.#scalar(depth - 1)} ${this.#pick(COMPARISONS)} bool ${this.#scalar(depth - 1)})`,
      () => `-(${this.#scalar(depth - 1)})`,
    ])();
  }

  #vector(depth: number): string {
    if (depth <= 0) return this.#selector();
    const inner = (): string => this.#vector(depth - 1);
    return this.#pick([
      () => this.#selector(),
      () =>
        `${this.#pick(['rate', 'increase', 'irate'])}(${this.#range(depth, this.#pick([...this.#words.counters, ...this.#words.buckets]))})`,
      () => `${this.#pick(OVER_TIME)}(${this.#range(depth)})`,
      () => `quantile_over_time(${this.#pick(['0.5', '0.9', '0', '1', '1.1'])}, ${this.#range(depth)})`,
      () => `predict_linear(${this.#range(depth)}, ${this.#pick(['60', '-60', '3600'])})`,
      () => `${this.#pick(SIMPLE)}(${inner()})`,
      () => `${this.#pick(CALENDAR)}(${inner()} * ${this.#pick(['1', '1e5', '1e13'])})`,
      () => `clamp(${inner()}, ${this.#pick(['-1', '0', '5'])}, ${this.#pick(['1', '10', '-5'])})`,
      () => `${this.#pick(['clamp_min', 'clamp_max'])}(${inner()}, 3)`,
      () => `timestamp(${inner()})`,
      () => `absent(${inner()})`,
      () => `absent_over_time(${this.#range(depth)})`,
      () => `-${this.#parenthesised(depth)}`,
      () => `vector(${this.#scalar(depth - 1)})`,
      () => this.#aggregation(depth),
      () => this.#aggregation(depth),
      () => this.#binary(depth),
      () => this.#binary(depth),
      () => this.#ofHistogram(),
      () => this.#relabelled(depth),
      () => `(${inner()})`,
    ])();
  }

  #parenthesised(depth: number): string {
    return `(${this.#vector(depth - 1)})`;
  }

  #aggregation(depth: number): string {
    const clause = this.#random.oneIn(3) ? '' : ` ${this.#pick(['by', 'without'])} (${this.#labelList(3)})`;
    const operator = this.#pick([
      ...AGGREGATIONS,
      `quantile${clause} (${this.#pick(['0.5', '0.99', '-1', '2'])},`,
      // Which of several equal values topk keeps is open, so that they are counted.
      `count_values${clause} ("value",`,
    ]);
    const inner = this.#vector(depth - 1);
    return operator.endsWith(',') ? `${operator} ${inner})` : `${operator}${clause} (${inner})`;
  }

  #binary(depth: number): string {
    const left = this.#parenthesised(depth);
    if (this.#random.oneIn(3)) {
      const scalar = this.#scalar(depth - 1);
      const operator = this.#pick([...ARITHMETIC, ...COMPARISONS, ...COMPARISONS.map((one) => `${one} bool`)]);
      return this.#random.oneIn(2) ? `${left} ${operator} ${scalar}` : `${scalar} ${operator} ${left}`;
    }
    const matching = this.#random.oneIn(2) ? '' : ` ${this.#pick(['on', 'ignoring'])} (${this.#labelList(3)})`;
    const right = this.#parenthesised(depth);
    if (this.#random.oneIn(3)) return `${left} ${this.#pick(['and', 'or', 'unless'])}${matching} ${right}`;
    const grouping = matching === '' || this.#random.oneIn(2) ? '' : ` ${this.#pick(['group_left', 'group_right'])} ()`;
    const operator = this.#pick([...ARITHMETIC, ...COMPARISONS, ...COMPARISONS.map((one) => `${one} bool`)]);
    return `${left} ${operator}${matching}${grouping} ${right}`;
  }

  #ofHistogram(): string {
    const name = this.#pick(this.#words.buckets);
    const buckets = this.#pick([
      this.#selector(name),
      `rate(${this.#range(0, name)})`,
      `sum by (le) (rate(${this.#range(0, name)}))`,
    ]);
    if (this.#random.oneIn(3))
      return `histogram_fraction(${this.#pick(['0', '0.1', '-1'])}, ${this.#pick(['0.3', '1', '9'])}, ${buckets})`;
    return `histogram_quantile(${this.#pick(['0.5', '0.9', '0', '1', '-0.1', '1.5'])}, ${buckets})`;
  }

  #relabelled(depth: number): string {
    const names = Object.keys(this.#words.labels);
    const inner = this.#vector(depth - 1);
    if (this.#random.oneIn(2))
      return `label_join(${inner}, "joined", "-", "${this.#pick(names)}", "${this.#pick(names)}")`;
    return `label_replace(${inner}, "${this.#pick(['copy', ...names])}", "$1${this.#pick(['', '-$1', '$$'])}", "${this.#pick(names)}", "${this.#pick(['(.*)', '([a-z]+).*', '.(.).*'])}")`;
  }
}

import { EvaluationTimeout, ExecutionError, TooManySamples, UnsupportedExpression } from '../errors.ts';
import {
  type Expression,
  type MatrixSelector,
  type Subquery,
  typeOf,
  type Unary,
  type VectorSelector,
} from '../syntax/ast.ts';
import { aggregate } from './aggregate.ts';
import { Annotations } from './annotations.ts';
import { binary } from './binary.ts';
import { type EvaluationContext, type RangeSeries, type RangeVector, renamed } from './context.ts';
import { VECTOR_FUNCTIONS } from './functions/all.ts';
import { SCALAR_FUNCTIONS } from './functions/conversion.ts';
import { lastSamples } from './lookback.ts';
import { calculate } from './operators.ts';
import { mergeSameLabels, type SampleSource, StepSeries, Steps, type StoredSeries } from './series.ts';
import { smoothed } from './smoothed.ts';

export interface EvaluatorOptions {
  readonly source: SampleSource;
  /** Milliseconds that an instant selector looks back. */
  readonly lookback: number;
  /** Milliseconds between the steps of a subquery that gives none. */
  readonly defaultStep: number;
  readonly delayedNameRemoval: boolean;
  /** Samples that one query may go through and make. */
  readonly maxSamples: number;
  /** Time at which the evaluation is given up, as `now` tells it. */
  readonly deadline: number;
  readonly now: () => number;
}

/** What all parts of one evaluation share. */
interface Shared extends EvaluatorOptions {
  readonly annotations: Annotations;
  samples: number;
}

/** Evaluates a prepared expression at all steps at once, part by part. */
export class Evaluator implements EvaluationContext {
  readonly steps: Steps;
  readonly #shared: Shared;

  private constructor(shared: Shared, steps: Steps) {
    this.#shared = shared;
    this.steps = steps;
  }

  static start(options: EvaluatorOptions, steps: Steps): Evaluator {
    return new Evaluator({ ...options, annotations: new Annotations(), samples: 0 }, steps);
  }

  get annotations(): Annotations {
    return this.#shared.annotations;
  }

  get delayedNameRemoval(): boolean {
    return this.#shared.delayedNameRemoval;
  }

  get lookback(): number {
    return this.#shared.lookback;
  }

  charge(samples: number): void {
    const shared = this.#shared;
    shared.samples += samples;
    if (shared.samples > shared.maxSamples) throw new TooManySamples();
    if (shared.now() > shared.deadline) throw new EvaluationTimeout();
  }

  vector(expression: Expression): StepSeries[] {
    if (this.steps.count === 0) return [];
    switch (expression.type) {
      case 'vectorSelector':
        return this.#select(expression);
      case 'parentheses':
        return this.vector(expression.expression);
      case 'unary':
        return this.#negated(expression);
      case 'binary':
        return binary(expression, this);
      case 'aggregation':
        return aggregate(expression, this);
      case 'call': {
        const implementation = VECTOR_FUNCTIONS.get(expression.function.name);
        if (implementation === undefined)
          throw new UnsupportedExpression(`function ${expression.function.name}() is not supported`);
        return implementation(expression, this);
      }
      default:
        throw new ExecutionError(`expected an instant vector, got ${typeOf(expression)}`);
    }
  }

  scalar(expression: Expression): Float64Array {
    this.charge(this.steps.count);
    switch (expression.type) {
      case 'number':
        return new Float64Array(this.steps.count).fill(expression.value);
      case 'parentheses':
        return this.scalar(expression.expression);
      case 'unary': {
        const values = this.scalar(expression.expression);
        return expression.operator === '-' ? values.map((value) => -value) : values;
      }
      case 'binary': {
        const right = this.scalar(expression.right);
        return this.scalar(expression.left).map((value, step) => calculate(expression.operator, value, right[step]!));
      }
      case 'call':
        return SCALAR_FUNCTIONS[expression.function.name]!(expression, this);
      default:
        throw new ExecutionError(`expected a scalar, got ${typeOf(expression)}`);
    }
  }

  stored(selector: VectorSelector): { series: readonly StoredSeries[]; reference: (step: number) => number } {
    const reference = this.#reference(selector);
    const { lookback } = this.#shared;
    const ahead = selector.extension === 'smoothed' ? lookback : 0;
    return { series: this.#fetch(selector, reference, { back: lookback, ahead }), reference };
  }

  range(expression: MatrixSelector | Subquery): RangeVector {
    return expression.type === 'subquery' ? this.#subquery(expression) : this.#matrix(expression);
  }

  /** The time that each step looks at. */
  #reference({ at, offset }: Pick<VectorSelector, 'at' | 'offset'>): (step: number) => number {
    const { start, interval } = this.steps;
    return at === undefined ? (step) => start + step * interval - offset : () => at - offset;
  }

  /** @param window milliseconds before and after the reference times */
  #fetch(
    selector: VectorSelector,
    reference: (step: number) => number,
    window: { readonly back: number; readonly ahead: number },
  ): readonly StoredSeries[] {
    // The window is open at its start.
    const range = {
      start: reference(0) - window.back + 1,
      end: reference(this.steps.count - 1) + window.ahead,
    };
    const found: StoredSeries[] = [];
    for (const series of this.#shared.source.select(selector.matchers, range)) {
      this.charge(series.times.length);
      found.push(series);
    }
    return found;
  }

  #select(selector: VectorSelector): StepSeries[] {
    const { series, reference } = this.stored(selector);
    if (selector.extension === 'smoothed')
      return series.map((stored) => smoothed(withoutStale(stored), this, reference)).filter((one) => !one.isEmpty());
    const { count } = this.steps;
    const found: StepSeries[] = [];
    for (const stored of series) {
      this.charge(count);
      const result = StepSeries.blank(stored.labels, false, count);
      let any = false;
      lastSamples(stored, count, reference, this.lookback, (step, index) => {
        result.set(step, stored.values[index]!);
        any = true;
      });
      if (any) found.push(result);
    }
    return found;
  }

  #negated({ operator, expression }: Unary): StepSeries[] {
    const vector = this.vector(expression);
    if (operator === '+') return vector;
    const negated = vector.map((series) => {
      const { labels, dropName } = renamed(this, series.labels);
      return new StepSeries(labels, dropName, {
        values: series.values.map((value) => -value),
        present: series.present,
      });
    });
    return mergeSameLabels(negated, this.steps.count);
  }

  #matrix({ selector, range }: MatrixSelector): RangeVector {
    const reference = this.#reference(selector);
    const { extension } = selector;
    const window = {
      back: extension === undefined ? range : range + this.lookback,
      ahead: extension === 'smoothed' ? this.lookback : 0,
    };
    const series = this.#fetch(selector, reference, window).map((stored) => withoutStale(stored));
    return { series, range, reference, extension };
  }

  #subquery(subquery: Subquery): RangeVector {
    const { expression, range } = subquery;
    const reference = this.#reference(subquery);
    const interval = subquery.step === 0 ? this.#shared.defaultStep : subquery.step;
    const from = reference(0) - range;
    // Steps are multiples of the interval, so that they are the same ones for every step outside.
    let start = interval * Math.trunc(from / interval);
    if (start <= from) start += interval;
    const steps = new Steps(start, reference(this.steps.count - 1), interval);
    this.charge(steps.count);
    const inner = new Evaluator(this.#shared, steps);
    const series = inner.vector(expression).map((one) => compact(one, steps));
    return { series, range, reference, extension: undefined };
  }
}

/** The samples of a stored series without its staleness markers. */
function withoutStale({ labels, times, values, stale }: StoredSeries): RangeSeries {
  if (stale === undefined || !stale.includes(1)) return { labels, dropName: false, times, values };
  const alive = (_: number, index: number): boolean => stale[index] === 0;
  return { labels, dropName: false, times: times.filter(alive), values: values.filter(alive) };
}

function compact({ labels, dropName, values, present }: StepSeries, steps: Steps): RangeSeries {
  const has = (_: number, step: number): boolean => present[step] === 1;
  const times = Float64Array.from({ length: steps.count }, (_, step) => steps.time(step));
  return { labels, dropName, times: times.filter(has), values: values.filter(has) };
}

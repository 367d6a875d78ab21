import { ExecutionError } from '../errors.ts';
import type { Binary, VectorMatching } from '../syntax/ast.ts';
import { isComparison } from '../syntax/type-check.ts';
import type { EvaluationContext } from './context.ts';
import { LabelSet } from './label-set.ts';
import { calculate, compare, isArithmetic, noteTrim } from './operators.ts';
import { put, SeriesCollector, type StepSeries } from './series.ts';

/** The series of the one side that match alike, and which of them has the sample at each step. */
interface OneSide {
  readonly series: StepSeries[];
  /** Index into `series`; -1 where none has a sample. */
  readonly at: Int32Array;
  /** Steps at which a sample of the other side has taken it. */
  readonly taken: Uint8Array;
  /** Of a many-to-one match: the steps of each result, to find doubles. */
  readonly results: Map<string, Uint8Array>;
}

/** Arithmetic and comparison of two instant vectors: samples are paired by their labels. */
export function matchVectors(expression: Binary, context: EvaluationContext): StepSeries[] {
  return new Match(expression, context).result();
}

class Match {
  readonly #expression: Binary;
  readonly #matching: VectorMatching;
  readonly #context: EvaluationContext;
  readonly #count: number;
  readonly #collector: SeriesCollector;
  /** `group_right`: the sides are swapped, so that the one side is always the right one. */
  readonly #swapped: boolean;

  constructor(expression: Binary, context: EvaluationContext) {
    this.#expression = expression;
    this.#matching = expression.matching!;
    this.#context = context;
    this.#count = context.steps.count;
    this.#collector = new SeriesCollector(this.#count);
    this.#swapped = this.#matching.cardinality === 'one-to-many';
  }

  result(): StepSeries[] {
    const { left, right } = this.#expression;
    const vectors = [this.#context.vector(left), this.#context.vector(right)] as const;
    const [many, one] = this.#swapped ? [vectors[1], vectors[0]] : vectors;
    const { fillLeft, fillRight } = this.#matching;
    const [fillMany, fillOne] = [fillLeft, fillRight];
    const filled = fillMany !== undefined || fillOne !== undefined;
    const sides = this.#oneSides(one, filled ? undefined : anyPresent(many, this.#count));
    for (const series of many) this.#pair(series, sides, fillOne);
    if (fillMany !== undefined) this.#fillUnmatched(sides, fillMany);
    return this.#collector.result();
  }

  /** @param needed steps at which the other side has any sample: at others nothing is looked at, as in Prometheus */
  #oneSides(vector: readonly StepSeries[], needed: Uint8Array | undefined): Map<string, OneSide> {
    const sides = new Map<string, OneSide>();
    for (const series of vector) {
      const side = this.#sideOf(sides, series);
      const index = side.series.push(series) - 1;
      for (let step = 0; step < this.#count; step += 1) {
        if (series.present[step] === 0 || needed?.[step] === 0) continue;
        if (side.at[step] !== -1) throw this.#duplicate(side.series[side.at[step]!]!, series);
        side.at[step] = index;
      }
    }
    return sides;
  }

  #sideOf(sides: Map<string, OneSide>, series: StepSeries): OneSide {
    const signature = series.labels.signature(this.#matching.on, this.#matching.labels);
    let side = sides.get(signature);
    if (side === undefined) {
      side = {
        series: [],
        at: new Int32Array(this.#count).fill(-1),
        taken: new Uint8Array(this.#count),
        results: new Map(),
      };
      sides.set(signature, side);
    }
    return side;
  }

  #duplicate(one: StepSeries, other: StepSeries): ExecutionError {
    const [first, second] = [one.labels.toString(), other.labels.toString()].sort();
    const side = this.#swapped ? 'left' : 'right';
    return new ExecutionError(
      `found duplicate series for the match group ${this.#matchLabels(one.labels)} on the ${side} hand-side of the operation: [${first}, ${second}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }

  #matchLabels(labels: LabelSet): LabelSet {
    const { on, labels: names } = this.#matching;
    return on ? labels.only(names) : labels.without(['__name__', ...names]);
  }

  #pair(many: StepSeries, sides: Map<string, OneSide>, fill: number | undefined): void {
    this.#context.charge(this.#count);
    const side =
      fill === undefined
        ? sides.get(many.labels.signature(this.#matching.on, this.#matching.labels))
        : this.#sideOf(sides, many);
    if (side === undefined) return;
    // Which series stands on the one side rarely changes from step to step.
    let lastIndex = -2;
    let labels = LabelSet.EMPTY;
    for (let step = 0; step < this.#count; step += 1) {
      if (many.present[step] === 0) continue;
      const index = side.at[step]!;
      if (index === -1 && fill === undefined) continue;
      const one = side.series[index];
      if (index !== lastIndex) {
        labels = this.#resultLabels(many.labels, one?.labels ?? this.#matchLabels(many.labels));
        lastIndex = index;
      }
      this.#combine(side, step, labels, many.values[step]!, one?.values[step] ?? fill!);
    }
  }

  #fillUnmatched(sides: Map<string, OneSide>, fill: number): void {
    for (const side of sides.values()) {
      for (let step = 0; step < this.#count; step += 1) {
        const one = side.series[side.at[step]!];
        if (one === undefined || side.taken[step] === 1) continue;
        const labels = this.#resultLabels(this.#matchLabels(one.labels), one.labels);
        this.#combine(side, step, labels, fill, one.values[step]!);
      }
    }
  }

  #combine(side: OneSide, step: number, labels: LabelSet, many: number, one: number): void {
    this.#take(side, step, labels);
    const { operator, returnBool, position } = this.#expression;
    const [left, right] = this.#swapped ? [one, many] : [many, one];
    if (isArithmetic(operator)) this.#add(labels, step, calculate(operator, left, right));
    else if (!isComparison(operator)) noteTrim(operator, this.#context, position);
    else if (returnBool) this.#add(labels, step, calculate(operator, left, right));
    else if (compare(operator, left, right)) this.#add(labels, step, left);
  }

  #add(labels: LabelSet, step: number, value: number): void {
    put(this.#collector.series(labels, this.#expression.returnBool), step, value);
  }

  #take(side: OneSide, step: number, labels: LabelSet): void {
    if (this.#matching.cardinality === 'one-to-one') {
      if (side.taken[step] === 1)
        throw new ExecutionError(
          'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
        );
    } else {
      const steps = side.results.get(labels.key) ?? new Uint8Array(this.#count);
      if (steps[step] === 1)
        throw new ExecutionError('multiple matches for labels: grouping labels must ensure unique matches');
      steps[step] = 1;
      side.results.set(labels.key, steps);
    }
    side.taken[step] = 1;
  }

  #resultLabels(many: LabelSet, one: LabelSet): LabelSet {
    const { operator, returnBool } = this.#expression;
    const { cardinality, on, labels: names, include } = this.#matching;
    const dropsNow = isArithmetic(operator) || (returnBool && !this.#context.delayedNameRemoval);
    let labels = dropsNow ? many.withoutMetadata() : many;
    if (cardinality === 'one-to-one') labels = on ? labels.only(names) : labels.without(names);
    for (const name of include) labels = labels.with(name, one.get(name));
    return labels;
  }
}

function anyPresent(vector: readonly StepSeries[], count: number): Uint8Array {
  const present = new Uint8Array(count);
  for (const series of vector) for (let step = 0; step < count; step += 1) present[step]! |= series.present[step]!;
  return present;
}

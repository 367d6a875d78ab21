import type { LabelMatcher } from '../../label-matcher.ts';
import { ExecutionError } from '../errors.ts';
import type { LabelSet } from './label-set.ts';

/** Samples of one series as a store gives them, in order of time. */
export interface StoredSeries {
  readonly labels: LabelSet;
  /** Milliseconds since the epoch. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** 1 where a sample is a staleness marker: the series ended there. Undefined: none is. */
  readonly stale?: Uint8Array | undefined;
}

/** Where the evaluator takes samples from. */
export interface SampleSource {
  /**
   * Series with samples in a range of time, both ends included, milliseconds since the epoch.
   *
   * @throws UnsupportedExpression when there are samples that are no floats
   */
  select(
    matchers: readonly LabelMatcher[],
    range: { readonly start: number; readonly end: number },
  ): Iterable<StoredSeries>;
}

/** The times at which an expression is evaluated. */
export class Steps {
  readonly start: number;
  /** Milliseconds. */
  readonly interval: number;
  readonly count: number;

  /** @param end the last step is at or before it; before `start`: no step */
  constructor(start: number, end: number, interval: number) {
    this.start = start;
    this.interval = interval;
    this.count = end < start ? 0 : Math.floor((end - start) / interval) + 1;
  }

  /** Time of the last step. */
  get end(): number {
    return this.start + (this.count - 1) * this.interval;
  }

  time(step: number): number {
    return this.start + step * this.interval;
  }
}

/** One series of an instant vector over all steps. */
export class StepSeries {
  readonly labels: LabelSet;
  /** The name is to be dropped at the end; only with delayed name removal. */
  readonly dropName: boolean;
  readonly values: Float64Array;
  /** 1 where there is a value. */
  readonly present: Uint8Array;

  constructor(labels: LabelSet, dropName: boolean, samples: Pick<StepSeries, 'values' | 'present'>) {
    this.labels = labels;
    this.dropName = dropName;
    this.values = samples.values;
    this.present = samples.present;
  }

  /** A series without samples yet. */
  static blank(labels: LabelSet, dropName: boolean, steps: number): StepSeries {
    return new StepSeries(labels, dropName, { values: new Float64Array(steps), present: new Uint8Array(steps) });
  }

  set(step: number, value: number): void {
    this.values[step] = value;
    this.present[step] = 1;
  }

  isEmpty(): boolean {
    return !this.present.includes(1);
  }

  /** The same samples under other labels. */
  relabelled(labels: LabelSet, dropName: boolean): StepSeries {
    return new StepSeries(labels, dropName, this);
  }
}

/** Collects the result of an operation: samples with the same labels at different steps become one series. */
export class SeriesCollector {
  readonly #steps: number;
  readonly #series = new Map<string, StepSeries>();

  constructor(steps: number) {
    this.#steps = steps;
  }

  /** The series with these labels, made when it is new. */
  series(labels: LabelSet, dropName: boolean): StepSeries {
    let series = this.#series.get(labels.key);
    if (series === undefined) {
      series = StepSeries.blank(labels, dropName, this.#steps);
      this.#series.set(labels.key, series);
    }
    return series;
  }

  /** Adds all samples of a series. @throws ExecutionError when a step has one already */
  merge(series: StepSeries): void {
    const target = this.#series.get(series.labels.key);
    if (target === undefined) {
      this.#series.set(series.labels.key, series);
      return;
    }
    // The one that is kept so far may belong to an operand.
    const merged = StepSeries.blank(target.labels, target.dropName, this.#steps);
    for (const part of [target, series])
      for (let step = 0; step < this.#steps; step += 1)
        if (part.present[step] === 1) put(merged, step, part.values[step]!);
    this.#series.set(series.labels.key, merged);
  }

  /** Those that have any sample, in the order in which they came. */
  result(): StepSeries[] {
    return [...this.#series.values()].filter((series) => !series.isEmpty());
  }
}

/** Sets a sample. @throws ExecutionError when there is one already */
export function put(series: StepSeries, step: number, value: number): void {
  if (series.present[step] === 1) throw new ExecutionError('vector cannot contain metrics with the same labelset');
  series.set(step, value);
}

/** Joins series that have the same labels. @throws ExecutionError when two have a sample at the same step */
export function mergeSameLabels(series: readonly StepSeries[], steps: number): StepSeries[] {
  const collector = new SeriesCollector(steps);
  for (const one of series) collector.merge(one);
  return collector.result();
}

import type { Expression, MatrixSelector, Subquery, VectorSelector } from '../syntax/ast.ts';
import type { Annotations } from './annotations.ts';
import type { LabelSet } from './label-set.ts';
import type { StepSeries, Steps, StoredSeries } from './series.ts';

/** Samples of one series for functions over time: staleness markers are gone. */
export interface RangeSeries {
  readonly labels: LabelSet;
  readonly dropName: boolean;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** A range vector at every step: of each series what lies in the window that ends at a step's reference time. */
export interface RangeVector {
  readonly series: readonly RangeSeries[];
  /** Milliseconds. */
  readonly range: number;
  /** Samples beside the window are wanted too: those within the lookback before it, of `smoothed` also after it. */
  readonly extension: 'anchored' | 'smoothed' | undefined;
  /** End of a step's window, milliseconds since the epoch; the window excludes its start. */
  readonly reference: (step: number) => number;
}

/** What operations and functions see of the evaluation they are part of. */
export interface EvaluationContext {
  readonly steps: Steps;
  readonly annotations: Annotations;
  /** Names are dropped at the end of the query, not at once. A feature flag of Prometheus. */
  readonly delayedNameRemoval: boolean;
  vector(expression: Expression): StepSeries[];
  /** One value a step. */
  scalar(expression: Expression): Float64Array;
  range(expression: MatrixSelector | Subquery): RangeVector;
  /** The series behind a selector, and the time that each step looks at. */
  stored(selector: VectorSelector): {
    readonly series: readonly StoredSeries[];
    readonly reference: (step: number) => number;
  };
  /** Milliseconds that an instant selector looks back. */
  readonly lookback: number;
  /** Counts samples that the evaluation keeps. @throws TooManySamples, EvaluationTimeout */
  charge(samples: number): void;
}

/** Labels after an operation that makes something else of a metric, and whether the name is still to be dropped. */
export function renamed(context: EvaluationContext, labels: LabelSet): { labels: LabelSet; dropName: boolean } {
  return { labels: context.delayedNameRemoval ? labels : labels.withoutMetadata(), dropName: true };
}

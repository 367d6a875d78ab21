import type { Aggregation } from '../syntax/ast.ts';
import type { LabelSet } from './label-set.ts';
import type { StepSeries } from './series.ts';

/** The series of a vector that an aggregation takes together. */
export interface Group {
  /** Of the result. */
  readonly labels: LabelSet;
  readonly series: StepSeries[];
}

/** Labels of the group that a series belongs to. */
export function groupLabels(
  labels: LabelSet,
  { without, grouping }: Pick<Aggregation, 'without' | 'grouping'>,
): LabelSet {
  return without ? labels.without([...grouping, '__name__']) : labels.only(grouping);
}

/** Groups of a vector in the order of their first series. */
export function groupSeries(
  vector: readonly StepSeries[],
  aggregation: Pick<Aggregation, 'without' | 'grouping'>,
): Group[] {
  const groups = new Map<string, Group>();
  for (const series of vector) {
    const labels = groupLabels(series.labels, aggregation);
    const group = groups.get(labels.key);
    if (group === undefined) groups.set(labels.key, { labels, series: [series] });
    else group.series.push(series);
  }
  return [...groups.values()];
}

import type { Binary } from '../syntax/ast.ts';
import type { EvaluationContext } from './context.ts';
import { put, SeriesCollector, type StepSeries } from './series.ts';

/** `and`, `or`, `unless`: which samples stay depends on whether the other side has one that matches at the step. */
export function combineSets({ operator, left, right, matching }: Binary, context: EvaluationContext): StepSeries[] {
  const { count } = context.steps;
  const signatureOf = (series: StepSeries): string =>
    series.labels.signature(matching?.on === true, matching?.labels ?? []);
  const lefts = context.vector(left);
  const rights = context.vector(right);
  const collector = new SeriesCollector(count);
  const keep = (series: StepSeries, others: Uint8Array | undefined, wanted: 0 | 1): void => {
    context.charge(count);
    const target = collector.series(series.labels, series.dropName);
    for (let step = 0; step < count; step += 1)
      if (series.present[step] === 1 && (others?.[step] ?? 0) === wanted) put(target, step, series.values[step]!);
  };
  const presentBySignature = (vector: readonly StepSeries[]): Map<string, Uint8Array> => {
    const present = new Map<string, Uint8Array>();
    for (const series of vector) {
      const signature = signatureOf(series);
      const steps = present.get(signature) ?? new Uint8Array(count);
      for (let step = 0; step < count; step += 1) steps[step]! |= series.present[step]!;
      present.set(signature, steps);
    }
    return present;
  };

  if (operator === 'or') {
    const present = presentBySignature(lefts);
    for (const series of lefts) keep(series, undefined, 0);
    for (const series of rights) keep(series, present.get(signatureOf(series)), 0);
  } else {
    const present = presentBySignature(rights);
    for (const series of lefts) keep(series, present.get(signatureOf(series)), operator === 'and' ? 1 : 0);
  }
  return collector.result();
}

import { type EvaluationContext, renamed } from '../context.ts';
import { LabelSet } from '../label-set.ts';
import { lastSamples } from '../lookback.ts';
import { mergeSameLabels, StepSeries } from '../series.ts';
import type { ScalarFunction, VectorFunction } from './implementation.ts';
import { mapSamples } from './implementation.ts';

const timestamp: VectorFunction = (call, context) => {
  const argument = call.arguments[0]!;
  const { steps } = context;
  // Of a selector the time of its sample; of all else the time of the step.
  if (argument.type !== 'vectorSelector')
    return mapSamples(context, context.vector(argument), (_, step) => steps.time(step) / 1000);
  const { series, reference } = context.stored(argument);
  const found = series.map((stored) => {
    context.charge(steps.count);
    const { labels, dropName } = renamed(context, stored.labels);
    const result = StepSeries.blank(labels, dropName, steps.count);
    lastSamples(stored, steps.count, reference, context.lookback, (step, index) =>
      result.set(step, stored.times[index]! / 1000),
    );
    return result;
  });
  return mergeSameLabels(found, steps.count);
};

const vector: VectorFunction = (call, context) => {
  const values = context.scalar(call.arguments[0]!);
  return [new StepSeries(LabelSet.EMPTY, false, { values, present: new Uint8Array(values.length).fill(1) })];
};

/** The value of the only series; NaN when there is none or there are several. */
const scalar: ScalarFunction = (call, context) => {
  const values = new Float64Array(context.steps.count).fill(Number.NaN);
  const found = new Uint8Array(context.steps.count);
  for (const series of context.vector(call.arguments[0]!)) {
    for (let step = 0; step < values.length; step += 1) {
      if (series.present[step] === 0) continue;
      values[step] = found[step] === 0 ? series.values[step]! : Number.NaN;
      found[step] = 1;
    }
  }
  return values;
};

function constant(value: (context: EvaluationContext) => number): ScalarFunction {
  return (_, context) => new Float64Array(context.steps.count).fill(value(context));
}

function ofTwo(choose: (one: number, other: number) => number): ScalarFunction {
  return (call, context) => {
    const [one, other] = call.arguments.map((argument) => context.scalar(argument));
    return one!.map((value, step) => choose(value, other![step]!));
  };
}

export const CONVERSIONS: Readonly<Record<string, VectorFunction>> = { timestamp, vector };

export const SCALAR_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  max_of: ofTwo(Math.max),
  min_of: ofTwo(Math.min),
  pi: constant(() => Math.PI),
  scalar,
  time: (_, { steps }) => Float64Array.from({ length: steps.count }, (_value, step) => steps.time(step) / 1000),
};

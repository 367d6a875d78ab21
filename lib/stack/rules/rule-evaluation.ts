import type { Labels, Store } from '../store/store.ts';

/** A rule that gives no result this time; `message` is told as its `lastError`. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}

/** One series of a result at one time. */
export interface AlertSeries {
  readonly labels: Labels;
  readonly value: number;
}

/** The value of an expression at one time, as series; a scalar is one without labels. @throws RuleError */
export async function evaluateQuery(
  store: Store,
  query: string,
  at: number,
  lookback?: number,
): Promise<AlertSeries[]> {
  const answer = await store.promql({
    query,
    start: at,
    end: at,
    step: 0,
    ...(lookback !== undefined && { lookback }),
  });
  if (!answer.ok) throw new RuleError(answer.error);
  const { value } = answer;
  if (value.type === 'scalar') return [{ labels: {}, value: value.value }];
  if (value.type !== 'vector') throw new RuleError('rule result is not a vector or scalar');
  return value.series.map(({ labels, values }) => ({ labels, value: values[0]! }));
}

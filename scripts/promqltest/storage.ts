import { compileMatchers, type LabelMatcher } from '../../lib/stack/query/label-matcher.ts';
import { UnsupportedExpression } from '../../lib/stack/query/promql/errors.ts';
import type { LabelSet } from '../../lib/stack/query/promql/evaluate/label-set.ts';
import type { SampleSource, StoredSeries } from '../../lib/stack/query/promql/evaluate/series.ts';
import type { Load } from './script.ts';
import type { SequenceValue } from './series-notation.ts';

interface Kept {
  readonly labels: LabelSet;
  readonly record: Readonly<Record<string, string>>;
  /** By time, milliseconds. */
  readonly samples: Map<number, Exclude<SequenceValue, undefined>>;
  startTimes: boolean;
}

/** Series in memory, as a script loads them. */
export class ScriptStorage implements SampleSource {
  readonly #series = new Map<string, Kept>();

  clear(): void {
    this.#series.clear();
  }

  load({ series, step, withNative, startTimes }: Load): void {
    for (const { labels, values } of series) {
      const kept = this.#keep(labels);
      if (startTimes.has(labels.key)) kept.startTimes = true;
      values.forEach((value, index) => {
        if (value !== undefined) kept.samples.set(index * step, value);
      });
      const base = /^(.+)_(?:bucket|count|sum)$/.exec(labels.name);
      if (!withNative || base === null) continue;
      const native = this.#keep(labels.without(['le']).with('__name__', base[1]!));
      for (const time of kept.samples.keys()) native.samples.set(time, 'histogram');
    }
  }

  #keep(labels: LabelSet): Kept {
    let kept = this.#series.get(labels.key);
    if (kept === undefined) {
      kept = { labels, record: labels.toRecord(), samples: new Map(), startTimes: false };
      this.#series.set(labels.key, kept);
    }
    return kept;
  }

  select(matchers: readonly LabelMatcher[], range: { readonly start: number; readonly end: number }): StoredSeries[] {
    const matches = compileMatchers(matchers);
    return [...this.#series.values()]
      .filter(({ record }) => matches(record))
      .map((kept) => samplesOf(kept, range))
      .filter(({ times }) => times.length > 0);
  }
}

function samplesOf(kept: Kept, { start, end }: { readonly start: number; readonly end: number }): StoredSeries {
  const samples = [...kept.samples]
    .filter(([time]) => time >= start && time <= end)
    .sort(([one], [other]) => one - other);
  if (samples.some(([, value]) => value === 'histogram')) throw new UnsupportedExpression('native histograms');
  if (kept.startTimes && samples.length > 0) throw new UnsupportedExpression('start timestamps');
  return {
    labels: kept.labels,
    times: Float64Array.from(samples, ([time]) => time),
    values: Float64Array.from(samples, ([, value]) => (typeof value === 'number' ? value : Number.NaN)),
    stale: Uint8Array.from(samples, ([, value]) => (value === 'stale' ? 1 : 0)),
  };
}

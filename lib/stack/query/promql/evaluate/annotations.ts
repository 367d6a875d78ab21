import { shortFloatText } from '../syntax/literals.ts';
import { type PositionRange, positionText } from '../syntax/position.ts';

type Level = 'warning' | 'info';

/** Bounds and size of what a quantile's buckets needed to be mended by. */
export interface Monotonicity {
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDifference: number;
}

interface Annotation {
  readonly level: Level;
  readonly text: string;
  readonly position: PositionRange | undefined;
  readonly mended?: Monotonicity & { readonly first: number; readonly last: number; readonly count: number };
}

/** Different annotations kept of one query. */
const MAX_ANNOTATIONS = 1000;

/**
 * What a query has to say beside its result, each once, worded as Prometheus 3 words it.
 * Source: prometheus/prometheus, `util/annotations`.
 */
export class Annotations {
  readonly #kept = new Map<string, Annotation>();

  #add(level: Level, text: string, position: PositionRange | undefined): void {
    const worded = `PromQL ${level}: ${text}`;
    if (!this.#kept.has(worded) && this.#kept.size >= MAX_ANNOTATIONS) return;
    // Of several places the last one stays, as in Prometheus.
    this.#kept.set(worded, { level, text: worded, position });
  }

  /** A warning of ours, or of the source of the samples, that Prometheus does not know. */
  warn(text: string, position?: PositionRange): void {
    this.#add('warning', text, position);
  }

  invalidQuantile(quantile: number, position: PositionRange): void {
    this.#add('warning', `quantile value should be between 0 and 1, got ${shortFloatText(quantile)}`, position);
  }

  invalidRatio(ratio: number, cap: number, position: PositionRange): void {
    this.#add(
      'warning',
      `ratio value should be between -1 and 1, got ${shortFloatText(ratio)}, capping to ${shortFloatText(cap)}`,
      position,
    );
  }

  badBucketLabel(metricName: string, label: string, position: PositionRange): void {
    const text = `bucket label "le" is missing or has a malformed value of ${JSON.stringify(label)}`;
    this.#add('warning', text + forMetric(metricName), position);
  }

  sortInRangeQuery(position: PositionRange): void {
    this.#add('warning', 'sort is ineffective for range queries since results are always ordered by labels', position);
  }

  possibleNonCounter(metricName: string, position: PositionRange): void {
    this.#add(
      'info',
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${JSON.stringify(metricName)}`,
      position,
    );
  }

  incompatibleTypes(left: string, operator: string, right: string, position: PositionRange): void {
    this.#add(
      'info',
      `incompatible sample types encountered for binary operator ${JSON.stringify(operator)}: ${left} ${operator} ${right}`,
      position,
    );
  }

  /** @param atMillis of the step; several are told as one */
  forcedMonotonicity(metricName: string, position: PositionRange, atMillis: number, mended: Monotonicity): void {
    const text = `PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${forMetric(metricName)}`;
    const before = this.#kept.get(text)?.mended;
    this.#kept.set(text, {
      level: 'info',
      text,
      position,
      mended: {
        minBucket: Math.min(mended.minBucket, before?.minBucket ?? Number.POSITIVE_INFINITY),
        maxBucket: Math.max(mended.maxBucket, before?.maxBucket ?? Number.NEGATIVE_INFINITY),
        maxDifference: Math.max(mended.maxDifference, before?.maxDifference ?? 0),
        first: Math.min(atMillis, before?.first ?? atMillis),
        last: Math.max(atMillis, before?.last ?? atMillis),
        count: (before?.count ?? 0) + 1,
      },
    });
  }

  /**
   * The texts with positions in the query.
   *
   * @param most of each kind; the rest is counted in one more line
   */
  texts(query: string, most = Number.POSITIVE_INFINITY): { warnings: string[]; infos: string[] } {
    const of = (level: Level): string[] => {
      const all = [...this.#kept.values()].filter((annotation) => annotation.level === level);
      const shown = all.slice(0, most).map((annotation) => textOf(annotation, query));
      if (all.length > shown.length) shown.push(`${all.length - shown.length} more ${level} annotations omitted`);
      return shown;
    };
    return { warnings: of('warning'), infos: of('info') };
  }
}

function forMetric(metricName: string): string {
  return metricName === '' ? '' : ` for metric name ${JSON.stringify(metricName)}`;
}

function textOf({ text, position, mended }: Annotation, query: string): string {
  if (position === undefined) return text;
  const place = ` (${positionText(query, position.start)})`;
  if (mended === undefined) return text + place;
  const { minBucket, maxBucket, maxDifference, count, first, last } = mended;
  const bound = (value: number): string => shortFloatText(value);
  const difference = shortFloatText(Number(maxDifference.toPrecision(2)));
  return `${text}, from buckets ${bound(minBucket)} to ${bound(maxBucket)}, with a max diff of ${difference}, over ${count} samples from ${second(first)} to ${second(last)}${place}`;
}

function second(millis: number): string {
  return `${new Date(Math.trunc(millis / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

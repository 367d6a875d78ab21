import type { MetricFamily, MetricPoint, NumberPoint } from '../model/metric-points.ts';
import { addPoints, seriesKey } from './aggregate-points.ts';
import { combine, gaugeRule } from './aggregate-rules.ts';
import { DEFAULT_SERIES_LIMIT, MAX_METRICS, OTHER } from './registry.ts';

/** Processes whose last values are held; a cluster of more is not met on one machine. */
export const MAX_SOURCES = 512;

type Series = Map<string, MetricPoint>;

interface Counted {
  readonly head: Omit<MetricFamily, 'points'>;
  readonly series: Series;
}

/** Whether a family only goes up, so that what a dead process had counted still counts. */
export function isCumulative({ type }: Pick<MetricFamily, 'type'>): boolean {
  return type === 'counter' || type === 'histogram' || type === 'summary';
}

function headOf({ name, type, help, unit, aggregator }: MetricFamily): Omit<MetricFamily, 'points'> {
  return { name, type, help, unit, ...(aggregator !== undefined && { aggregator }) };
}

function addTo(series: Series, point: MetricPoint): void {
  const key = seriesKey(point);
  const known = series.get(key);
  if (known === undefined) {
    series.set(key, point);
    return;
  }
  const sum = addPoints(known, point);
  if (sum !== undefined) series.set(key, sum);
}

/**
 * The metrics of several processes as those of one service. What a source has counted stays when it is gone; what it
 * measured goes with it. Bounded by `MAX_SOURCES`, `MAX_METRICS` and the series limit.
 */
export class MetricAggregate {
  private readonly sources = new Map<string, Map<string, MetricFamily>>();
  private readonly retired = new Map<string, Counted>();
  private readonly seriesLimit: number;

  /** @param seriesLimit series a metric of processes that are gone may have; more are one `__other__` series */
  constructor({ seriesLimit = DEFAULT_SERIES_LIMIT }: { readonly seriesLimit?: number } = {}) {
    this.seriesLimit = seriesLimit;
  }

  /**
   * Takes over the values of one process. Families that are not among them keep their last values: a process that
   * says only what has changed, or whose registry failed once, loses nothing.
   */
  put(source: string, families: Iterable<MetricFamily>): void {
    let known = this.sources.get(source);
    if (known === undefined) {
      if (this.sources.size >= MAX_SOURCES) return;
      this.sources.set(source, (known = new Map()));
    }
    for (const family of families) {
      if (known.size >= MAX_METRICS && !known.has(family.name)) continue;
      known.set(family.name, { ...headOf(family), points: [...family.points] });
    }
  }

  /** Nothing is heard of the process: what it measures now is not known; what it has counted is. */
  quieten(source: string): void {
    const families = this.sources.get(source);
    if (families === undefined) return;
    for (const family of families.values()) if (!isCumulative(family)) families.delete(family.name);
  }

  /** The process is gone and never comes back: its counts become part of one sum. */
  retire(source: string): void {
    const families = this.sources.get(source);
    if (families === undefined) return;
    this.sources.delete(source);
    for (const family of families.values()) if (isCumulative(family)) this.retain(family);
  }

  /** Adds counts of processes that are gone. */
  retain(family: MetricFamily): void {
    let counted = this.retired.get(family.name);
    if (counted === undefined) {
      if (this.retired.size >= MAX_METRICS) return;
      this.retired.set(family.name, (counted = { head: headOf(family), series: new Map() }));
    }
    if (counted.head.type !== family.type) return;
    const { series } = counted;
    for (const point of family.points) {
      // Generations of workers with labels of their own would else add up for ever.
      const fits = series.size < this.seriesLimit || series.has(seriesKey(point));
      addTo(series, fits ? point : { ...point, labelValues: point.labelValues.map(() => OTHER) });
    }
  }

  /** What processes that are gone have counted. */
  retained(): MetricFamily[] {
    return [...this.retired.values()].map(({ head, series }) => ({ ...head, points: [...series.values()] }));
  }

  /** The last counts of every process that is not retired, by source. */
  counts(): [source: string, families: MetricFamily[]][] {
    return [...this.sources].map(([source, families]) => [source, [...families.values()].filter(isCumulative)]);
  }

  /** One page of all: the order of families is that of the first source that has them. */
  families(): MetricFamily[] {
    const names = new Map<string, MetricFamily[]>();
    const gather = (family: MetricFamily): void => {
      const parts = names.get(family.name);
      if (parts === undefined) names.set(family.name, [family]);
      // The first declaration of a name wins; another type under it has no place on the page.
      else if (parts[0]?.type === family.type) parts.push(family);
    };
    for (const families of this.sources.values()) for (const family of families.values()) gather(family);
    for (const family of this.retained()) gather(family);
    return [...names.values()].map(merge).filter((family) => family !== undefined);
  }
}

function merge(parts: readonly MetricFamily[]): MetricFamily | undefined {
  const head = headOf(parts[0] as MetricFamily);
  if (isCumulative(head)) {
    const series: Series = new Map();
    for (const part of parts) for (const point of part.points) addTo(series, point);
    return { ...head, points: [...series.values()] };
  }
  const rule = gaugeRule(head.name, head.aggregator);
  if (rule === 'omit') return undefined;
  // The first process that has the family says it all: an identity is not to be mixed.
  if (rule === 'first') return { ...head, points: parts[0]?.points ?? [] };
  const gathered = new Map<string, { point: NumberPoint; values: number[] }>();
  for (const part of parts) {
    for (const point of part.points) {
      if (point.kind !== 'number') continue;
      const key = seriesKey(point);
      const known = gathered.get(key);
      if (known === undefined) gathered.set(key, { point, values: [point.value] });
      else known.values.push(point.value);
    }
  }
  const points = [...gathered.values()].map(({ point, values }) => ({
    ...point,
    value: combine(rule, values) ?? point.value,
  }));
  return { ...head, points };
}

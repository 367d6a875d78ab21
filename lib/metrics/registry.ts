import { reportBug } from '../core/fence.ts';
import { SightlineError } from '../errors.ts';
import type { MetricDefinition } from '../model/catalogue.ts';
import { unitWord } from '../model/catalogue.ts';
import type { MetricFamily, MetricPoint } from '../model/metric-points.ts';
import { labelValue } from './label-value.ts';
import type { SeriesIdentity, SeriesOwner } from './series.ts';
import { BoundCounter, BoundGauge, BoundHistogram } from './series.ts';

/** Series a metric may have (`SIGHTLINE_METRIC_SERIES_LIMIT`): what one scrape and one dashboard can bear. */
export const DEFAULT_SERIES_LIMIT = 2000;
/** The value of every label of the one series beyond the limit. */
export const OTHER = '__other__';
/** Metrics a registry may have: a name made of data would else grow without end. */
export const MAX_METRICS = 1000;

export interface RegistryOptions {
  /** Series per metric; default 2000, at least 1. */
  readonly seriesLimit?: number;
  /** Called once per metric, with its Prometheus name, when its limit is first exceeded. */
  readonly onSeriesLimit?: (metric: string) => void;
  /** Called once per metric when it first rejects a value. */
  readonly onRejected?: (metric: string) => void;
}

interface Bound {
  point(): MetricPoint;
}

/** One level of the look-up by label values; a leaf is a series. Nested maps have no separator that a value could forge. */
type Branch<Series> = Map<string, Branch<Series> | Series>;

/** All series of one metric. */
export class Family<Series extends Bound> implements SeriesOwner {
  readonly definition: MetricDefinition;
  private readonly root: Branch<Series> = new Map();
  private readonly list: Series[] = [];
  private readonly make: (identity: SeriesIdentity) => Series;
  private readonly options: RegistryOptions;
  private other: Series | undefined = undefined;
  private overLimitCount = 0;
  private rejectedCount = 0;

  constructor(definition: MetricDefinition, options: RegistryOptions, make: (identity: SeriesIdentity) => Series) {
    this.definition = definition;
    this.options = options;
    this.make = make;
    // A metric without labels has its one series from the start: a rate over its first increase is then seen.
    if (definition.labels.length === 0) this.bind([]);
  }

  /**
   * The series of these label values, in the order of the definition; made on first use. Missing values are empty,
   * surplus ones are ignored. Beyond the limit it is the `__other__` series. Never throws.
   */
  bind(values: readonly unknown[]): Series {
    const depth = this.definition.labels.length;
    const texts = new Array<string>(depth);
    for (let index = 0; index < depth; index += 1) texts[index] = labelValue(values[index]);
    if (depth === 0) return this.list[0] ?? this.add(texts);
    let branch: Branch<Series> | undefined = this.root;
    for (let index = 0; index < depth - 1 && branch !== undefined; index += 1) {
      branch = branch.get(texts[index] as string) as Branch<Series> | undefined;
    }
    const found = branch?.get(texts[depth - 1] as string) as Series | undefined;
    if (found !== undefined) return found;
    // Read here, not at the declaration: the metrics of an app are declared before the options are known.
    const limit = Math.max(1, this.options.seriesLimit ?? DEFAULT_SERIES_LIMIT);
    return this.list.length < limit ? this.add(texts) : this.otherSeries();
  }

  /** Whether `series` is the one beyond the limit: it must not be remembered under the values that led to it. */
  isOther(series: Series): boolean {
    return series === this.other;
  }

  private add(texts: readonly string[]): Series {
    const series = this.make({ owner: this, labelNames: this.definition.labels, labelValues: texts, isOther: false });
    this.list.push(series);
    if (texts.length === 0) return series;
    let branch = this.root;
    for (let index = 0; index < texts.length - 1; index += 1) {
      const text = texts[index] as string;
      let next = branch.get(text) as Branch<Series> | undefined;
      if (next === undefined) branch.set(text, (next = new Map()));
      branch = next;
    }
    branch.set(texts.at(-1) as string, series);
    return series;
  }

  private otherSeries(): Series {
    if (this.other === undefined) {
      const labelValues = this.definition.labels.map(() => OTHER);
      this.other = this.make({ owner: this, labelNames: this.definition.labels, labelValues, isOther: true });
      this.tell(this.options.onSeriesLimit);
    }
    return this.other;
  }

  private tell(listener: ((metric: string) => void) | undefined): void {
    try {
      listener?.(this.definition.prometheus);
    } catch (error) {
      reportBug('metric limit listener', error);
    }
  }

  reject(): void {
    this.rejectedCount += 1;
    if (this.rejectedCount === 1) this.tell(this.options.onRejected);
  }

  overLimit(): void {
    this.overLimitCount += 1;
  }

  /** Observations that went to the `__other__` series. */
  get observationsOverLimit(): number {
    return this.overLimitCount;
  }

  get observationsRejected(): number {
    return this.rejectedCount;
  }

  /** Series made so far, without the `__other__` one. */
  get size(): number {
    return this.list.length;
  }

  *points(): Generator<MetricPoint> {
    for (const series of this.list) yield series.point();
    if (this.other !== undefined) yield this.other.point();
  }

  /** The live series, for readers that need no snapshot. */
  *series(): Generator<Series> {
    yield* this.list;
    if (this.other !== undefined) yield this.other;
  }
}

export type CounterFamily = Family<BoundCounter>;
export type GaugeFamily = Family<BoundGauge>;
export type HistogramFamily = Family<BoundHistogram>;
type AnyFamily = CounterFamily | GaugeFamily | HistogramFamily;

function sameDefinition(one: MetricDefinition, two: MetricDefinition): boolean {
  return (
    one.type === two.type &&
    one.help === two.help &&
    one.unit === two.unit &&
    one.labels.join() === two.labels.join() &&
    (one.buckets ?? []).join() === (two.buckets ?? []).join()
  );
}

function describe(definition: MetricDefinition): string {
  const buckets = definition.buckets === undefined ? '' : `, buckets [${definition.buckets.join(', ')}]`;
  return `${definition.type} with labels [${definition.labels.join(', ')}], unit '${definition.unit}', help '${definition.help}'${buckets}`;
}

/**
 * The metrics of one source. An observation through a bound series costs a few tens of nanoseconds and allocates
 * nothing; nothing here throws after the declaration.
 */
export class MetricRegistry {
  private readonly options: RegistryOptions;
  private readonly families = new Map<string, AnyFamily>();
  private readonly collectors: (() => void)[] = [];

  constructor(options: RegistryOptions = {}) {
    this.options = options;
  }

  /**
   * @throws SightlineError SIGHTLINE_E_METRIC_CONFLICT when the name is taken by a different declaration
   * @throws SightlineError SIGHTLINE_E_METRIC_NAME beyond `MAX_METRICS` names
   */
  counter(definition: MetricDefinition): CounterFamily {
    return this.family(
      definition,
      () => new Family(definition, this.options, (identity) => new BoundCounter(identity)),
    ) as CounterFamily;
  }

  /** As `counter`. An `info` definition is a gauge that stands at 1. */
  gauge(definition: MetricDefinition): GaugeFamily {
    return this.family(
      definition,
      () => new Family(definition, this.options, (identity) => new BoundGauge(identity)),
    ) as GaugeFamily;
  }

  /** As `counter`; `definition.buckets` are required. */
  histogram(definition: MetricDefinition): HistogramFamily {
    const bounds = definition.buckets ?? [];
    return this.family(
      definition,
      () => new Family(definition, this.options, (identity) => new BoundHistogram(identity, bounds)),
    ) as HistogramFamily;
  }

  private family(definition: MetricDefinition, make: () => AnyFamily): AnyFamily {
    const name = definition.prometheus;
    const existing = this.families.get(name);
    if (existing !== undefined) {
      if (sameDefinition(existing.definition, definition)) return existing;
      throw new SightlineError(
        'SIGHTLINE_E_METRIC_CONFLICT',
        `'${name}' is declared as a ${describe(definition)}, but it is already a ${describe(existing.definition)}. Use the same declaration, or another name.`,
      );
    }
    if (this.families.size >= MAX_METRICS) {
      throw new SightlineError(
        'SIGHTLINE_E_METRIC_NAME',
        `'${name}' would be metric number ${MAX_METRICS + 1} of this process; at most ${MAX_METRICS} are kept. A name must not be made of data: put what varies into a label.`,
      );
    }
    const family = make();
    this.families.set(name, family);
    return family;
  }

  /** `collector` runs before each reading and sets what is counted elsewhere. It is fenced. */
  onCollect(collector: () => void): void {
    this.collectors.push(collector);
  }

  /** Runs the collectors. */
  refresh(): void {
    for (const collector of this.collectors) {
      try {
        collector();
      } catch (error) {
        reportBug('metric collector', error);
      }
    }
  }

  /** Every metric that has a series. Call `refresh` first. Points are computed while they are read. */
  *collect(): Generator<MetricFamily> {
    for (const family of this.families.values()) {
      const { definition } = family;
      if (family.size === 0) continue;
      yield {
        name: definition.prometheus,
        type: definition.type,
        help: definition.help,
        unit: unitWord(definition.unit),
        points: { [Symbol.iterator]: () => family.points() },
      };
    }
  }

  /** What each metric could not place as asked: feeds `seriesOverLimit` and `valuesRejected`. */
  *losses(): Generator<{ readonly metric: string; readonly overLimit: number; readonly rejected: number }> {
    for (const family of this.families.values()) {
      yield {
        metric: family.definition.prometheus,
        overLimit: family.observationsOverLimit,
        rejected: family.observationsRejected,
      };
    }
  }

  /** Declared metrics, in order of declaration. */
  definitions(): MetricDefinition[] {
    return [...this.families.values()].map((family) => family.definition);
  }
}

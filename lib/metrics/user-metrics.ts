import type { StatsdNames } from '../codec/statsd-hierarchy.ts';
import { COUNT, TIMING, VALUE } from '../codec/statsd-hierarchy.ts';
import { active } from '../context/context.ts';
import { monotonicMillis } from '../core/clock.ts';
import { diag } from '../core/diag.ts';
import { SightlineError } from '../errors.ts';
import type { MetricDefinition, MetricType, MetricUnit } from '../model/catalogue.ts';
import { DURATION_BUCKETS, unitWord } from '../model/catalogue.ts';
import type { MetricPoint } from '../model/metric-points.ts';
import { rightLabel, rightName, violations } from './conventions.ts';
import type { CounterFamily, Family, GaugeFamily, HistogramFamily } from './registry.ts';
import { MetricRegistry } from './registry.ts';
import type { BoundCounter, BoundGauge, BoundHistogram } from './series.ts';
import type { StatsdAggregator, StatsdCounter, StatsdGauge, StatsdTimings } from './statsd-aggregator.ts';

/** Label values by label name. Any value is taken; see `label-value.ts` for what becomes of it. */
export type Labels = Readonly<Record<string, unknown>>;

export interface MetricOptions {
  /** Prometheus name with base unit; a counter ends in `_total`. */
  readonly name: string;
  /** What one sees, in a sentence. */
  readonly help: string;
  /** Label names; default none. Values must be few: a metric has at most `SIGHTLINE_METRIC_SERIES_LIMIT` series. */
  readonly labels?: readonly string[];
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, finite. Default: the duration buckets of OpenTelemetry (0.005 … 10). */
  readonly buckets?: readonly number[];
  /** `seconds` or `bytes`; default: the unit that the name ends in, else none. */
  readonly unit?: 'seconds' | 'bytes';
}

/** Where observations go beside the registry. */
export interface StatsdTarget {
  readonly aggregator: StatsdAggregator;
  readonly names: StatsdNames;
}

/** Most buckets that a histogram of the app may have: each is a line per series and scrape. */
export const MAX_BUCKETS = 64;
/** Names that are ours. */
const OWN_PREFIX = 'sightline_';
const NO_LABELS: Labels = Object.freeze({});

function unitOf(name: string): MetricUnit {
  const bare = name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
  return bare.endsWith('_seconds') ? 's' : bare.endsWith('_bytes') ? 'By' : '';
}

/** @throws SightlineError SIGHTLINE_E_METRIC_NAME with every rule that the declaration breaks and the name to use */
function define(type: MetricType, options: HistogramOptions): MetricDefinition {
  const { name, help, labels = [], unit } = options ?? {};
  if (
    typeof name !== 'string' ||
    typeof help !== 'string' ||
    !Array.isArray(labels) ||
    labels.some((label) => typeof label !== 'string')
  ) {
    throw new SightlineError(
      'SIGHTLINE_E_METRIC_NAME',
      'a metric needs { name, help, labels? }: name and help are texts, labels a list of texts.',
    );
  }
  const shape = { name, type, help, labels };
  const mistakes = violations(shape).map((violation) => violation.message);
  if (name.startsWith(OWN_PREFIX)) mistakes.push(`names that start with '${OWN_PREFIX}' are Sightline's own`);
  if (unit !== undefined && unit !== 'seconds' && unit !== 'bytes')
    mistakes.push(`unit '${String(unit)}' is not 'seconds' or 'bytes'`);
  else if (unit !== undefined && unitWord(unitOf(name)) !== unit)
    mistakes.push(`a metric in ${unit} ends in '_${unit}'`);
  if (mistakes.length > 0) {
    throw new SightlineError(
      'SIGHTLINE_E_METRIC_NAME',
      `got ${type} '${name}': ${mistakes.join('; ')}. ${advice(shape, unit)}`,
      mistakes,
    );
  }
  return { name: name.replaceAll('_', '.'), type, unit: unitOf(name), help, labels: [...labels], prometheus: name };
}

function advice(
  shape: { name: string; type: MetricType; help: string; labels: readonly string[] },
  unit: string | undefined,
): string {
  const name = rightName(
    { ...shape, name: shape.name.startsWith(OWN_PREFIX) ? shape.name.slice(OWN_PREFIX.length) : shape.name },
    unit,
  );
  const hints: string[] = [];
  if (name !== undefined && name !== shape.name)
    hints.push(
      `Use '${name}'${/(milli|_ms\b|_us\b|_ns\b|minutes|hours|kilo|_kb\b|_mb\b)/i.test(shape.name) ? ', and give the value in that unit' : ''}.`,
    );
  for (const label of shape.labels) {
    const right = rightLabel(label);
    if (right !== undefined && right !== label) hints.push(`Use the label '${right}'.`);
  }
  return hints.length > 0 ? hints.join(' ') : 'See https://prometheus.io/docs/practices/naming for the rules.';
}

function checkBuckets(name: string, buckets: readonly number[]): void {
  const ascending = buckets.every(
    (bound, index) => Number.isFinite(bound) && (index === 0 || bound > (buckets[index - 1] as number)),
  );
  if (Array.isArray(buckets) && ascending && buckets.length > 0 && buckets.length <= MAX_BUCKETS) return;
  throw new SightlineError(
    'SIGHTLINE_E_METRIC_VALUE',
    `'${name}' got buckets [${String(buckets).slice(0, 200)}]; wanted 1 to ${MAX_BUCKETS} finite, ascending upper bounds without +Inf.`,
  );
}

/** What every instrument shares: from a labels object to a series, without ever throwing. */
abstract class Instrument<Series extends { point(): MetricPoint }, Wire> {
  readonly name: string;
  protected readonly family: Family<Series>;
  private readonly owner: UserMetrics;
  /** Bounded by the series limit. */
  private readonly wires = new Map<Series, Wire>();
  private wireTarget: StatsdTarget | undefined = undefined;

  constructor(owner: UserMetrics, family: Family<Series>) {
    this.owner = owner;
    this.family = family;
    this.name = family.definition.prometheus;
  }

  protected series(labels: Labels): Series {
    try {
      return this.find(typeof labels === 'object' && labels !== null ? labels : NO_LABELS);
    } catch {
      // A getter or a proxy of the app threw: the observation counts, its labels are empty.
      return this.family.bind([]);
    }
  }

  private find(labels: Labels): Series {
    const names = this.family.definition.labels;
    const values = new Array<unknown>(names.length);
    let known = 0;
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index] as string;
      if (!Object.hasOwn(labels, name)) continue;
      known += 1;
      values[index] = labels[name];
    }
    if (Object.keys(labels).length > known) this.tellUnknown(labels);
    return this.family.bind(values);
  }

  /** An unknown label is left out and said once: the observation is worth more than the mistake. */
  private tellUnknown(labels: Labels): void {
    const names = this.family.definition.labels;
    const unknown = Object.keys(labels).filter((label) => !names.includes(label));
    if (unknown.length === 0) return;
    diag.warn(
      'SIGHTLINE_E_METRIC_VALUE',
      `metric '${this.name}' got the label '${String(unknown[0]).slice(0, 80)}', which it was not declared with ([${names.join(', ')}]); the label is left out.`,
    );
  }

  /** The StatsD side of a series, when StatsD is on. */
  protected wire(series: Series): Wire | undefined {
    const target = this.owner.statsdTarget;
    if (target === undefined) return undefined;
    if (target !== this.wireTarget) {
      this.wires.clear();
      this.wireTarget = target;
    }
    let wire = this.wires.get(series);
    if (wire === undefined) this.wires.set(series, (wire = this.makeWire(target, series.point().labelValues)));
    return wire;
  }

  protected abstract makeWire(target: StatsdTarget, labelValues: readonly string[]): Wire;
}

/** A count that only goes up. */
export class Counter extends Instrument<BoundCounter, StatsdCounter> {
  /** `inc()`, `inc(3)`, `inc({ kind: 'card' })`, `inc({ kind: 'card' }, 3)`. Never throws. */
  inc(labels: Labels | number = NO_LABELS, amount = 1): void {
    if (typeof labels === 'number') {
      amount = labels;
      labels = NO_LABELS;
    }
    const series = this.series(labels);
    series.inc(amount);
    this.wire(series)?.add(amount);
  }

  protected makeWire({ aggregator, names }: StatsdTarget, values: readonly string[]): StatsdCounter {
    return aggregator.counter(names.custom(this.name, values, COUNT));
  }
}

/** A value that goes up and down. */
export class Gauge extends Instrument<BoundGauge, StatsdGauge> {
  /** `set(7)`, `set({ queue: 'mail' }, 7)`. Never throws. */
  set(labels: Labels | number, value?: number): void {
    const series = this.series(typeof labels === 'number' ? NO_LABELS : labels);
    series.set(typeof labels === 'number' ? labels : (value as number));
    this.wire(series)?.set(series.current);
  }

  inc(labels: Labels | number = NO_LABELS, amount = 1): void {
    this.add(labels, amount, 1);
  }

  dec(labels: Labels | number = NO_LABELS, amount = 1): void {
    this.add(labels, amount, -1);
  }

  private add(labels: Labels | number, amount: number, sign: 1 | -1): void {
    const series = this.series(typeof labels === 'number' ? NO_LABELS : labels);
    series.add(sign * (typeof labels === 'number' ? labels : amount));
    this.wire(series)?.set(series.current);
  }

  protected makeWire({ aggregator, names }: StatsdTarget, values: readonly string[]): StatsdGauge {
    return aggregator.gauge(names.custom(this.name, values, VALUE));
  }
}

/** A distribution. The trace that is active becomes the exemplar, when it is sampled. */
export class Histogram extends Instrument<BoundHistogram, StatsdTimings> {
  /** `observe(0.2)`, `observe({ kind: 'card' }, 0.2)`. Never throws. */
  observe(labels: Labels | number, value?: number): void {
    const series = this.series(typeof labels === 'number' ? NO_LABELS : labels);
    const observed = typeof labels === 'number' ? labels : (value as number);
    const context = active().span?.spanContext();
    if (context !== undefined && (context.traceFlags & 1) === 1)
      series.observe(observed, context.traceId, context.spanId);
    else series.observe(observed);
    this.wire(series)?.record(this.family.definition.unit === 's' ? observed * 1000 : observed);
  }

  /** Starts a timer. The function that it returns observes the seconds since, and returns them. */
  startTimer(labels: Labels = NO_LABELS): (more?: Labels) => number {
    const started = monotonicMillis();
    return (more) => {
      const seconds = (monotonicMillis() - started) / 1000;
      this.observe(more === undefined ? labels : { ...labels, ...more }, seconds);
      return seconds;
    };
  }

  /** Observes how long `body` takes, until its promise settles if it returns one. Its result or error comes through. */
  time<Result>(body: () => Result): Result;
  time<Result>(labels: Labels, body: () => Result): Result;
  time<Result>(labels: Labels | (() => Result), body?: () => Result): Result {
    const [given, run] =
      typeof labels === 'function' ? [NO_LABELS, labels as () => Result] : [labels, body as () => Result];
    const end = this.startTimer(given);
    let result: Result;
    try {
      result = run();
    } catch (error) {
      end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => void end()) as Result;
    end();
    return result;
  }

  protected makeWire({ aggregator, names }: StatsdTarget, values: readonly string[]): StatsdTimings {
    const name = names.custom(this.name, values, this.family.definition.unit === 's' ? TIMING : VALUE);
    return this.family.definition.unit === 's' ? aggregator.timings(name) : aggregator.values(name);
  }
}

/**
 * The metrics of the app: declared once, anywhere, before or without an observation; they appear on `/metrics` and in
 * StatsD as soon as one runs. A declaration that breaks the conventions throws and names the right name; using an
 * instrument never throws.
 */
export class UserMetrics {
  /** Joined to the exposition by the composition root. */
  readonly registry: MetricRegistry;
  private readonly instruments = new Map<string, Counter | Gauge | Histogram>();
  private target: StatsdTarget | undefined = undefined;

  constructor(registry: MetricRegistry) {
    this.registry = registry;
  }

  /**
   * @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT
   * @example const orders = metrics.counter({ name: 'orders_created_total', help: 'Orders created.', labels: ['kind'] });
   */
  counter(options: MetricOptions): Counter {
    const family: CounterFamily = this.registry.counter(define('counter', options));
    return this.instrument(family.definition.prometheus, () => new Counter(this, family));
  }

  /** @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT */
  gauge(options: MetricOptions): Gauge {
    const family: GaugeFamily = this.registry.gauge(define('gauge', options));
    return this.instrument(family.definition.prometheus, () => new Gauge(this, family));
  }

  /** @throws SightlineError SIGHTLINE_E_METRIC_NAME, SIGHTLINE_E_METRIC_CONFLICT, SIGHTLINE_E_METRIC_VALUE (buckets) */
  histogram(options: HistogramOptions): Histogram {
    const definition = define('histogram', options);
    const buckets = options.buckets ?? DURATION_BUCKETS;
    checkBuckets(definition.prometheus, buckets);
    const family: HistogramFamily = this.registry.histogram({ ...definition, buckets: [...buckets] });
    return this.instrument(family.definition.prometheus, () => new Histogram(this, family));
  }

  private instrument<Kind extends Counter | Gauge | Histogram>(name: string, make: () => Kind): Kind {
    let instrument = this.instruments.get(name) as Kind | undefined;
    if (instrument === undefined) this.instruments.set(name, (instrument = make()));
    return instrument;
  }

  /** Sends to StatsD from now on; undefined stops it. */
  joinStatsd(target: StatsdTarget | undefined): void {
    this.target = target;
  }

  get statsdTarget(): StatsdTarget | undefined {
    return this.target;
  }
}

/** What `metrics` offers to an app. */
export type MetricsApi = Pick<UserMetrics, 'counter' | 'gauge' | 'histogram'>;

/** Set by the composition root once the options are known; declarations before it already exist. */
let seriesLimit: number | undefined;

const registry = new MetricRegistry({
  get seriesLimit() {
    return seriesLimit;
  },
  onSeriesLimit: (metric) =>
    diag.warn(
      'SIGHTLINE_W_SERIES_LIMIT',
      `metric '${metric}' has reached its series limit; further label values are counted in the series '__other__'.`,
    ),
  onRejected: (metric) =>
    diag.warn(
      'SIGHTLINE_E_METRIC_VALUE',
      `metric '${metric}' got a value that it cannot take (not a number, negative or infinite); such values are left out and counted.`,
    ),
});

/** `SIGHTLINE_METRIC_SERIES_LIMIT` for the metrics of the app. */
export function setUserSeriesLimit(limit: number): void {
  seriesLimit = limit;
}

/** The public `metrics`. */
export const metrics = new UserMetrics(registry);

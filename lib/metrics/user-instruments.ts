import { COUNT, TIMING, VALUE } from '../codec/statsd-hierarchy.ts';
import type { StatsdAddress } from '../codec/statsd-tags.ts';
import { active } from '../context/context.ts';
import { monotonicMillis } from '../core/clock.ts';
import { diag } from '../core/diag.ts';
import type { MetricPoint } from '../model/metric-points.ts';
import type { Family } from './registry.ts';
import type { BoundCounter, BoundGauge, BoundHistogram } from './series.ts';
import type { StatsdCounter, StatsdGauge, StatsdTimings } from './statsd-aggregator.ts';
import type { StatsdTarget } from './statsd-target.ts';

/** Label values by label name. Any value is taken; see `label-value.ts` for what becomes of it. */
export type Labels = Readonly<Record<string, unknown>>;

/** Where an instrument finds the StatsD side that is on now. */
export interface StatsdSource {
  readonly statsdTarget: StatsdTarget | undefined;
}

const NO_LABELS: Labels = Object.freeze({});

/** What every instrument shares: from a labels object to a series, without ever throwing. */
abstract class Instrument<Series extends { point(): MetricPoint }, Wire> {
  readonly name: string;
  protected readonly family: Family<Series>;
  private readonly owner: StatsdSource;
  /** Bounded by the series limit. */
  private readonly wires = new Map<Series, Wire>();
  private wireTarget: StatsdTarget | undefined = undefined;

  constructor(owner: StatsdSource, family: Family<Series>) {
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

  /** Where a series goes. @param last segment of a hierarchy that has no label values */
  protected where({ names, tags }: StatsdTarget, values: readonly string[], last: string): string | StatsdAddress {
    return names === undefined
      ? tags.address(this.name, this.family.definition.labels, values)
      : names.custom(this.name, values, last);
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

  protected makeWire(target: StatsdTarget, values: readonly string[]): StatsdCounter {
    return target.aggregator.counter(this.where(target, values, COUNT));
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
    const given = typeof labels === 'number' ? labels : amount;
    // What is no number stays as it is, for the series to refuse: arithmetic would throw on it or make a number of it.
    series.add(typeof given === 'number' ? sign * given : given);
    this.wire(series)?.set(series.current);
  }

  protected makeWire(target: StatsdTarget, values: readonly string[]): StatsdGauge {
    return target.aggregator.gauge(this.where(target, values, VALUE));
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
    if (typeof observed !== 'number') return;
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

  protected makeWire(target: StatsdTarget, values: readonly string[]): StatsdTimings {
    const seconds = this.family.definition.unit === 's';
    const where = this.where(target, values, seconds ? TIMING : VALUE);
    return seconds ? target.aggregator.timings(where) : target.aggregator.values(where);
  }
}

import type { Labels, MetricBatch, MetricFamily, Sample } from '../store/store.ts';
import { readStatsdLine, type StatsdMeasurement } from './statsd-line.ts';

/** Distinct series; what comes beyond is counted as dropped. */
const MAX_SERIES = 10_000;
/** Values of one timer, and members of one set, remembered between two flushes. */
const MAX_VALUES = 1000;
const QUANTILES = [0.5, 0.95, 0.99] as const;

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}

interface Entry {
  readonly name: string;
  readonly statsdName: string;
  readonly type: StatsdMeasurement['type'];
  readonly labels: Labels;
  /** Counter: the total; gauge: the value; timer: the sum in seconds. */
  value: number;
  count: number;
  recent: number[];
  members: Set<string>;
}

/**
 * Gathers StatsD measurements into metrics under the names that statsd_exporter gives without a mapping: every
 * character outside `[a-zA-Z0-9_:]` becomes `_`, timers are summaries in seconds. Counters count from the start of the stack.
 */
export class StatsdAggregate {
  readonly #entries = new Map<string, Entry>();
  readonly #typeOf = new Map<string, StatsdMeasurement['type']>();
  #invalid = 0;
  #dropped = 0;
  #received = 0;

  /** Lines that were understood. */
  get received(): number {
    return this.#received;
  }

  /** Lines that are no StatsD. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Measurements beyond the series limit, or of a name that has another type. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one packet: lines separated by newlines. */
  take(packet: string): void {
    for (const line of packet.split('\n')) {
      if (line.trim() === '') continue;
      const measurements = readStatsdLine(line);
      if (measurements === undefined) {
        this.#invalid += 1;
        continue;
      }
      this.#received += 1;
      for (const measurement of measurements) this.#add(measurement);
    }
  }

  #add(measurement: StatsdMeasurement): void {
    const entry = this.#entryOf(measurement);
    if (entry === undefined) {
      this.#dropped += 1;
      return;
    }
    switch (measurement.type) {
      case 'counter':
        entry.value += measurement.value;
        return;
      case 'gauge':
        entry.value = measurement.relative ? entry.value + measurement.value : measurement.value;
        return;
      case 'set':
        if (entry.members.size < MAX_VALUES) entry.members.add(measurement.member);
        return;
      case 'timer': {
        const value = measurement.milliseconds ? measurement.value / 1000 : measurement.value;
        entry.count += 1 / measurement.sampleRate;
        entry.value += value / measurement.sampleRate;
        if (entry.recent.length < MAX_VALUES) entry.recent.push(value);
      }
    }
  }

  #entryOf(measurement: StatsdMeasurement): Entry | undefined {
    const name = metricName(measurement.name);
    const key = `${name} ${JSON.stringify(Object.entries(measurement.tags).sort(byName))}`;
    const existing = this.#entries.get(key);
    if (existing !== undefined) return existing.type === measurement.type ? existing : undefined;
    if (this.#entries.size >= MAX_SERIES || (this.#typeOf.get(name) ?? measurement.type) !== measurement.type)
      return undefined;
    this.#typeOf.set(name, measurement.type);
    const entry: Entry = {
      name,
      statsdName: measurement.name,
      type: measurement.type,
      labels: { job: 'statsd', instance: 'statsd', ...measurement.tags },
      value: 0,
      count: 0,
      recent: [],
      members: new Set(),
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** The state of everything; values of timers and members of sets begin anew. */
  flush(nowMillis: number): MetricBatch {
    const families = new Map<string, MetricFamily>();
    const samples: Sample[] = [];
    for (const entry of this.#entries.values()) {
      const type = entry.type === 'timer' ? 'summary' : entry.type === 'set' ? 'gauge' : entry.type;
      families.set(entry.name, { name: entry.name, type, help: `StatsD ${entry.type} ${entry.statsdName}`, unit: '' });
      const sample = (suffix: string, value: number, extra: Labels = {}): Sample => ({
        labels: { __name__: `${entry.name}${suffix}`, ...entry.labels, ...extra },
        value,
        timestamp: nowMillis,
      });
      if (entry.type === 'timer') {
        const sorted = entry.recent.sort((one, other) => one - other);
        for (const quantile of QUANTILES)
          samples.push(sample('', quantileOf(sorted, quantile), { quantile: String(quantile) }));
        samples.push(sample('_sum', entry.value), sample('_count', entry.count));
        entry.recent = [];
      } else if (entry.type === 'set') {
        samples.push(sample('', entry.members.size));
        entry.members = new Set();
      } else {
        samples.push(sample('', entry.value));
      }
    }
    return { families: [...families.values()], samples };
  }
}

/** Nearest rank. */
function quantileOf(sorted: readonly number[], quantile: number): number {
  return sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
}

function metricName(statsdName: string): string {
  const name = statsdName.replace(/[^a-zA-Z0-9_:]/g, '_');
  return /^\d/.test(name) ? `_${name}` : name;
}

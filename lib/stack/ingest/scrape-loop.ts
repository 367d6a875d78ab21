import type { Labels, MetricFamily, Sample, Store } from '../store/store.ts';
import { ExpositionMalformed, type ParsedSample, parseExposition } from './exposition-parser.ts';
import { fetchExposition } from './scrape-fetch.ts';
import type { ScrapeTarget } from './scrape-job.ts';
import { LimitExceeded, sampleOf } from './scrape-sample.ts';

/** What is known of one target, as `/api/v1/targets` tells it. */
export interface TargetState {
  readonly target: ScrapeTarget;
  health: 'unknown' | 'up' | 'down';
  lastError: string;
  /** Milliseconds since the epoch; 0 = never. */
  lastScrape: number;
  lastDurationSeconds: number;
}

/** What one page came to. */
interface Taken {
  readonly samples: readonly Sample[];
  readonly families: readonly MetricFamily[];
  /** Series without a time of their own, by their text: they end when they are not seen again. */
  readonly tracked: ReadonlyMap<string, Labels>;
  /** Samples on the page, and those that relabelling left. */
  readonly scraped: number;
  readonly kept: number;
  readonly added: number;
  readonly error: unknown;
}

/** Series that Prometheus makes of each scrape. */
const REPORTED = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const;

/** One target and the series that its last page had. Source: Prometheus documentation, "Jobs and instances", "Staleness". */
export class ScrapeLoop {
  readonly state: TargetState;
  readonly #store: Store;
  #series: ReadonlyMap<string, Labels> = new Map();

  constructor(target: ScrapeTarget, store: Store) {
    this.state = { target, health: 'unknown', lastError: '', lastScrape: 0, lastDurationSeconds: 0 };
    this.#store = store;
  }

  /** Whether the last page had the series. */
  has(series: string): boolean {
    return this.#series.has(series) || (this.state.lastScrape > 0 && this.#reportedTexts.has(series));
  }

  /** Never throws. @param at milliseconds since the epoch, the time of its samples */
  async scrape(at: number, stop: AbortSignal): Promise<void> {
    const { state } = this;
    const started = performance.now();
    const taken = await this.#take(at, stop);
    if (stop.aborted) return;
    const ended = [...this.#series].filter(([series]) => !taken.tracked.has(series));
    this.#series = taken.tracked;
    state.health = taken.error === undefined ? 'up' : 'down';
    state.lastError = taken.error === undefined ? '' : reasonOf(taken.error);
    state.lastScrape = at;
    state.lastDurationSeconds = (performance.now() - started) / 1000;
    const values = [
      taken.error === undefined ? 1 : 0,
      state.lastDurationSeconds,
      taken.scraped,
      taken.kept,
      taken.added,
    ];
    await this.#append({
      families: taken.families,
      samples: [
        ...taken.samples,
        ...ended.map(([, labels]) => stale(labels, at)),
        ...REPORTED.map((name, index) => ({ labels: this.#reported(name), value: values[index]!, timestamp: at })),
      ],
    });
  }

  /** The target is gone: its series end, but those that another one goes on with. */
  async end(at: number, goesOn: (series: string) => boolean): Promise<void> {
    if (this.state.lastScrape === 0) return;
    const all = new Map([...this.#series, ...this.#reportedTexts]);
    const samples = [...all].filter(([series]) => !goesOn(series)).map(([, labels]) => stale(labels, at));
    await this.#append({ families: [], samples });
  }

  #reported(name: string): Labels {
    return { __name__: name, ...this.state.target.labels };
  }

  get #reportedTexts(): Map<string, Labels> {
    return new Map(REPORTED.map((name) => [textOfLabels(this.#reported(name)), this.#reported(name)]));
  }

  async #append(batch: { families: readonly MetricFamily[]; samples: readonly Sample[] }): Promise<void> {
    // A full store is said by its own metrics; the next scrape comes anyway.
    await this.#store.appendMetrics(batch).catch(() => {});
  }

  async #take(at: number, stop: AbortSignal): Promise<Taken> {
    try {
      const { text, format } = await fetchExposition(this.state.target, stop);
      const { samples, families } = parseExposition(text, format);
      return this.#read(samples, at, families);
    } catch (error) {
      const before = error instanceof ExpositionMalformed ? error.samples : [];
      const { scraped, kept, added } = this.#read(before, at, []);
      return { ...NOTHING, scraped, kept, added, error };
    }
  }

  #read(page: readonly ParsedSample[], at: number, families: readonly MetricFamily[]): Taken {
    const { job, labels: targetLabels } = this.state.target;
    const samples: Sample[] = [];
    const tracked = new Map<string, Labels>();
    const seen = new Set<string>();
    const counts = { scraped: 0, kept: 0, added: 0 };
    try {
      for (const parsed of page) {
        counts.scraped += 1;
        const sample = sampleOf(parsed, { job, targetLabels, at });
        if (sample === undefined) continue;
        counts.kept += 1;
        const series = textOfLabels(sample.labels);
        const own = job.honorTimestamps && parsed.timestamp !== undefined;
        // The first of several samples of one series and time counts.
        if (!own && seen.has(series)) continue;
        if (!this.#series.has(series) && !seen.has(series)) counts.added += 1;
        seen.add(series);
        samples.push(sample);
        if (!own || job.trackTimestampsStaleness) tracked.set(series, sample.labels);
      }
      if (job.limits.samples > 0 && counts.kept > job.limits.samples) throw new LimitExceeded('sample limit exceeded');
    } catch (error) {
      // Nothing of a page is taken when a part of it is not.
      return { ...NOTHING, ...counts, error };
    }
    return { samples, families, tracked, ...counts, error: undefined };
  }
}

const NOTHING = { samples: [], families: [], tracked: new Map<string, Labels>() } as const;

function stale(labels: Labels, timestamp: number): Sample {
  return { labels, value: Number.NaN, timestamp, stale: true };
}

/** One text for one set of labels. */
function textOfLabels(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error ? error.cause.message || ((error.cause as NodeJS.ErrnoException).code ?? '') : '';
  return cause === '' ? error.message : cause;
}

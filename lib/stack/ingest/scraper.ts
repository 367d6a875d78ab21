import type { Labels, Sample, Store } from '../store/store.ts';
import { parseExposition, stampSamples } from './exposition-parser.ts';
import type { ScrapeTarget } from './scrape-targets.ts';

/** How often a target is read, unless told otherwise. Short: somebody is watching. */
export const DEFAULT_SCRAPE_MILLIS = 5000;
/** How often it is looked for new targets. */
const DISCOVERY_MILLIS = 1000;
/** Longest scrape. Prometheus's `scrape_timeout` is 10 s. */
const TIMEOUT_MILLIS = 4000;
/** Bytes of one scrape. */
const MAX_BODY_BYTES = 32 * 1024 ** 2;
/** Targets scraped. */
const MAX_TARGETS = 500;

/** What Prometheus's own scraper asks for, OpenMetrics first: only it carries exemplars. */
const ACCEPT =
  'application/openmetrics-text;version=1.0.0;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1';

/** What is known of one target, as `/api/v1/targets` tells it. */
export interface TargetState {
  readonly target: ScrapeTarget;
  health: 'unknown' | 'up' | 'down';
  lastError: string;
  /** Milliseconds since the epoch; 0 = never. */
  lastScrape: number;
  lastDurationSeconds: number;
}

interface Scheduled extends TargetState {
  busy: boolean;
  due: number;
}

export interface ScraperOptions {
  readonly store: Store;
  /** All targets of the moment; asked every second. */
  readonly discover: () => readonly ScrapeTarget[];
  /** Default 5 s. */
  readonly intervalMillis?: number;
  readonly now?: () => number;
}

/** Scrapes every target in turn and keeps what it brings; a target that is new is scraped at once. */
export class Scraper {
  readonly #options: ScraperOptions;
  readonly #intervalMillis: number;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #states = new Map<string, Scheduled>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ScraperOptions) {
    this.#options = options;
    this.#intervalMillis = options.intervalMillis ?? DEFAULT_SCRAPE_MILLIS;
    this.#now = options.now ?? Date.now;
  }

  get intervalMillis(): number {
    return this.#intervalMillis;
  }

  start(): void {
    this.tick();
    this.#timer = setInterval(() => this.tick(), Math.min(DISCOVERY_MILLIS, this.#intervalMillis));
    this.#timer.unref();
  }

  states(): readonly TargetState[] {
    return [...this.#states.values()];
  }

  /** Looks for targets and scrapes those that are due. */
  tick(): void {
    const now = this.#now();
    const states = new Map<string, Scheduled>();
    for (const target of this.#options.discover().slice(0, MAX_TARGETS)) {
      const key = `${target.url} ${JSON.stringify(target.labels)}`;
      states.set(
        key,
        this.#states.get(key) ?? {
          target,
          health: 'unknown',
          lastError: '',
          lastScrape: 0,
          lastDurationSeconds: 0,
          busy: false,
          due: now,
        },
      );
    }
    this.#states = states;
    for (const state of states.values()) {
      if (state.busy || state.due > now) continue;
      state.due = now + this.#intervalMillis;
      const running = this.#scrape(state).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  async #scrape(state: Scheduled): Promise<void> {
    state.busy = true;
    const at = this.#now();
    const started = performance.now();
    let samples: Sample[] = [];
    let families: ReturnType<typeof parseExposition>['families'] = [];
    try {
      const { text, format } = await fetchExposition(
        state.target.url,
        AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MILLIS)]),
      );
      const parsed = parseExposition(text, format);
      samples = stampSamples(parsed.samples, at, (labels) => withTargetLabels(labels, state.target.labels));
      families = parsed.families;
      state.health = 'up';
      state.lastError = '';
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      state.health = 'down';
      state.lastError = reasonOf(error);
    }
    state.lastScrape = at;
    state.lastDurationSeconds = (performance.now() - started) / 1000;
    const own = (name: string, value: number): Sample => ({
      labels: { __name__: name, ...state.target.labels },
      value,
      timestamp: at,
    });
    const about = [
      own('up', state.health === 'up' ? 1 : 0),
      own('scrape_duration_seconds', state.lastDurationSeconds),
      own('scrape_samples_scraped', samples.length),
    ];
    // A full store is said by its own metrics; the next scrape comes anyway.
    await this.#options.store.appendMetrics({ families, samples: [...samples, ...about] }).catch(() => {});
    state.busy = false;
  }
}

async function fetchExposition(
  url: string,
  signal: AbortSignal,
): Promise<{ text: string; format: 'text' | 'openmetrics' }> {
  const response = await fetch(url, { signal, headers: { accept: ACCEPT, 'user-agent': 'sightline-stack' } });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`body larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  const format = /^application\/openmetrics-text/i.test(response.headers.get('content-type') ?? '')
    ? 'openmetrics'
    : 'text';
  return { text: Buffer.concat(chunks).toString('utf8'), format };
}

/** Labels of the target win; what they cover is kept as `exported_<name>` (Prometheus, `honor_labels: false`). */
export function withTargetLabels(labels: Labels, target: Readonly<Record<string, string>>): Labels {
  const joined: Record<string, string> = { ...labels };
  for (const [name, value] of Object.entries(target)) {
    if (Object.hasOwn(joined, name) && joined[name] !== '') joined[`exported_${name}`] = joined[name]!;
    joined[name] = value;
  }
  return joined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error ? error.cause.message || ((error.cause as NodeJS.ErrnoException).code ?? '') : '';
  return cause === '' ? error.message : cause;
}

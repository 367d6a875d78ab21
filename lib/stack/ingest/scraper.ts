import type { Store } from '../store/store.ts';
import type { DroppedTarget, ScrapeTarget } from './scrape-job.ts';
import { ScrapeLoop, type TargetState } from './scrape-loop.ts';
import { type DiscoveredTargets, keyOf } from './scrape-targets.ts';

/** How often it is looked for new targets. */
const DISCOVERY_MILLIS = 1000;
/** How often it is looked whether a target is due. */
const TICK_MILLIS = 100;
/** Targets that are gone and wait for their staleness markers. */
const MAX_LEAVING = 500;
/** How late a scrape may be and still count as the next of its series of times. */
const LATE_MILLIS = 1000;

export interface ScraperOptions {
  readonly store: Store;
  /** All targets of the moment; asked every second. */
  readonly discover: () => DiscoveredTargets;
  readonly now?: () => number;
}

interface Scheduled {
  readonly loop: ScrapeLoop;
  busy: boolean;
  due: number;
}

/** A target that is gone: when its series end, and when that is written. */
interface Leaving {
  readonly loop: ScrapeLoop;
  readonly endedAt: number;
  readonly due: number;
}

/**
 * Scrapes every target in turn and keeps what it brings; a target that is new is scraped at once. The series of one
 * that is gone end after two intervals, unless another target goes on with them: as in Prometheus.
 */
export class Scraper {
  readonly #options: ScraperOptions;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #scheduled = new Map<string, Scheduled>();
  #leaving: Leaving[] = [];
  #dropped: readonly DroppedTarget[] = [];
  #discoveredAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ScraperOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    this.tick();
    this.#timer = setInterval(() => this.tick(), TICK_MILLIS);
    this.#timer.unref();
  }

  states(): readonly TargetState[] {
    return [...this.#scheduled.values()].map(({ loop }) => loop.state);
  }

  dropped(): readonly DroppedTarget[] {
    return this.#dropped;
  }

  /** Looks for targets and scrapes those that are due. */
  tick(): void {
    const now = this.#now();
    if (now - this.#discoveredAt >= DISCOVERY_MILLIS || now < this.#discoveredAt) {
      this.#discoveredAt = now;
      this.#discover(now);
    }
    for (const one of this.#scheduled.values()) {
      if (one.busy || one.due > now) continue;
      const { intervalMillis } = one.loop.state.target;
      // Times keep their distance; after a pause they begin anew.
      one.due = now - one.due < LATE_MILLIS ? one.due + intervalMillis : now + intervalMillis;
      one.busy = true;
      this.#run(one.loop.scrape(now, this.#stop.signal).finally(() => (one.busy = false)));
    }
    const ended = this.#leaving.filter(({ due }) => due <= now);
    this.#leaving = this.#leaving.filter(({ due }) => due > now);
    for (const { loop, endedAt } of ended) this.#run(loop.end(endedAt, (series) => this.#isScraped(series)));
  }

  /** Resolves when what has begun is done; a parameter of tests, which tick by hand. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.settled();
  }

  #run(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #isScraped(series: string): boolean {
    for (const { loop } of this.#scheduled.values()) if (loop.has(series)) return true;
    return false;
  }

  #discover(now: number): void {
    const { active, dropped } = this.#options.discover();
    const scheduled = new Map<string, Scheduled>();
    for (const target of active) scheduled.set(keyOf(target), this.#kept(target, now));
    for (const [key, { loop, due }] of this.#scheduled) {
      if (scheduled.has(key) || this.#leaving.length >= MAX_LEAVING) continue;
      const { intervalMillis } = loop.state.target;
      // Its own next scrape, one more, and a tenth.
      const endedAt = Math.max(due, now);
      this.#leaving.push({ loop, endedAt, due: endedAt + intervalMillis * 1.1 });
    }
    this.#scheduled = scheduled;
    this.#dropped = dropped;
  }

  #kept(target: ScrapeTarget, now: number): Scheduled {
    return (
      this.#scheduled.get(keyOf(target)) ?? {
        loop: new ScrapeLoop(target, this.#options.store),
        busy: false,
        due: now,
      }
    );
  }
}

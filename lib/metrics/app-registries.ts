import { runOutside } from '../context/context.ts';
import type { MetricFamily } from '../model/metric-points.ts';
import type { ForeignMetric, ForeignRegistry } from './foreign-families.ts';
import { foreignFamily } from './foreign-families.ts';

/** How long all `collect()` functions of the app together may keep a scrape. */
const COLLECT_TIMEOUT_MILLIS = 1000;
/** Registries remembered; an app that makes one per request would else fill the memory. */
const MAX_REGISTRIES = 64;

export type DropReason = 'duplicate' | 'failed' | 'timeout' | 'invalid';

const TIMEOUT = Symbol('timeout');
const FAILED = Symbol('failed');

/**
 * The registries of the app's own prom-client. Weakly held: one that the app has dropped is not kept alive (each of
 * its metrics holds its registry, so that an app which keeps either keeps it on the page). A
 * `collect()` that throws costs its own metric, one that hangs costs the time limit once and is not called again while
 * it hangs.
 */
export class AppRegistries {
  private registries: WeakRef<ForeignRegistry>[] = [];
  private readonly known = new WeakSet<ForeignRegistry>();
  private readonly pending = new WeakMap<ForeignMetric, Promise<unknown>>();
  /** Metrics whose `collect()` has missed a limit and still runs: nobody waits for them again. */
  private readonly hanging = new WeakSet<ForeignMetric>();
  private readonly timeoutMillis: number;

  constructor({ timeoutMillis = COLLECT_TIMEOUT_MILLIS }: { readonly timeoutMillis?: number } = {}) {
    this.timeoutMillis = timeoutMillis;
  }

  /** Joins a registry; a second time is nothing. */
  add(registry: ForeignRegistry): void {
    if (this.known.has(registry)) return;
    this.registries = this.registries.filter((reference) => reference.deref() !== undefined);
    if (this.registries.length >= MAX_REGISTRIES) return;
    this.known.add(registry);
    this.registries.push(new WeakRef(registry));
  }

  /**
   * All families, each read within the common time limit.
   * @param onDrop told about every metric that is left out
   */
  async collect(onDrop: (reason: DropReason) => void): Promise<MetricFamily[]> {
    const jobs = this.jobs();
    if (jobs.length === 0) return [];
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<typeof TIMEOUT>((resolve) => {
      timer = setTimeout(resolve, this.timeoutMillis, TIMEOUT);
      timer.unref();
    });
    try {
      const answers = await Promise.all(jobs.map(({ metric }) => Promise.race([this.read(metric), deadline])));
      const families: MetricFamily[] = [];
      for (const [index, answer] of answers.entries()) {
        if (answer === TIMEOUT) this.hanging.add((jobs[index] as Job).metric);
        const family =
          answer === TIMEOUT || answer === FAILED ? undefined : convert(answer, (jobs[index] as Job).registry);
        if (family !== undefined) families.push(family);
        else onDrop(answer === TIMEOUT ? 'timeout' : answer === FAILED ? 'failed' : 'invalid');
      }
      return families;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Each metric once, even when the app has it in several registries (`Registry.merge`). */
  private jobs(): Job[] {
    const jobs: Job[] = [];
    const seen = new Set<ForeignMetric>();
    for (const reference of this.registries) {
      const registry = reference.deref();
      if (registry === undefined) continue;
      let metrics: ForeignMetric[] = [];
      try {
        metrics = registry.getMetricsAsArray();
      } catch {
        continue;
      }
      for (const metric of metrics) {
        if (seen.has(metric)) continue;
        seen.add(metric);
        jobs.push({ metric, registry });
      }
    }
    return jobs;
  }

  private read(metric: ForeignMetric): Promise<unknown> {
    if (this.hanging.has(metric)) return Promise.resolve(TIMEOUT);
    const running = this.pending.get(metric);
    if (running !== undefined) return running;
    // An async function turns a synchronous throw into a rejection; the app's collect runs outside of any request.
    const reading = runOutside(async () => await metric.get())
      .catch(() => FAILED)
      .finally(() => {
        this.pending.delete(metric);
        this.hanging.delete(metric);
      });
    this.pending.set(metric, reading);
    return reading;
  }
}

interface Job {
  readonly metric: ForeignMetric;
  readonly registry: ForeignRegistry;
}

/** What the app's objects do when they are read is theirs: a throwing getter makes the family invalid. */
function convert(answer: unknown, registry: ForeignRegistry): MetricFamily | undefined {
  try {
    return foreignFamily(answer, registry);
  } catch {
    return undefined;
  }
}

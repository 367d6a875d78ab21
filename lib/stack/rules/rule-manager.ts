import { createHash } from 'node:crypto';
import type { Labels, Store } from '../store/store.ts';
import type { RuleGroupConfig } from './rule-file.ts';
import { RuleGroup } from './rule-group.ts';

/** How often it is looked whether a group is due. */
const TICK_MILLIS = 250;
/**
 * A group rests at least this many times as long as its last evaluation took: rules over days of samples must not keep
 * the thread that answers queries busy.
 */
const REST_FACTOR = 4;

export interface RuleManagerOptions {
  readonly store: Store;
  readonly groups: readonly RuleGroupConfig[];
  /** `$externalLabels` of templates. */
  readonly externalLabels?: Labels;
  /** `$externalURL` of templates; known when the port is. */
  readonly externalUrl?: string;
  readonly now?: () => number;
}

interface Scheduled {
  readonly group: RuleGroup;
  readonly offset: number;
  due: number;
}

/** Evaluates every group on its interval; one at a time, so that rules never take more than one query's place. */
export class RuleManager {
  readonly #now: () => number;
  readonly #scheduled: readonly Scheduled[];
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RuleManagerOptions) {
    this.#now = options.now ?? Date.now;
    const { store, externalLabels = {}, externalUrl = '' } = options;
    const now = this.#now();
    const inOrder = [...options.groups].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
    this.#scheduled = inOrder.map((config) => {
      // Groups are spread over their interval, each always at the same place.
      const digest = createHash('md5').update(keyOf(config)).digest();
      const offset = digest.readUInt32BE(0) % config.intervalMillis;
      return {
        group: new RuleGroup({ config, store, externalLabels, externalUrl }),
        offset,
        due: nextSlot(now, config.intervalMillis, offset),
      };
    });
  }

  start(): void {
    if (this.#scheduled.length === 0) return;
    this.#timer = setInterval(() => this.tick(), TICK_MILLIS);
    this.#timer.unref();
  }

  groups(): readonly RuleGroup[] {
    return this.#scheduled.map(({ group }) => group);
  }

  /** Evaluates what is due, unless that is under way. */
  tick(): void {
    this.#running ??= this.#evaluateDue().finally(() => (this.#running = undefined));
  }

  /** Evaluates every group at this time, whatever its interval. A parameter of tests, whose clock is theirs. */
  async evaluateAt(at: number): Promise<void> {
    for (const { group } of this.#scheduled) await group.evaluate(at);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#running;
  }

  async #evaluateDue(): Promise<void> {
    for (const one of this.#scheduled) {
      if (this.#stop.signal.aborted) return;
      const now = this.#now();
      if (one.due > now) continue;
      const { intervalMillis } = one.group.config;
      // The latest of its times, when some went by.
      const at = nextSlot(now, intervalMillis, one.offset) - intervalMillis;
      await one.group.evaluate(at, this.#stop.signal);
      const rested = this.#now() + one.group.durationSeconds * 1000 * REST_FACTOR;
      one.due = Math.max(at + intervalMillis, nextSlot(rested, intervalMillis, one.offset) - intervalMillis);
    }
  }
}

/** The first time after `now` that is the offset and whole intervals since the epoch. */
function nextSlot(now: number, interval: number, offset: number): number {
  return Math.floor((now - offset) / interval) * interval + offset + interval;
}

/** As Prometheus orders groups. */
function keyOf({ file, name }: RuleGroupConfig): string {
  return `${file};${name}`;
}

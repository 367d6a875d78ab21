import type { ExpositionFormat } from '../codec/prometheus-text.ts';
import {
  CONTENT_TYPES,
  familyEncoder,
  OPENMETRICS_END,
  openMetricsFamilyName,
  sampleNames,
} from '../codec/prometheus-text.ts';
import { reportBug } from '../core/fence.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import type { MetricFamily } from '../model/metric-points.ts';
import type { Resource } from '../model/resource.ts';
import { WRONG_TOTALS } from '../model/runtime-metrics.ts';
import { negotiate } from './accept.ts';
import { isCumulative } from './aggregate.ts';
import type { DropReason } from './app-registries.ts';
import { AppRegistries } from './app-registries.ts';
import type { ForeignRegistry } from './foreign-families.ts';
import { MetricRegistry } from './registry.ts';
import { RuntimeMetrics } from './runtime.ts';

/** Series written before the event loop gets a turn: about a millisecond of text. */
const SERIES_PER_TURN = 250;

/**
 * Taken before anybody asks: what is made at the end of a reading, and the three wrong names of prom-client's default
 * metrics, which an app that collects them itself would bring back.
 */
const RESERVED_NAMES: readonly string[] = [
  CATALOGUE.familiesDropped.prometheus,
  CATALOGUE.seriesOverLimit.prometheus,
  CATALOGUE.valuesRejected.prometheus,
  ...Object.keys(WRONG_TOTALS),
];

export interface ExpositionOptions {
  /** Our own metrics; comes first on the page and wins every name. */
  readonly registry: MetricRegistry;
  readonly resource: Resource;
  /** Registries beside ours: the app's metrics of the user API. */
  readonly others?: readonly MetricRegistry[];
  /** Limit for all `collect()` functions of the app together; default 1000 ms. */
  readonly collectTimeoutMillis?: number;
}

export interface Page {
  readonly contentType: string;
  readonly body: string;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Everything that `/metrics` shows: our metrics, the user API's, Node's and the app's own prom-client registries, as one
 * page that a scraper accepts whatever the app's part does. The first family of a name stays, later ones are counted.
 */
export class Exposition {
  readonly runtime = new RuntimeMetrics();
  private readonly registries: readonly MetricRegistry[];
  private readonly apps: AppRegistries;
  /** What is only known at the end of a reading: losses of all registries, families left out. */
  private readonly self = new MetricRegistry();

  constructor({ registry, resource, others = [], collectTimeoutMillis }: ExpositionOptions) {
    this.registries = [registry, ...others];
    this.apps = new AppRegistries(collectTimeoutMillis === undefined ? {} : { timeoutMillis: collectTimeoutMillis });
    const target = registry.gauge(CATALOGUE.targetInfo);
    target.bind([resource.serviceName, resource.serviceVersion, resource.instanceId, resource.environment]).set(1);
  }

  /** Loads prom-client and starts Node's own metrics; call it when the app listens, not before. Never throws. */
  startRuntime(): void {
    this.runtime.start();
  }

  /** Joins a registry of the app (`instruments/prom-client`). */
  addAppRegistry(registry: ForeignRegistry): void {
    this.apps.add(registry);
  }

  /** What only goes up, of ours and the user API: no function of the app runs for it. Read `points` at once. */
  *ownCounts(): Generator<MetricFamily> {
    for (const registry of this.registries) {
      registry.refresh();
      for (const family of registry.collect()) if (isCumulative(family)) yield family;
    }
  }

  /** All families of this moment, each name once. Read `points` soon: those of our own registries are live. */
  async families(): Promise<MetricFamily[]> {
    const dropped: DropReason[] = [];
    const [runtime, app] = await Promise.all([
      this.runtime.families(),
      this.apps.collect((reason) => dropped.push(reason)),
    ]);
    const taken = new Set<string>(RESERVED_NAMES);
    const kept: MetricFamily[] = [];
    const take = (family: MetricFamily): void => {
      const names = sampleNames(family);
      if (names.some((name) => taken.has(name))) {
        dropped.push('duplicate');
        return;
      }
      for (const name of names) taken.add(name);
      kept.push(family);
    };
    for (const registry of this.registries) {
      registry.refresh();
      for (const family of registry.collect()) take(family);
    }
    for (const family of [...runtime, ...app]) take(family);
    this.countLosses(dropped);
    return [...kept, ...this.self.collect()];
  }

  private countLosses(dropped: readonly DropReason[]): void {
    const families = this.self.counter(CATALOGUE.familiesDropped);
    for (const reason of dropped) families.bind([reason]).inc();
    const overLimit = this.self.counter(CATALOGUE.seriesOverLimit);
    const rejected = this.self.counter(CATALOGUE.valuesRejected);
    for (const registry of this.registries) {
      for (const loss of registry.losses()) {
        if (loss.overLimit > 0) overLimit.bind([loss.metric]).follow(loss.overLimit);
        if (loss.rejected > 0) rejected.bind([loss.metric]).follow(loss.rejected);
      }
    }
  }

  /** Our metrics and the user API's of this moment in the text format, at once: for the end of a process. Never throws. */
  renderOwn(): string {
    let text = '';
    const taken = new Set<string>(RESERVED_NAMES);
    for (const registry of this.registries) {
      registry.refresh();
      for (const family of registry.collect()) {
        const names = sampleNames(family);
        if (names.some((name) => taken.has(name))) continue;
        for (const name of names) taken.add(name);
        const encoder = familyEncoder(family, 'text');
        text += encoder.head;
        for (const point of family.points) text += encoder.encode(point);
      }
    }
    return text;
  }

  /**
   * The page in the format that `acceptHeader` likes best. Never rejects; yields to the event loop while it writes.
   */
  async render(acceptHeader: string | undefined): Promise<Page> {
    return renderPage(() => this.families(), acceptHeader);
  }
}

/** The page of the families that `read` gives; see `Exposition.render`. */
export async function renderPage(
  read: () => Promise<readonly MetricFamily[]>,
  acceptHeader: string | undefined,
): Promise<Page> {
  const format = negotiate(acceptHeader);
  let families: readonly MetricFamily[] = [];
  try {
    families = await read();
  } catch (error) {
    reportBug('metrics page', error);
  }
  return { contentType: CONTENT_TYPES[format], body: await write(families, format) };
}

async function write(families: readonly MetricFamily[], format: ExpositionFormat): Promise<string> {
  const chunks: string[] = [];
  const familyNames = new Set<string>();
  let written = 0;
  for (const family of families) {
    // OpenMetrics takes `_total` off the family: a gauge `queue` and a counter `queue_total` would be one name there.
    const short = openMetricsFamilyName(family);
    const plain = familyNames.has(short);
    familyNames.add(short);
    const encoder = familyEncoder(family, format, plain);
    let text = '';
    for (const point of family.points) {
      text += encoder.encode(point);
      written += 1;
      if (written % SERIES_PER_TURN === 0) await turn();
    }
    if (text !== '') chunks.push(encoder.head, text);
  }
  if (format === 'openmetrics') chunks.push(OPENMETRICS_END);
  return chunks.join('');
}

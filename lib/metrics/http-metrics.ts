import type { StatsdNames } from '../codec/statsd-hierarchy.ts';
import { statsdOutcome, TIMING, timingOf } from '../codec/statsd-hierarchy.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import { knownMethod } from '../model/http-method.ts';
import type { GaugeFamily, HistogramFamily, MetricRegistry } from './registry.ts';
import { OTHER } from './registry.ts';
import type { RollingFacts } from './rolling-facts.ts';
import type { BoundGauge, BoundHistogram } from './series.ts';
import type { StatsdCounter, StatsdTimings } from './statsd-aggregator.ts';
import type { StatsdTarget } from './statsd-target.ts';

/** The place of "no answer" in the look-up by status code. */
const NO_STATUS = 0;

export interface HttpMetricsOptions {
  readonly registry: MetricRegistry;
  /** Given when StatsD is on. */
  readonly statsd?: StatsdTarget;
  readonly rolling?: RollingFacts;
}

interface Ended {
  /** Upper case. */
  readonly method: string;
  /** Undefined when there was no answer. */
  readonly statusCode: number | undefined;
  /** Exception class or reason; undefined for a clean end. */
  readonly errorType: string | undefined;
  readonly durationSeconds: number;
  /** With `spanId`: only of a sampled trace, for the exemplar. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  /** Monotonic milliseconds of the end, when known: saves two clock readings. */
  readonly endMillis?: number | undefined;
}

export interface ServerEnded extends Ended {
  /** The pattern; undefined when no route matched. */
  readonly route: string | undefined;
  /** `http` or `https`. */
  readonly scheme: string;
}

export interface ClientEnded extends Ended {
  readonly serverAddress: string;
  readonly serverPort: number | undefined;
}

/** Everything that one combination of labels feeds. */
interface Leaf {
  readonly histogram: BoundHistogram;
  readonly counter: StatsdCounter | undefined;
  readonly timings: StatsdTimings | undefined;
  readonly outcomeTimings: StatsdTimings | undefined;
}

/** Look-up by the labels in the order of `path`; nested, so that no key is concatenated per request. */
type Tree = Map<string | number, Tree | Leaf>;

/**
 * Rate, errors and duration of HTTP, by OpenTelemetry's semantic conventions. A request that was seen before costs a few
 * map look-ups and one histogram observation.
 */
export class HttpMetrics {
  private readonly serverDuration: HistogramFamily;
  private readonly clientDuration: HistogramFamily;
  private readonly activeRequests: GaugeFamily;
  private readonly statsd: HttpMetricsOptions['statsd'];
  private readonly rolling: RollingFacts | undefined;
  private readonly serverTrees = new Map<string, Tree>();
  private readonly clientTree: Tree = new Map();
  private readonly active = new Map<string, Map<string, BoundGauge>>();

  constructor({ registry, statsd, rolling }: HttpMetricsOptions) {
    this.serverDuration = registry.histogram(CATALOGUE.httpServerRequestDuration);
    this.clientDuration = registry.histogram(CATALOGUE.httpClientRequestDuration);
    this.activeRequests = registry.gauge(CATALOGUE.httpServerActiveRequests);
    this.statsd = statsd;
    this.rolling = rolling;
    // With tags the gauge leaves with all others, by method and scheme.
    if (statsd?.names !== undefined) {
      const gauge = statsd.aggregator.gauge(
        statsd.names.runtime(CATALOGUE.httpServerActiveRequests.prometheus, 'value'),
      );
      statsd.aggregator.onPull(() => gauge.set(this.activeTotal()));
    }
  }

  private activeTotal(): number {
    let total = 0;
    for (const series of this.activeRequests.series()) total += series.current;
    return total;
  }

  private activeGauge(method: string, scheme: string): BoundGauge {
    let byMethod = this.active.get(scheme);
    if (byMethod === undefined) this.active.set(scheme, (byMethod = new Map()));
    let gauge = byMethod.get(method);
    if (gauge === undefined) byMethod.set(method, (gauge = this.activeRequests.bind([method, scheme])));
    return gauge;
  }

  /** A request has arrived. Each call needs its `serverEnded`. */
  serverStarted(method: string, scheme: string): void {
    this.activeGauge(knownMethod(method), scheme === 'https' ? scheme : 'http').add(1);
  }

  /** The request was answered, failed or broke off. */
  serverEnded(ended: ServerEnded): void {
    const method = knownMethod(ended.method);
    const scheme = ended.scheme === 'https' ? 'https' : 'http';
    const { statusCode } = ended;
    const route = ended.route ?? '';
    this.activeGauge(method, scheme).add(-1);
    // A failed answer without a more precise reason has its status as reason (semantic conventions, `error.type`).
    const errorType = ended.errorType ?? (statusCode !== undefined && statusCode >= 500 ? String(statusCode) : '');
    let tree = this.serverTrees.get(scheme);
    if (tree === undefined) this.serverTrees.set(scheme, (tree = new Map()));
    const leaf =
      find(tree, method, route, statusCode ?? NO_STATUS, errorType) ??
      this.serverLeaf(tree, { ...ended, method, route, scheme, errorType });
    this.observe(leaf, ended);
    this.rolling?.record(ended.durationSeconds, statusCode, ended.endMillis);
  }

  /** A request of ours to someone else has its answer, or has failed. */
  clientEnded(ended: ClientEnded): void {
    const method = knownMethod(ended.method);
    const { statusCode, serverAddress, serverPort } = ended;
    const errorType = ended.errorType ?? (statusCode !== undefined && statusCode >= 400 ? String(statusCode) : '');
    let byPort = this.clientTree.get(serverPort ?? NO_STATUS) as Tree | undefined;
    if (byPort === undefined) {
      byPort = new Map();
      // Ports are at most 65 536 empty maps; hosts, the open-ended part, are only kept for series that exist.
      this.clientTree.set(serverPort ?? NO_STATUS, byPort);
    }
    const leaf =
      find(byPort, method, serverAddress, statusCode ?? NO_STATUS, errorType) ??
      this.clientLeaf(byPort, { ...ended, method, errorType });
    this.observe(leaf, ended);
  }

  private observe(leaf: Leaf, { durationSeconds, traceId, spanId, endMillis }: Ended): void {
    const epochMillis = endMillis === undefined ? undefined : performance.timeOrigin + endMillis;
    leaf.histogram.observe(durationSeconds, traceId, spanId, epochMillis);
    if (leaf.timings === undefined) return;
    const millis = durationSeconds * 1000;
    leaf.counter?.add(1);
    leaf.timings.record(millis);
    leaf.outcomeTimings?.record(millis);
  }

  private serverLeaf(tree: Tree, ended: ServerEnded & { readonly route: string; readonly errorType: string }): Leaf {
    const { method, route, statusCode, errorType, scheme } = ended;
    const histogram = this.serverDuration.bind([method, route, statusCode, scheme, errorType]);
    const outcome = statsdOutcome(statusCode, errorType === '' ? undefined : errorType);
    if (this.serverDuration.isOther(histogram)) {
      return this.leaf(this.serverDuration, histogram, outcome, (names, last) => names.handler('', OTHER, last));
    }
    const leaf = this.leaf(this.serverDuration, histogram, outcome, (names, last) =>
      names.handler(method, route, last),
    );
    keep(tree, [method, route, statusCode ?? NO_STATUS, errorType], leaf);
    return leaf;
  }

  private clientLeaf(tree: Tree, ended: ClientEnded & { readonly errorType: string }): Leaf {
    const { method, serverAddress, serverPort, statusCode, errorType } = ended;
    const histogram = this.clientDuration.bind([method, serverAddress, serverPort, statusCode, errorType]);
    const outcome = statsdOutcome(statusCode, errorType === '' ? undefined : errorType);
    if (this.clientDuration.isOther(histogram)) {
      return this.leaf(this.clientDuration, histogram, outcome, (names, last) =>
        names.client('', OTHER, undefined, last),
      );
    }
    const leaf = this.leaf(this.clientDuration, histogram, outcome, (names, last) =>
      names.client(method, serverAddress, serverPort, last),
    );
    keep(tree, [method, serverAddress, statusCode ?? NO_STATUS, errorType], leaf);
    return leaf;
  }

  private leaf(
    family: HistogramFamily,
    histogram: BoundHistogram,
    outcome: ReturnType<typeof statsdOutcome>,
    name: (names: StatsdNames, last: string) => string,
  ): Leaf {
    const { statsd } = this;
    if (statsd === undefined) return { histogram, counter: undefined, timings: undefined, outcomeTimings: undefined };
    const { aggregator, names, tags } = statsd;
    if (names === undefined) {
      // One duration with all labels says everything: the count is that of its values.
      const { labelNames, labelValues } = histogram.point();
      const address = tags.address(family.definition.prometheus, labelNames, labelValues);
      return { histogram, counter: undefined, timings: aggregator.timings(address), outcomeTimings: undefined };
    }
    return {
      histogram,
      counter: aggregator.counter(name(names, outcome)),
      timings: aggregator.timings(name(names, TIMING)),
      outcomeTimings: aggregator.timings(name(names, timingOf(outcome))),
    };
  }
}

function find(tree: Tree, one: string, two: string, three: number, four: string): Leaf | undefined {
  const second = tree.get(one) as Tree | undefined;
  const third = second?.get(two) as Tree | undefined;
  const fourth = third?.get(three) as Tree | undefined;
  return fourth?.get(four) as Leaf | undefined;
}

function keep(tree: Tree, path: readonly (string | number)[], leaf: Leaf): void {
  let branch = tree;
  for (const key of path.slice(0, -1)) {
    let next = branch.get(key) as Tree | undefined;
    if (next === undefined) branch.set(key, (next = new Map()));
    branch = next;
  }
  branch.set(path.at(-1) as string, leaf);
}

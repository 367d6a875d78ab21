/** Metrics that an app declares and observes, on the pages of both formats and in every dialect of StatsD. */
import assert from 'node:assert/strict';
import { StatsdNames } from '../../../lib/codec/statsd-hierarchy.ts';
import { StatsdTags } from '../../../lib/codec/statsd-tags.ts';
import { SightlineError } from '../../../lib/errors.ts';
import { Exposition } from '../../../lib/metrics/exposition.ts';
import { HttpMetrics } from '../../../lib/metrics/http-metrics.ts';
import { MetricRegistry } from '../../../lib/metrics/registry.ts';
import { MAX_PACKET_BYTES, StatsdAggregator } from '../../../lib/metrics/statsd-aggregator.ts';
import type { StatsdTarget } from '../../../lib/metrics/statsd-target.ts';
import { type MetricsApi, UserMetrics } from '../../../lib/metrics/user-metrics.ts';
import { parseExposition } from '../../../lib/stack/ingest/exposition-parser.ts';
import { readStatsdLine } from '../../../lib/stack/ingest/statsd-line.ts';
import { available } from '../../backends/directory.ts';
import { promtoolCheckMetrics } from '../../backends/prometheus.ts';
import { RESOURCE } from '../../metrics/fixtures.ts';
import { parsePage } from '../../metrics/page-parser.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileName, hostileText, plainText } from '../hostile-text.ts';
import { hostileValue } from '../hostile-value.ts';
import { assertUnpolluted } from '../oracles.ts';
import type { Random } from '../random.ts';

/** A page costs a process: one case in so many goes through the real promtool as well. */
const PROMTOOL_EVERY = 100;
const withPromtool = available('promtool') === undefined;
const NUMBERS = [0, 1, -1, 0.5, 1e-9, 1e9, 1e21, 1e308, -0, Number.NaN, Infinity, -Infinity];

function identity(random: Random) {
  const word = (): string => (random.oneIn(2) ? hostileText(random, 300) : plainText(random));
  return { environment: word(), host: word(), service: word(), version: word() };
}

function target(random: Random, aggregator: StatsdAggregator): StatsdTarget {
  const dialect = random.pick(['hierarchy', 'dogstatsd', 'influx'] as const);
  if (dialect === 'hierarchy') return { aggregator, names: new StatsdNames(identity(random)) };
  return {
    aggregator,
    tags: new StatsdTags(dialect, identity(random), random.oneIn(2) ? hostileText(random, 100) : undefined),
  };
}

/** A declaration is taken, or refused with a code. */
function declare<Instrument>(make: () => Instrument): Instrument | undefined {
  try {
    return make();
  } catch (error) {
    assert.ok(error instanceof SightlineError, (error as Error).stack);
    return undefined;
  }
}

/** An amount that a counter takes. */
function counts(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}

/** @returns what the counter must have counted */
function observe(random: Random, user: MetricsApi, labels: readonly string[]): number {
  const name = `m_${plainText(random)}`;
  const help = random.oneIn(2) ? hostileText(random, 300) || 'Help.' : 'Help.';
  const counter = declare(() => user.counter({ name: 'things_total', help: 'Things.', labels }));
  const gauge = declare(() => user.gauge({ name, help, labels }));
  const histogram = declare(() =>
    user.histogram({
      name: `${name}_seconds`,
      help,
      labels,
      ...(random.oneIn(3) && { buckets: random.times(random.size(80), () => random.pick(NUMBERS)) }),
    }),
  );
  declare(() => user.counter(hostileValue(random, 2) as never));
  declare(() =>
    user.gauge({ name: hostileName(random), help: hostileText(random, 100), labels: [hostileName(random)] }),
  );
  let total = 0;
  for (let left = random.size(60); left > 0; left -= 1) {
    const given: Record<string, unknown> = {};
    for (const label of labels) if (!random.oneIn(5)) given[label] = hostileValue(random, 1);
    const with_ = random.oneIn(10) ? (hostileValue(random, 1) as never) : (given as never);
    const value = random.oneIn(4)
      ? (hostileValue(random, 0) as number)
      : random.oneIn(3)
        ? random.pick(NUMBERS)
        : random.below(100);
    // A number in place of labels is the amount.
    if (typeof with_ === 'number') continue;
    counter?.inc(with_, value);
    const amount = value === undefined ? 1 : value;
    if (counter !== undefined && counts(amount)) total += amount;
    gauge?.set(with_, value);
    gauge?.inc(with_, value);
    histogram?.observe(with_, value);
  }
  return total;
}

function requests(random: Random, http: HttpMetrics): void {
  for (let left = random.size(30); left > 0; left -= 1) {
    http.serverStarted('GET', 'http');
    http.serverEnded({
      method: 'GET',
      route: random.oneIn(3) ? undefined : hostileText(random, 300),
      statusCode: random.pick([200, 404, 500, 999, undefined]),
      scheme: 'http',
      errorType: random.oneIn(3) ? hostileText(random, 300) : undefined,
      durationSeconds: random.pick(NUMBERS),
    });
    http.clientEnded({
      method: '_OTHER',
      serverAddress: hostileText(random, 300),
      serverPort: random.pick([undefined, 80, 65_535]),
      statusCode: 200,
      errorType: undefined,
      durationSeconds: random.pick(NUMBERS),
    });
  }
}

function assertPackets(packets: readonly string[]): void {
  for (const packet of packets) {
    const several = packet.includes('\n');
    assert.ok(
      !several || Buffer.byteLength(packet) <= MAX_PACKET_BYTES,
      `a packet of ${Buffer.byteLength(packet)} bytes`,
    );
    for (const line of packet.split('\n')) {
      const read = readStatsdLine(line);
      assert.ok(read !== undefined, `no StatsD: ${JSON.stringify(line).slice(0, 300)}`);
      for (const { value } of read) assert.ok(Number.isFinite(value), line);
    }
  }
}

function sumOf(packets: readonly string[], isCounter: (name: string) => boolean): number {
  let sum = 0;
  for (const line of packets.flatMap((packet) => packet.split('\n')))
    for (const { name, type, value } of readStatsdLine(line) ?? [])
      if (type === 'counter' && isCounter(name)) sum += value;
  return sum;
}

function near(found: number, wanted: number, what: string): void {
  assert.ok(
    found === wanted || Math.abs(found - wanted) <= Math.abs(wanted) * 1e-9 + 1e-4,
    `${what}: ${found}, wanted ${wanted}`,
  );
}

export const METRICS: FuzzTarget = {
  name: 'metrics',
  shortCases: 200,
  async run(random) {
    const registry = new MetricRegistry({ seriesLimit: random.pick([1, 3, 2000]) });
    const user = new UserMetrics(new MetricRegistry({ seriesLimit: random.pick([1, 3, 2000]) }));
    const aggregator = new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 });
    const statsd = target(random, aggregator);
    user.joinStatsd(statsd);
    const exposition = new Exposition({
      registry,
      resource: { ...RESOURCE, ...(random.oneIn(3) && { serviceName: hostileText(random, 300) }) },
      others: [user.registry],
    });
    try {
      requests(random, new HttpMetrics({ registry, statsd }));
      const labels = random.pick([[], ['kind'], ['kind', 'shop'], ['le_', 'x1']]);
      const total = observe(random, user, labels);

      const { body } = await exposition.render(undefined);
      const page = parsePage(body, 'text');
      parseExposition(body, 'text');
      near(
        (page.get('things_total')?.samples ?? []).reduce((all, { value }) => all + value, 0),
        total,
        'counted on the page',
      );
      const open = await exposition.render('application/openmetrics-text; version=1.0.0');
      parsePage(open.body, 'openmetrics');
      parseExposition(open.body, 'openmetrics');
      const packets = aggregator.flush();
      assertPackets(packets);
      if (total < 1e15)
        near(
          sumOf(
            packets,
            (name) => /(?:^|\.)things[._]total(?:\.|$)/.test(name) || name.includes('.custom.things_total.'),
          ),
          total,
          'counted by StatsD',
        );
      if (withPromtool && random.oneIn(PROMTOOL_EVERY)) {
        const { code, output } = await promtoolCheckMetrics(body);
        assert.ok(code === 0 || code === 3, `promtool cannot read the page: ${output.slice(0, 1000)}`);
      }
      assertUnpolluted();
      return body.length + open.body.length + packets.join('').length;
    } finally {
      aggregator.close();
    }
  },
};

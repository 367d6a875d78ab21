import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StatsdTags, type TaggedDialect } from '../../lib/codec/statsd-tags.ts';
import { StatsdStream } from '../../lib/delivery/worker/statsd-stream.ts';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { HttpMetrics } from '../../lib/metrics/http-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { StatsdAggregator } from '../../lib/metrics/statsd-aggregator.ts';
import { StatsdFamilies } from '../../lib/metrics/statsd-families.ts';
import { UserMetrics } from '../../lib/metrics/user-metrics.ts';
import { CATALOGUE } from '../../lib/model/catalogue.ts';
import { available, backendPath } from '../backends/directory.ts';
import { type StatsdExporter, startStatsdExporter } from '../backends/statsd-exporter.ts';
import { eventually } from '../support/wait.ts';
import { RESOURCE } from './fixtures.ts';
import { type ParsedFamily, parsePage } from './page-parser.ts';

const skip = available('statsd-exporter');
const IDENTITY = ['environment', 'instance', 'job', 'service_version', 'container_id'];

function mappingOf(dialect: TaggedDialect): string {
  return fileURLToPath(new URL(`../../deploy/statsd/mapping-${dialect}.yml`, import.meta.url));
}

/** Datagrams under way at most: some 70 KiB, well below the smallest default receive buffer. */
const UDP_WINDOW = 16;

async function received(exporter: StatsdExporter, packets: number): Promise<void> {
  await eventually(`${packets} datagrams received`, async () => {
    const family = parsePage(await exporter.metrics(), 'text').get('statsd_exporter_udp_packets_total');
    return family?.samples[0]?.value === packets ? true : undefined;
  });
}

type Transport = (packets: readonly string[]) => Promise<void>;

/** Waits for each packet to be received: a kernel drops datagrams of a reader that gets no CPU, which is no finding. */
async function overUdp(exporter: StatsdExporter): Promise<{ send: Transport; close: () => Promise<void> }> {
  const socket = createSocket('udp4');
  let sent = 0;
  return {
    async send(packets) {
      for (const packet of packets) {
        await new Promise<void>((resolve, reject) =>
          socket.send(packet, exporter.udpPort, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
        );
        sent += 1;
        if (sent % UDP_WINDOW === 0) await received(exporter, sent);
      }
      await received(exporter, sent);
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

async function overTcp(port: number): Promise<{ send: Transport; close: () => Promise<void> }> {
  let handled = 0;
  let failed = 0;
  const stream = new StatsdStream({
    address: { host: '127.0.0.1', port },
    framing: 'lines',
    onOutcome: (more, lost) => {
      handled += more;
      failed += lost;
    },
  });
  return {
    async send(packets) {
      const goal = handled + packets.length;
      stream.send(packets);
      await eventually('all packets written', () => (handled >= goal ? true : undefined), { pauseMillis: 2 });
      assert.equal(failed, 0);
    },
    close: async () => stream.close(),
  };
}

/** Labels without the identity, sorted, values as `clean` leaves them; empty ones are none. */
function seriesKey(labels: Readonly<Record<string, string>>, clean: (value: string) => string): string {
  return JSON.stringify(
    Object.entries(labels)
      .filter(([name, value]) => value !== '' && !IDENTITY.includes(name))
      .map(([name, value]) => [name, name === 'le' ? value : clean(value)])
      .toSorted(([one], [two]) => (String(one) < String(two) ? -1 : 1)),
  );
}

function totals(
  family: ParsedFamily | undefined,
  suffixes: readonly string[],
  clean: (value: string) => string,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const sample of family?.samples ?? []) {
    const suffix = sample.name.slice(family?.name.length);
    if (!suffixes.includes(suffix)) continue;
    const key = `${suffix} ${seriesKey(sample.labels, clean)}`;
    found[key] = (found[key] ?? 0) + sample.value;
  }
  return found;
}

for (const { dialect, transport, clean } of [
  { dialect: 'dogstatsd', transport: 'udp', clean: (value: string) => value },
  { dialect: 'dogstatsd', transport: 'tcp', clean: (value: string) => value },
  { dialect: 'influx', transport: 'udp', clean: (value: string) => value.replace(/[:|,=[\]\s]/g, '_') },
] as const) {
  test(`${dialect} over ${transport}: a real statsd_exporter has the series of /metrics, label by label`, {
    skip,
    timeout: 60_000,
  }, async (t) => {
    const exporter = await startStatsdExporter(mappingOf(dialect));
    t.after(() => exporter.stop());
    const registry = new MetricRegistry();
    const user = new UserMetrics(new MetricRegistry());
    const exposition = new Exposition({ registry, resource: RESOURCE, others: [user.registry] });
    const aggregator = new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 });
    const tags = new StatsdTags(
      dialect,
      { environment: 'prod', host: 'server1', service: 'shop', version: '1.2.3' },
      dialect === 'dogstatsd' ? 'a'.repeat(64) : undefined,
    );
    const http = new HttpMetrics({ registry, statsd: { aggregator, tags } });
    user.joinStatsd({ aggregator, tags });
    const own = new StatsdFamilies(aggregator, tags);
    aggregator.onPull(() => own.send(registry.collect()));
    const logLines = registry.counter(CATALOGUE.logLines).bind(['info']);
    const orders = user.counter({ name: 'orders_created_total', help: 'Orders.', labels: ['kind', 'shop'] });
    const deep = user.gauge({ name: 'pool_depth', help: 'Depth.', labels: ['pool'] });
    const wait = user.histogram({ name: 'wait_seconds', help: 'Wait.', labels: ['queue'] });
    const { send, close } = await (transport === 'udp' ? overUdp(exporter) : overTcp(exporter.tcpPort));

    let requests = 0;
    for (const burst of [7, 1000, 1, 317]) {
      for (let n = 0; n < burst; n += 1) {
        requests += 1;
        http.serverStarted(n % 2 === 0 ? 'GET' : 'POST', 'http');
        if (n % 50 === 49) continue;
        const statusCode = n % 10 === 0 ? 500 : n % 5 === 0 ? 404 : 200;
        http.serverEnded({
          method: n % 2 === 0 ? 'GET' : 'POST',
          route: n % 7 === 0 ? undefined : n % 3 === 0 ? '/posts/[slug]' : '/orders/:id',
          statusCode: n % 40 === 39 ? undefined : statusCode,
          scheme: 'http',
          errorType: n % 40 === 39 ? 'Error: a,b|c' : undefined,
          durationSeconds: 0.03,
        });
        http.clientEnded({
          method: 'GET',
          serverAddress: '::1',
          serverPort: 8080,
          statusCode: 200,
          errorType: undefined,
          durationSeconds: 0.2,
        });
        logLines.inc();
        orders.inc({ kind: 'c a:r=d', shop: n % 2 === 0 ? 'eu' : '' }, 2);
        deep.set({ pool: 'ä/ö' }, n - 500);
        wait.observe({ queue: 'mail:' }, 0.3);
      }
      aggregator.pull();
      await send(aggregator.flush());
    }
    await close();
    aggregator.close();

    const ours = parsePage((await exposition.render(undefined)).body, 'text');
    const replace = dialect === 'dogstatsd' ? (value: string) => value.replace(/[,|]/g, '_').replace(/:$/, '_') : clean;
    const compared = [
      ['http_server_request_duration_seconds', ['_count', '_bucket']],
      ['http_client_request_duration_seconds', ['_count', '_bucket']],
      ['wait_seconds', ['_count', '_bucket']],
      ['http_server_active_requests', ['']],
      ['sightline_log_lines_total', ['']],
      ['orders_created_total', ['']],
      ['pool_depth', ['']],
    ] as const;
    // The exporter handles lines in batches of its own: what the last packets carried can come a page later.
    const theirs = await eventually(
      'every series of our page',
      async () => {
        const page = parsePage(await exporter.metrics(), 'text');
        for (const [name, suffixes] of compared) {
          assert.ok(Object.keys(totals(ours.get(name), suffixes, replace)).length > 0, name);
          assert.deepEqual(totals(page.get(name), suffixes, replace), totals(ours.get(name), suffixes, replace), name);
        }
        return page;
      },
      { timeoutMillis: 20_000 },
    );
    assert.ok(requests > 1000);
    const sample = theirs.get('http_server_request_duration_seconds')?.samples[0]?.labels;
    assert.deepEqual(
      IDENTITY.map((label) => sample?.[label]),
      ['prod', 'server1', 'shop', '1.2.3', dialect === 'dogstatsd' ? 'a'.repeat(64) : undefined],
    );
    assert.equal(theirs.get('target_info')?.samples[0]?.value, 1);
    for (const counter of ['sample_errors', 'tag_errors', 'events_conflict', 'samples_error'])
      assert.equal(
        (theirs.get(`statsd_exporter_${counter}_total`)?.samples ?? []).reduce((all, { value }) => all + value, 0),
        0,
        counter,
      );
  });
}

test('statsd_exporter accepts the generated mappings', { skip }, async () => {
  for (const dialect of ['dogstatsd', 'influx'] as const) {
    const { stderr } = await promisify(execFile)(backendPath('statsd-exporter'), [
      `--statsd.mapping-config=${mappingOf(dialect)}`,
      '--check-config',
    ]);
    assert.doesNotMatch(stderr, /level=ERROR|never be matched/);
  }
});

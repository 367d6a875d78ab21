import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StatsdNames } from '../../lib/codec/statsd-hierarchy.ts';
import { statsdMapping } from '../../lib/codec/statsd-mapping.ts';
import { HttpMetrics } from '../../lib/metrics/http-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { RuntimeMetrics } from '../../lib/metrics/runtime.ts';
import { StatsdAggregator } from '../../lib/metrics/statsd-aggregator.ts';
import { UserMetrics } from '../../lib/metrics/user-metrics.ts';
import { available, backendPath } from '../backends/directory.ts';
import { type StatsdExporter, startStatsdExporter } from '../backends/statsd-exporter.ts';
import { eventually } from '../support/wait.ts';
import { type ParsedFamily, parsePage } from './page-parser.ts';

const MAPPING = fileURLToPath(new URL('../../deploy/statsd/mapping.yml', import.meta.url));
const skip = available('statsd-exporter');

test('statsd_exporter accepts the generated mapping', { skip }, async () => {
  const { stderr } = await promisify(execFile)(backendPath('statsd-exporter'), [
    `--statsd.mapping-config=${MAPPING}`,
    '--check-config',
  ]);
  assert.doesNotMatch(stderr, /level=ERROR|never be matched/);
});

test('the mapping names only metrics and labels of the catalogue', () => {
  const text = statsdMapping();
  assert.match(text, /name: "http_server_request_duration_seconds"/);
  assert.match(text, /name: "http_client_request_duration_seconds"/);
});

let exporter: StatsdExporter | undefined;

before(async () => {
  if (skip === undefined) exporter = await startStatsdExporter(MAPPING);
});
after(() => exporter?.stop());

test('a real statsd_exporter counts what /metrics counts, under the same names', {
  skip,
  timeout: 120_000,
}, async () => {
  const { udpPort, metrics } = exporter as StatsdExporter;
  const registry = new MetricRegistry();
  const user = new UserMetrics(new MetricRegistry());
  const aggregator = new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 });
  const names = new StatsdNames({ environment: 'prod', host: 'server1', service: 'shop' });
  const http = new HttpMetrics({ registry, statsd: { aggregator, names } });
  user.joinStatsd({ aggregator, names });
  const orders = user.counter({ name: 'orders_created_total', help: 'Orders.', labels: ['kind', 'shop'] });
  const plain = user.counter({ name: 'visits_total', help: 'Visits.' });
  const depth = user.gauge({ name: 'queue_depth', help: 'Depth.' });
  const deep = user.gauge({ name: 'pool_depth', help: 'Depth.', labels: ['pool'] });
  const wait = user.histogram({ name: 'wait_seconds', help: 'Wait.', labels: ['queue'] });
  const size = user.histogram({ name: 'basket_size_bytes', help: 'Size.' });
  const runtime = new RuntimeMetrics();
  runtime.start();
  runtime.joinStatsd({ aggregator, names });

  const socket = createSocket('udp4');
  const send = async (): Promise<void> => {
    for (const packet of aggregator.flush())
      await new Promise<void>((resolve, reject) =>
        socket.send(packet, udpPort, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
      );
  };
  // Several intervals, one of them far above what leaves unsampled.
  for (const burst of [7, 1000, 1, 317]) {
    for (let n = 0; n < burst; n += 1) {
      http.serverStarted('GET', 'http');
      http.serverEnded({
        method: 'GET',
        route: '/orders/:id',
        statusCode: n % 10 === 0 ? 500 : n % 5 === 0 ? 404 : 200,
        scheme: 'http',
        errorType: undefined,
        durationSeconds: 0.03,
      });
      http.clientEnded({
        method: 'GET',
        serverAddress: 'api',
        serverPort: 80,
        statusCode: 200,
        errorType: undefined,
        durationSeconds: 0.2,
      });
      orders.inc({ kind: 'card', shop: 'eu' }, 2);
      plain.inc();
      depth.set(n - 50);
      deep.set({ pool: 'a' }, 5);
      wait.observe({ queue: 'mail' }, 0.3);
      size.observe(4);
    }
    http.serverStarted('GET', 'http');
    http.serverEnded({
      method: 'GET',
      route: undefined,
      statusCode: 404,
      scheme: 'http',
      errorType: undefined,
      durationSeconds: 0.001,
    });
    await send();
  }
  aggregator.pull();
  // What the runtime sets is there once its families were read.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await send();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  aggregator.close();

  const total = 7 + 1000 + 1 + 317;
  const identity = { environment: 'prod', instance: 'server1', job: 'shop' };
  const sum = (
    page: Map<string, ParsedFamily>,
    family: string,
    suffix: string,
    labels: Record<string, string>,
  ): number =>
    (page.get(family)?.samples ?? [])
      .filter(
        (sample) =>
          sample.name === `${family}${suffix}` &&
          Object.entries({ ...identity, ...labels }).every(([label, value]) => sample.labels[label] === value),
      )
      .reduce((all, { value }) => all + value, 0);
  const page = await eventually('all packets', async () => {
    const parsed = parsePage(await metrics(), 'text');
    // The exporter handles lines in batches of its own: what the last packets carried can come a page later.
    return ['visits_total', 'nodejs_process_resident_memory_bytes', 'orders_created_total', 'queue_depth', 'pool_depth']
      .concat('wait_seconds', 'http_client_request_duration_seconds', 'http_server_request_duration_seconds')
      .every((name) => parsed.has(name)) &&
      sum(parsed, 'visits_total', '', {}) === total &&
      sum(parsed, 'orders_created_total', '', {}) === 2 * total &&
      sum(parsed, 'queue_depth', '', {}) === 316 - 50 &&
      sum(parsed, 'wait_seconds', '_count', {}) === total &&
      sum(parsed, 'http_client_request_duration_seconds', '_count', {}) === total &&
      sum(parsed, 'http_server_request_duration_seconds', '_count', {}) === total + 4
      ? parsed
      : undefined;
  });

  // By status class, the same as our own page says.
  const own = { '2xx': 0, '4xx': 0, '5xx': 0 };
  for (const family of registry.collect()) {
    if (family.name !== 'http_server_request_duration_seconds') continue;
    for (const point of family.points) {
      if (point.kind !== 'histogram' || point.labelValues[1] === '') continue;
      const status = `${point.labelValues[2]?.[0]}xx` as keyof typeof own;
      own[status] += [...(point.bucketCounts as Float64Array)].reduce((all, count) => all + count, 0);
    }
  }
  const server = 'http_server_request_duration_seconds';
  for (const [status, count] of Object.entries(own)) {
    assert.equal(
      sum(page, server, '_count', { http_route: 'get_orders_id', http_response_status_code: status }),
      count,
      status,
    );
  }
  assert.equal(sum(page, server, '_count', { http_route: 'get_unmatched', http_response_status_code: '4xx' }), 4);
  assert.equal(sum(page, server, '_count', {}), total + 4, 'nothing twice');
  assert.equal(sum(page, server, '_bucket', { http_route: 'get_orders_id', le: '0.05' }), total);
  assert.equal(
    sum(page, server, '_bucket', { http_route: 'get_orders_id', le: '0.025' }),
    0,
    'milliseconds became seconds',
  );
  assert.equal(
    sum(page, 'http_client_request_duration_seconds', '_count', {
      server_address: 'get_api',
      http_response_status_code: '2xx',
    }),
    total,
  );
  assert.equal(sum(page, 'orders_created_total', '', { labels: 'card_eu' }), 2 * total);
  assert.equal(sum(page, 'queue_depth', '', {}), 316 - 50);
  assert.equal(sum(page, 'pool_depth', '', { labels: 'a' }), 5);
  assert.equal(sum(page, 'wait_seconds', '_count', { labels: 'mail' }), total);
  assert.equal(sum(page, 'wait_seconds', '_bucket', { labels: 'mail', le: '0.5' }), total);
  assert.equal(sum(page, 'basket_size_bytes', '_count', {}), total);
  assert.equal(sum(page, 'basket_size_bytes', '_sum', {}), 4 * total);
  assert.ok(sum(page, 'nodejs_process_resident_memory_bytes', '', {}) > 1e6);
  assert.equal(page.get('nodejs_process_cpu_seconds_total')?.type, 'counter');
  assert.equal(sum(page, 'http_server_active_requests', '', {}), 0);
  for (const family of page.keys()) assert.doesNotMatch(family, /dropped|handlers|clients|prod_/, 'nothing unmapped');
  assert.equal(
    (page.get('statsd_exporter_events_conflict_total')?.samples ?? []).reduce((all, { value }) => all + value, 0),
    0,
  );
  assert.equal(
    (page.get('statsd_exporter_sample_errors_total')?.samples ?? []).reduce((all, { value }) => all + value, 0),
    0,
  );
});

/** The stack takes what unmodified clients send: pino-elasticsearch, OpenTelemetry's Zipkin exporter, hot-shots. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { eventually, runningStack } from './running-stack.ts';

const load = createRequire(import.meta.url);
const json = async (url: string): Promise<any> => (await fetch(url)).json();

test('pino with pino-elasticsearch, into a data stream and into an index', async () => {
  await using stack = await runningStack();
  const pino = load('pino');
  const pinoElastic = load('pino-elasticsearch');
  for (const options of [{ index: 'logs-shop-dev', opType: 'create' }, { index: 'plain' }]) {
    const stream = pinoElastic({
      node: `${stack.url}/elasticsearch`,
      esVersion: 8,
      flushBytes: 200,
      flushInterval: 200,
      ...options,
    });
    const troubles: unknown[] = [];
    for (const event of ['error', 'insertError', 'unknown']) stream.on(event, (error: unknown) => troubles.push(error));
    const log = pino({ name: 'shop' }, stream);
    for (let index = 0; index < 20; index += 1)
      log.info({ 'correlation.id': 'cart-7', trace_id: 'a'.repeat(32), index }, 'line');
    const search = `${stack.url}/elasticsearch/${options.index}/_search?size=50`;
    const { hits } = await eventually(async () => {
      const answer = await json(search);
      return answer.hits?.total?.value === 20 && answer;
    }, `20 lines in ${options.index}`);
    assert.equal(hits.hits[0]._source.msg, 'line');
    assert.deepEqual(troubles, []);
    stream.end();
  }
  const view = await json(`${stack.url}/api/sightline/correlation/cart-7`);
  assert.equal(view.logs.length, 40);
  assert.deepEqual(view.traceIds, ['a'.repeat(32)]);
});

test("OpenTelemetry's own Zipkin exporter", async () => {
  await using stack = await runningStack();
  const { ZipkinExporter } = load('@opentelemetry/exporter-zipkin');
  const { NodeSDK } = load('@opentelemetry/sdk-node');
  const { trace, SpanStatusCode } = load('@opentelemetry/api');
  const sdk = new NodeSDK({
    serviceName: 'stock',
    traceExporter: new ZipkinExporter({ url: `${stack.url}/zipkin/api/v2/spans` }),
    instrumentations: [],
  });
  sdk.start();
  const span = trace.getTracer('test').startSpan('GET /x', { attributes: { 'correlation.id': 'cart-8' } });
  span.recordException(new Error('boom'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'boom' });
  span.end();
  await sdk.shutdown();
  const view = await json(`${stack.url}/api/sightline/correlation/cart-8`);
  assert.deepEqual([view.services, view.spans[0].name, view.errors[0].message], [['stock'], 'GET /x', 'boom']);
});

test('hot-shots over UDP', async () => {
  await using stack = await runningStack({
    nativePorts: { zipkin: 0, elasticsearch: 0, prometheus: 0, otlp: 0, statsd: 0 },
  });
  const StatsD = load('hot-shots');
  const client = new StatsD({
    host: '127.0.0.1',
    port: stack.nativePorts.statsd,
    prefix: 'prod.server1.shop.handlers.',
  });
  client.increment('list.ok');
  client.increment('list.ok', 4);
  client.timing('list.timing', 250);
  client.gauge('queue', 7);
  client.set('users', 'ada');
  await new Promise((resolve) => client.close(resolve));
  await eventually(
    async () =>
      /^sightline_stack_statsd_lines_received_total 5$/m.test(await (await fetch(`${stack.url}/metrics`)).text()),
    'five lines',
  );
  // What was gathered goes to the store when the receiver flushes, at the latest every five seconds.
  const found = await eventually(
    async () => {
      const answer = await json(`${stack.url}/prometheus/api/v1/query?query=${encodeURIComponent('{job="statsd"}')}`);
      return answer.data.result.length > 0 && answer.data.result;
    },
    'the flush',
    15_000,
  );
  const values = Object.fromEntries(
    found
      .filter((series: { metric: Record<string, string> }) => series.metric['quantile'] === undefined)
      .map((series: { metric: Record<string, string>; value: [number, string] }) => [
        series.metric['__name__'],
        series.value[1],
      ]),
  );
  assert.deepEqual(values, {
    prod_server1_shop_handlers_list_ok: '5',
    prod_server1_shop_handlers_list_timing_sum: '0.25',
    prod_server1_shop_handlers_list_timing_count: '1',
    prod_server1_shop_handlers_queue: '7',
    prod_server1_shop_handlers_users: '1',
  });
});

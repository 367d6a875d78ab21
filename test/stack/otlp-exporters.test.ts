/** OpenTelemetry's own exporters, as they are, into the stack: every signal, both forms, with compression. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { eventually, runningStack } from './running-stack.ts';

const json = async (url: string): Promise<any> => (await fetch(url)).json();

const FIXTURES = [
  {
    name: 'of this repository',
    directory: new URL('.', import.meta.url).pathname,
    missing: undefined,
    forms: ['proto', 'http'],
  },
  ...['otel-1', 'otel-contrib'].map((folder) => ({ name: folder, ...npmFixture(folder), forms: ['proto', 'http'] })),
];

for (const { name, directory, missing, forms } of FIXTURES) {
  for (const form of forms) {
    test(`traces, logs and metrics by exporter-*-otlp-${form}, ${name}`, { skip: missing }, async () => {
      await using stack = await runningStack();
      const load = createRequire(join(directory, 'x.js'));
      const sdkPackage = createRequire(load.resolve('@opentelemetry/sdk-node'));
      const api = load('@opentelemetry/api');
      // Part of the API itself since 1.10.
      const loggers = api.logs ?? sdkPackage('@opentelemetry/api-logs').logs;
      using globals = new DisposableStack();
      for (const registered of [api.trace, api.metrics, api.context, api.propagation, loggers])
        globals.defer(() => registered.disable());
      // The API refuses to register beside another version of itself.
      globals.defer(() => void Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1')));
      const { NodeSDK } = load('@opentelemetry/sdk-node');
      const resources = sdkPackage('@opentelemetry/resources');
      const { SimpleLogRecordProcessor } = sdkPackage('@opentelemetry/sdk-logs');
      const { PeriodicExportingMetricReader } = sdkPackage('@opentelemetry/sdk-metrics');
      const { OTLPTraceExporter } = sdkPackage(`@opentelemetry/exporter-trace-otlp-${form}`);
      const { OTLPLogExporter } = sdkPackage(`@opentelemetry/exporter-logs-otlp-${form}`);
      const { OTLPMetricExporter } = sdkPackage(`@opentelemetry/exporter-metrics-otlp-${form}`);
      const url = (signal: string) => ({ url: `${stack.url}/otlp/v1/${signal}`, compression: 'gzip' });
      const attributes = {
        'service.name': 'stock',
        'service.instance.id': 'i-1',
        'deployment.environment.name': 'test',
      };
      const resource = resources.resourceFromAttributes?.(attributes) ?? new resources.Resource(attributes);
      const metricReader = new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter(url('metrics')),
        exportIntervalMillis: 3_600_000,
      });
      const sdk = new NodeSDK({
        resource,
        autoDetectResources: false,
        traceExporter: new OTLPTraceExporter(url('traces')),
        // Its name until 0.2xx, and since.
        metricReader,
        metricReaders: [metricReader],
        logRecordProcessors: [processorOf(SimpleLogRecordProcessor, new OTLPLogExporter(url('logs')))],
        instrumentations: [],
      });
      sdk.start();
      const span = api.trace.getTracer('shop', '1.2').startSpan('GET /x', {
        kind: api.SpanKind.CLIENT,
        attributes: { 'correlation.id': 'cart-9', 'server.address': 'bank', list: ['a', 'b'], ok: true },
      });
      span.recordException(new Error('boom'));
      span.setStatus({ code: api.SpanStatusCode.ERROR, message: 'it failed' });
      span.end();
      const { traceId } = span.spanContext();
      const counter = api.metrics.getMeter('shop').createCounter('orders.placed', { unit: '{order}' });
      counter.add(3, { kind: 'new' });
      loggers.getLogger('shop').emit({
        severityNumber: 17,
        severityText: 'ERROR',
        body: 'charge failed',
        attributes: { 'correlation.id': 'cart-9', 'exception.type': 'BankError' },
      });
      await sdk.shutdown();

      const view = await eventually(async () => {
        const answer = await json(`${stack.url}/api/sightline/correlation/cart-9`);
        return answer.spans?.length === 1 && answer.logs?.length === 1 && answer;
      }, 'the span and the line');
      assert.deepEqual(view.traceIds, [traceId]);
      const [kept] = view.spans;
      assert.equal(kept.localEndpoint.serviceName, 'stock');
      assert.deepEqual(kept.remoteEndpoint, { serviceName: 'bank' });
      assert.equal(kept.kind, 'CLIENT');
      assert.deepEqual(
        [kept.tags.list, kept.tags.ok, kept.tags.error, kept.tags['otel.status_code'], kept.tags['exception.message']],
        ['["a","b"]', 'true', 'it failed', 'ERROR', 'boom'],
      );
      assert.deepEqual([kept.tags['otel.scope.name'], kept.tags['service.instance.id']], ['shop', 'i-1']);
      assert.deepEqual(
        [
          'message',
          'log.level',
          'service.name',
          'service.environment',
          'error.type',
          'log.logger',
          'data_stream.dataset',
        ].map((field) => view.logs[0][field]),
        ['charge failed', 'ERROR', 'stock', 'test', 'BankError', 'shop', 'stock'],
      );
      const streams = await json(`${stack.url}/elasticsearch/logs-stock-test/_search`);
      assert.equal(streams.hits.total.value, 1);
      const { data } = await json(`${stack.url}/prometheus/api/v1/query?query=orders_placed_total`);
      assert.deepEqual(
        data.result.map((series: any) => [series.metric, series.value[1]]),
        [[{ __name__: 'orders_placed_total', job: 'stock', instance: 'i-1', kind: 'new' }, '3']],
      );
      assert.deepEqual(stack.warnings, []);
    });
  }
}

/** The constructor took the exporter itself until SDK 2. */
function processorOf(Processor: new (options: unknown) => object, exporter: object): object {
  return new Processor(Object.assign(exporter, { exporter }));
}

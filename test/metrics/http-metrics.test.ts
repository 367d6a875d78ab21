import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsdNames } from '../../lib/codec/statsd-hierarchy.ts';
import { HttpMetrics, type ServerEnded } from '../../lib/metrics/http-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { RollingFacts } from '../../lib/metrics/rolling-facts.ts';
import { StatsdAggregator } from '../../lib/metrics/statsd-aggregator.ts';
import type { HistogramPoint, NumberPoint } from '../../lib/model/metric-points.ts';
import { SPAN_ID, TRACE_ID } from './fixtures.ts';

const ENDED: ServerEnded = {
  method: 'GET',
  route: '/orders/:id',
  statusCode: 200,
  scheme: 'http',
  errorType: undefined,
  durationSeconds: 0.01,
};

function setUp({ seriesLimit = 2000, statsd = false }: { seriesLimit?: number; statsd?: boolean } = {}) {
  const registry = new MetricRegistry({ seriesLimit });
  const aggregator = new StatsdAggregator({ send: () => {}, intervalMillis: 1_000_000 });
  const names = new StatsdNames({ environment: 'prod', host: 'server1', service: 'shop' });
  const rolling = new RollingFacts();
  const http = new HttpMetrics({ registry, rolling, ...(statsd ? { statsd: { aggregator, names } } : {}) });
  const series = (metric: string): [string, number][] => {
    const family = [...registry.collect()].find(({ name }) => name === metric);
    return [...(family?.points ?? [])].map((point) => [
      point.labelValues.join(' | '),
      point.kind === 'histogram'
        ? [...(point.bucketCounts as Float64Array)].reduce((a, b) => a + b, 0)
        : (point as NumberPoint).value,
    ]);
  };
  return { registry, aggregator, rolling, http, series };
}

test('server: labels by the semantic conventions', () => {
  const { http, series } = setUp();
  const ends: ServerEnded[] = [
    ENDED,
    ENDED,
    { ...ENDED, route: undefined, statusCode: 404 },
    { ...ENDED, method: 'get' },
    { ...ENDED, method: 'BREW', scheme: 'https' },
    { ...ENDED, statusCode: 503 },
    { ...ENDED, statusCode: 500, errorType: 'TypeError' },
    { ...ENDED, statusCode: undefined, errorType: 'aborted' },
    { ...ENDED, scheme: 'gopher', route: '' },
  ];
  for (const end of ends) {
    http.serverStarted(end.method, end.scheme);
    http.serverEnded(end);
  }
  assert.deepEqual(series('http_server_request_duration_seconds'), [
    ['GET | /orders/:id | 200 | http | ', 2],
    ['GET |  | 404 | http | ', 1],
    ['_OTHER | /orders/:id | 200 | http | ', 1],
    ['_OTHER | /orders/:id | 200 | https | ', 1],
    ['GET | /orders/:id | 503 | http | 503', 1],
    ['GET | /orders/:id | 500 | http | TypeError', 1],
    ['GET | /orders/:id |  | http | aborted', 1],
    ['GET |  | 200 | http | ', 1],
  ]);
  assert.deepEqual(
    series('http_server_active_requests').map(([, value]) => value),
    [0, 0, 0],
  );
  http.serverStarted('GET', 'http');
  http.serverStarted('GET', 'http');
  assert.deepEqual(series('http_server_active_requests')[0], ['GET | http', 2]);
});

test('client: labels by the semantic conventions', () => {
  const { http, series } = setUp();
  const end = {
    method: 'GET',
    serverAddress: 'api',
    serverPort: 80,
    statusCode: 200 as number | undefined,
    errorType: undefined as string | undefined,
    durationSeconds: 0.1,
  };
  for (const one of [
    end,
    { ...end, serverPort: 81 },
    { ...end, statusCode: 404 },
    { ...end, statusCode: undefined, errorType: 'ECONNREFUSED' },
    { ...end, serverPort: undefined },
    end,
  ])
    http.clientEnded(one);
  assert.deepEqual(series('http_client_request_duration_seconds'), [
    ['GET | api | 80 | 200 | ', 2],
    ['GET | api | 81 | 200 | ', 1],
    ['GET | api | 80 | 404 | 404', 1],
    ['GET | api | 80 |  | ECONNREFUSED', 1],
    ['GET | api |  | 200 | ', 1],
  ]);
});

test('rolling facts and exemplars come from the same call', () => {
  const { registry, http, rolling } = setUp();
  http.serverStarted('GET', 'http');
  http.serverEnded({ ...ENDED, traceId: TRACE_ID, spanId: SPAN_ID, endMillis: performance.now() });
  http.serverStarted('GET', 'http');
  http.serverEnded({ ...ENDED, statusCode: 500 });
  assert.equal(rolling.snapshot().requests, 2);
  assert.equal(rolling.snapshot().badRequests['5xx'], 1);
  const family = [...registry.collect()].find(({ name }) => name === 'http_server_request_duration_seconds');
  const exemplar = ([...(family?.points ?? [])][0] as HistogramPoint).exemplars?.find((one) => one !== undefined);
  assert.deepEqual(exemplar?.labelValues, [TRACE_ID, SPAN_ID]);
  assert.ok(Math.abs((exemplar?.timeSeconds ?? 0) - Date.now() / 1000) < 60);
});

test('beyond the series limit: one series, exact totals, nothing remembered', () => {
  const { http, series, aggregator } = setUp({ seriesLimit: 2, statsd: true });
  for (let n = 0; n < 100; n += 1) {
    http.serverEnded({ ...ENDED, route: `/r${n}` });
    http.clientEnded({
      method: 'GET',
      serverAddress: `host${n}`,
      serverPort: 80,
      statusCode: 200,
      errorType: undefined,
      durationSeconds: 0.1,
    });
  }
  const other = Array.from({ length: 5 }, () => '__other__').join(' | ');
  assert.deepEqual(series('http_server_request_duration_seconds'), [
    ['GET | /r0 | 200 | http | ', 1],
    ['GET | /r1 | 200 | http | ', 1],
    [other, 98],
  ]);
  assert.deepEqual(series('http_client_request_duration_seconds').at(-1), [other, 98]);
  const lines = aggregator.flush().flatMap((packet) => packet.split('\n'));
  assert.ok(lines.includes('prod.server1.shop.handlers.other.ok:98|c'));
  assert.equal(new Set(lines.map((line) => line.split(':')[0]).filter((name) => name?.includes('.handlers.'))).size, 9);
  aggregator.close();
});

test('StatsD: outcome, duration, duration by outcome; requests being served with the runtime', () => {
  const { http, aggregator } = setUp({ statsd: true });
  http.serverStarted('GET', 'http');
  http.serverEnded(ENDED);
  http.serverEnded({ ...ENDED, statusCode: 404 });
  http.serverEnded({ ...ENDED, statusCode: undefined, errorType: 'aborted' });
  http.clientEnded({
    method: 'GET',
    serverAddress: 'api',
    serverPort: 8080,
    statusCode: 200,
    errorType: undefined,
    durationSeconds: 1,
  });
  http.serverStarted('GET', 'http');
  http.serverStarted('POST', 'https');
  http.serverStarted('POST', 'https');
  aggregator.pull();
  const lines = aggregator.flush().flatMap((packet) => packet.split('\n'));
  const own = lines
    .filter((line) => line.startsWith('prod.server1.shop.handlers.get_orders_id.'))
    .map((line) => line.slice('prod.server1.shop.handlers.get_orders_id.'.length));
  assert.deepEqual(own.sort(), [
    'bad_request:1|c',
    'error:1|c',
    'ok:1|c',
    'timing:10|ms',
    'timing:10|ms',
    'timing:10|ms',
    'timing_bad_request:10|ms',
    'timing_error:10|ms',
    'timing_ok:10|ms',
  ]);
  assert.ok(lines.includes('prod.server1.shop.clients.get_api_8080.timing_ok:1000|ms'));
  assert.ok(lines.includes('prod.server1.shop.runtime.http_server_active_requests.value:1|g'), 'started less ended');
  aggregator.close();
});

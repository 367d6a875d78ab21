/** OTLP/HTTP as its specification has it: statuses, content types, partial success, and what becomes of what was sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeTraces, parsePartialSuccess, type ResourceSpans } from '../../lib/codec/otlp.ts';
import { readProtobuf } from '../../lib/codec/protobuf.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject, fixture } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually, runningStack } from './running-stack.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const NOW = Date.now();
const nanos = (millis: number) => `${millis}000000`;
const text = (value: string) => ({ stringValue: value });

const post = (url: string, body: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
  fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : new Uint8Array(body) });
const get = async (url: string): Promise<any> => (await fetch(url)).json();

function span(change: object = {}): object {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    name: 'GET /x',
    kind: 2,
    startTimeUnixNano: nanos(NOW),
    endTimeUnixNano: nanos(NOW + 5),
    ...change,
  };
}

const traces = (...spans: object[]) =>
  JSON.stringify({
    resourceSpans: [
      { resource: { attributes: [{ key: 'service.name', value: text('Shop') }] }, scopeSpans: [{ scope: {}, spans }] },
    ],
  });

test('statuses and content types', async () => {
  await using stack = await runningStack({
    nativePorts: { zipkin: 0, elasticsearch: 0, prometheus: 0, otlp: 0, statsd: 0 },
  });
  const url = `http://127.0.0.1:${stack.nativePorts.otlp}/v1/traces`;
  const taken = await post(url, traces(span()));
  assert.deepEqual(
    [taken.status, taken.headers.get('content-type'), await taken.text()],
    [200, 'application/json', '{}'],
  );
  const protobuf = { 'content-type': 'application/x-protobuf' };
  const bytes = encodeTraces((JSON.parse(traces(span())) as { resourceSpans: ResourceSpans[] }).resourceSpans);
  const binary = await post(url, gzipSync(bytes), { ...protobuf, 'content-encoding': 'gzip' });
  assert.deepEqual(
    [binary.status, binary.headers.get('content-type'), (await binary.arrayBuffer()).byteLength],
    [200, 'application/x-protobuf', 0],
  );
  const broken = await post(url, '{"resourceSpans":7}', { 'content-type': 'application/json; charset=utf-8' });
  assert.deepEqual(
    [broken.status, await broken.json()],
    [400, { code: 3, message: 'cannot read the request: got number 7 at $.resourceSpans, wanted a list' }],
  );
  const cut = await post(url, bytes.subarray(0, -1), protobuf);
  const status = readProtobuf(Buffer.from(await cut.arrayBuffer()));
  assert.equal(cut.status, 400);
  assert.equal(cut.headers.get('content-type'), 'application/x-protobuf');
  assert.deepEqual(status[0], { field: 1, value: 3n });
  assert.match(String(status[1]?.value), /cut off/);
  assert.equal(
    (await post(url, gzipSync(Buffer.alloc(33 * 1024 ** 2, ' ')), { ...JSON_TYPE, 'content-encoding': 'gzip' })).status,
    413,
  );
  assert.equal((await post(url, 'x', { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await post(url.replace('traces', 'profiles'), '{}')).status, 404);
  const wrong = await fetch(url);
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST']);
  assert.equal((await post(url, '{}')).status, 200, 'an empty request is fine');
});

test('spans without valid IDs are refused by partial success, the others kept', async () => {
  await using stack = await runningStack();
  const body = traces(span(), span({ traceId: '0'.repeat(32) }), span({ spanId: 'abcd' }), span({ spanId: undefined }));
  const answer = await post(`${stack.url}/otlp/v1/traces`, body);
  assert.deepEqual(parsePartialSuccess('application/json', Buffer.from(await answer.clone().text())), {
    rejected: 3,
    message:
      'got a span without a valid trace ID, wanted 16 bytes, not all zero; got a span without a valid span ID, wanted 8 bytes, not all zero',
  });
  assert.equal(answer.status, 200);
  assert.equal((await get(`${stack.url}/zipkin/api/v2/trace/0af7651916cd43dd8448eb211c80319c`)).length, 1);
});

test('a span as Zipkin has it', async () => {
  await using stack = await runningStack();
  const full = span({
    kind: 3,
    parentSpanId: '00f067aa0ba902b7',
    traceState: 'a=b',
    attributes: [
      { key: 'peer.service', value: text('Bank') },
      { key: 'network.peer.address', value: text('10.0.0.7') },
      { key: 'network.peer.port', value: { intValue: '5432' } },
      { key: 'error', value: { boolValue: false } },
      { key: '__proto__', value: text('kept') },
    ],
    events: [
      { timeUnixNano: nanos(NOW + 1), name: 'retry' },
      { timeUnixNano: nanos(NOW + 2), name: 'cache.miss', attributes: [{ key: 'key', value: text('k') }] },
      {
        timeUnixNano: nanos(NOW + 3),
        name: 'exception',
        attributes: [{ key: 'exception.message', value: text('boom') }],
      },
    ],
    links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }],
    droppedEventsCount: 2,
    status: { code: 1 },
  });
  await post(`${stack.url}/otlp/v1/traces`, traces(full));
  const [kept] = await get(`${stack.url}/zipkin/api/v2/trace/0af7651916cd43dd8448eb211c80319c`);
  assert.equal(JSON.stringify(kept.tags).includes('"__proto__":"kept"'), true);
  assert.deepEqual(JSON.parse(JSON.stringify(kept, (key, value) => (key === '__proto__' ? undefined : value))), {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentId: '00f067aa0ba902b7',
    id: 'b7ad6b7169203331',
    kind: 'CLIENT',
    name: 'get /x',
    timestamp: NOW * 1000,
    duration: 5000,
    localEndpoint: { serviceName: 'shop' },
    remoteEndpoint: { serviceName: 'bank', ipv4: '10.0.0.7', port: 5432 },
    annotations: [
      { timestamp: (NOW + 1) * 1000, value: 'retry' },
      { timestamp: (NOW + 2) * 1000, value: '"cache.miss": {"key":"k"}' },
      { timestamp: (NOW + 3) * 1000, value: 'exception' },
    ],
    tags: {
      'peer.service': 'Bank',
      'network.peer.address': '10.0.0.7',
      'network.peer.port': '5432',
      'exception.message': 'boom',
      'otel.status_code': 'OK',
      'w3c.tracestate': 'a=b',
      'otel.dropped_events_count': '2',
      'otlp.link.0': `${'a'.repeat(32)}|${'b'.repeat(16)}||{}|0`,
    },
  });
});

test('log records find their data stream, and one with a UID is kept once', async () => {
  await using stack = await runningStack();
  const logs = (attributes: object[], resource: object[], record: object = {}) =>
    post(
      `${stack.url}/otlp/v1/logs`,
      JSON.stringify({
        resourceLogs: [
          {
            resource: { attributes: resource },
            scopeLogs: [
              { logRecords: [{ timeUnixNano: '1700000000123456789', severityNumber: 14, attributes, ...record }] },
            ],
          },
        ],
      }),
    );
  const attribute = (key: string, value: string) => ({ key, value: text(value) });
  await logs([], []);
  await logs([], [attribute('service.name', '@Acme/Shop'), attribute('deployment.environment', 'Prod-1')]);
  await logs([attribute('data_stream.dataset', 'nginx.access'), attribute('data_stream.namespace', 'eu')], []);
  for (let attempt = 0; attempt < 2; attempt += 1)
    await logs([attribute('log.record.uid', 'u-1')], [], { body: { kvlistValue: { values: [attribute('a', 'b')] } } });
  const hits = async (stream: string) => (await get(`${stack.url}/elasticsearch/${stream}/_search`)).hits.hits;
  const [first, second] = (await hits('logs-generic-default')).toSorted((one: any) => (one._id === 'u-1' ? 1 : -1));
  assert.equal((await hits('*')).length, 4);
  assert.deepEqual(
    [first._source['@timestamp'], first._source['log.level'], second._source.message],
    ['2023-11-14T22:13:20.123456789Z', 'warn', '{"a":"b"}'],
  );
  const [shop] = await hits('logs-_acme_shop-prod_1');
  assert.deepEqual(
    ['service.name', 'service.environment', 'event.dataset', 'data_stream.namespace'].map(
      (field) => shop._source[field],
    ),
    ['@Acme/Shop', 'Prod-1', '_acme_shop', 'prod_1'],
  );
  assert.equal((await hits('logs-nginx.access-eu')).length, 1);
});

test('deltas add up, once each; what has no place in Prometheus is refused with its reason', async () => {
  await using stack = await runningStack();
  const at = (millis: number) => NOW - 60_000 + millis;
  const metric = async (body: object) =>
    (await (
      await post(
        `${stack.url}/otlp/v1/metrics`,
        JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [body] }] }] }),
      )
    ).json()) as { partialSuccess?: { rejectedDataPoints: string; errorMessage: string } };
  const delta = (start: number, end: number, value: number) =>
    metric({
      name: 'jobs',
      sum: {
        aggregationTemporality: 1,
        isMonotonic: true,
        dataPoints: [{ startTimeUnixNano: nanos(at(start)), timeUnixNano: nanos(at(end)), asInt: String(value) }],
      },
    });
  const histogram = (start: number, counts: readonly string[], bounds: readonly number[]) =>
    metric({
      name: 'size',
      histogram: {
        aggregationTemporality: 1,
        dataPoints: [
          {
            startTimeUnixNano: nanos(at(start)),
            timeUnixNano: nanos(at(start + 1000)),
            count: String(counts.reduce((sum, count) => sum + Number(count), 0)),
            sum: 10,
            bucketCounts: counts,
            explicitBounds: bounds,
          },
        ],
      },
    });
  const value = async (query: string) => {
    const { data } = await get(
      `${stack.url}/prometheus/api/v1/query?query=${encodeURIComponent(query)}&time=${NOW / 1000}`,
    );
    return data.result[0]?.value[1];
  };
  assert.deepEqual(await delta(0, 1000, 3), {});
  assert.deepEqual(await delta(1000, 2000, 4), {});
  assert.deepEqual(await delta(1000, 2000, 4), {}, 'sent again after a lost answer');
  assert.deepEqual(await delta(1500, 2500, 9), {
    partialSuccess: {
      rejectedDataPoints: '1',
      errorMessage: 'jobs_total: got a delta that begins before the end of the one before it',
    },
  });
  assert.equal(await value('jobs_total'), '7');
  await histogram(0, ['1', '2'], [5]);
  await histogram(1000, ['1', '0'], [5]);
  assert.deepEqual(
    [await value('size_bucket{le="5"}'), await value('size_count'), await value('size_sum')],
    ['2', '4', '20'],
  );
  await histogram(2000, ['1', '1'], [7]);
  assert.deepEqual(
    [await value('size_count'), await value('size_bucket{le="7"}')],
    ['2', '1'],
    'other bounds begin anew',
  );
  const refused = await metric({
    name: 'e',
    exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{}, {}] },
  });
  assert.equal(refused.partialSuccess?.rejectedDataPoints, '2');
  assert.match(refused.partialSuccess?.errorMessage ?? '', /^e: got an exponential histogram, wanted explicit bounds/);
  const unspecified = await metric({ name: 'u', sum: { dataPoints: [{ asInt: '1' }] } });
  assert.match(unspecified.partialSuccess?.errorMessage ?? '', /got aggregation temporality 0/);
});

test('a point without a value ends its series; exemplars lead to their trace', async () => {
  await using stack = await runningStack();
  const traceId = 'c'.repeat(32);
  const sum = (point: object) =>
    post(
      `${stack.url}/otlp/v1/metrics`,
      JSON.stringify({
        resourceMetrics: [
          {
            scopeMetrics: [
              { metrics: [{ name: 'n', sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [point] } }] },
            ],
          },
        ],
      }),
    );
  const exemplars = [{ timeUnixNano: nanos(NOW), asDouble: 0.25, traceId, spanId: 'd'.repeat(16) }];
  await sum({ timeUnixNano: nanos(NOW), asDouble: 5, exemplars });
  const query = (seconds: number) => get(`${stack.url}/prometheus/api/v1/query?query=n_total&time=${seconds}`);
  assert.equal((await query(NOW / 1000 + 1)).data.result.length, 1);
  await sum({ timeUnixNano: nanos(NOW + 2000), flags: 1 });
  assert.equal((await query(NOW / 1000 + 3)).data.result.length, 0);
  const { data } = await get(
    `${stack.url}/prometheus/api/v1/query_exemplars?query=n_total&start=${NOW / 1000 - 9}&end=${NOW / 1000 + 9}`,
  );
  assert.deepEqual(data[0].exemplars[0].labels, { trace_id: traceId, span_id: 'd'.repeat(16) });
});

test('the one line in OTLP mode: the same picture as by Zipkin and Elasticsearch', async () => {
  await using stack = await runningStack();
  const project = createProject({
    name: 'order-service',
    packages: ['express', 'pino'],
    files: { 'app.mjs': fixture('loading/express-5.mjs') },
  });
  const pictures: { spans: any[]; logs: any[] }[] = [];
  for (const env of [
    {
      OTEL_TRACES_EXPORTER: 'otlp',
      SIGHTLINE_LOGS: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: `${stack.url}/otlp`,
      SIGHTLINE_STACK_URL: undefined,
    },
    { SIGHTLINE_STACK_URL: stack.url },
  ]) {
    const id = `picture-${pictures.length}`;
    const child = startChild({
      cwd: project,
      args: ['--import', 'sightline/register', 'app.mjs'],
      env: {
        ...env,
        SIGHTLINE_ENVIRONMENT: 'test',
        SIGHTLINE_ADMIN_PORT: 'off',
        SIGHTLINE_METRICS: 'prometheus',
        SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      },
    });
    const [, port] = await child.line(/listening (\d+)/);
    await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': id } });
    pictures.push(
      await eventually(
        async () => {
          const view = await get(`${stack.url}/api/sightline/correlation/${id}`);
          return view.spans?.length === 1 && view.logs?.length === 2 && view;
        },
        'a span and two lines',
        60_000,
      ),
    );
    await child.stop();
  }
  const [byOtlp, byBackends] = pictures.map(({ spans, logs }) => ({
    span: [spans[0].name, spans[0].kind, spans[0].localEndpoint, spans[0].tags['http.route']],
    logs: logs.map((line) => {
      const {
        '@timestamp': _,
        'trace.id': __,
        'span.id': ___,
        'correlation.id': ____,
        'process.pid': _____,
        ...rest
      } = line;
      return {
        ...rest,
        message: line.message.replace(/ \d+ms$/, ''),
        'http.request.id': '',
        'service.node.name': '',
        'event.duration': 0,
      };
    }),
  }));
  assert.deepEqual(byOtlp, byBackends);
  assert.deepEqual(stack.warnings, []);
});

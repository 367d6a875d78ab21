import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { lintMetrics } from '../../lib/codec/lint/lint-metrics.ts';
import { groupOfUrl } from '../../lib/stack/ingest/scrape-targets.ts';
import { eventually, metricsServer, runningStack, sendSample } from './running-stack.ts';
import { CORRELATION_ID, TRACE_ID } from './sample-request.ts';

const json = async (url: string): Promise<any> => (await fetch(url)).json();

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('one ID: spans, lines, exemplars and errors of all services, one time line', async () => {
  await using metrics = await metricsServer();
  await using stack = await runningStack({ scrape: [groupOfUrl(metrics.url)], scrapeMillis: 200 });
  const started = Date.now() * 1000;
  await sendSample(stack.url, started);
  const api = `${stack.url}/api/sightline/correlation`;
  const view = await eventually(async () => {
    const found = await json(`${api}/${encodeURIComponent(CORRELATION_ID)}`);
    return found.exemplars.length > 0 && found;
  }, 'the exemplar');
  assert.equal(view.id, CORRELATION_ID);
  assert.deepEqual(view.traceIds, [TRACE_ID]);
  assert.deepEqual(view.services, ['storefront', 'orders', 'payments']);
  assert.deepEqual([view.spans.length, view.logs.length, view.exemplars.length, view.truncated], [5, 6, 1, false]);
  assert.deepEqual([view.startedAt, view.durationMicros], [started, 184_000]);
  assert.equal(view.spans[0].name, 'POST /checkout', 'names keep their case here');
  const times = view.timeline.map((moment: { at: number }) => moment.at);
  assert.deepEqual(
    times,
    times.toSorted((one: number, other: number) => one - other),
  );
  assert.equal(view.timeline.length, 12);
  assert.deepEqual(
    view.errors.map((error: { source: string; service: string; type?: string; message: string }) => [
      error.source,
      error.service,
      error.type,
      error.message,
    ]),
    [
      ['log', 'payments', 'BankUnavailable', 'the bank gave 503 twice'],
      ['span', 'payments', 'BankUnavailable', 'the bank gave 503 twice'],
      ['span', 'orders', undefined, '502'],
      ['span', 'storefront', undefined, '502'],
      ['log', 'storefront', undefined, 'orders answered 502'],
      ['span', 'storefront', undefined, '502'],
    ],
  );
  assert.match(view.errors[0].stack, /at charge/);
  assert.deepEqual(
    [view.exemplars[0].metric, view.exemplars[0].traceId, view.exemplars[0].value],
    ['http_server_request_duration_seconds_bucket', TRACE_ID, 0.184],
  );
  const byTrace = await json(`${api}/${TRACE_ID}`);
  assert.deepEqual([byTrace.spans.length, byTrace.logs.length, byTrace.exemplars.length], [5, 6, 1]);
  const { requests } = await json(`${stack.url}/api/sightline/recent`);
  assert.deepEqual(
    [requests[0].id, requests[0].name, requests[0].status, requests[0].spans, requests[0].logs, requests[0].errors],
    [CORRELATION_ID, 'POST /checkout', '502', 5, 6, 4],
  );
  const missing = await fetch(`${api}/nothing`);
  assert.equal(missing.status, 404);
  assert.equal(((await missing.json()) as { error: { code: string } }).error.code, 'SIGHTLINE_E_NOT_FOUND');
  assert.match(metrics.accepts[0]!, /^application\/openmetrics-text;version=1\.0\.0/);
});

test('Prometheus: targets, instant values, exemplars, labels', async () => {
  await using metrics = await metricsServer();
  const nobody = `127.0.0.1:${await freePort()}`;
  await using stack = await runningStack({
    scrape: [groupOfUrl(metrics.url), groupOfUrl(`http://${nobody}/metrics`)],
    scrapeMillis: 200,
  });
  const api = `${stack.url}/prometheus/api/v1`;
  const up = await eventually(async () => {
    const answer = await json(`${api}/query?query=up`);
    return answer.data.result.length === 2 && answer.data.result;
  }, 'two targets');
  assert.deepEqual(
    up
      .map((series: { metric: Record<string, string>; value: [number, string] }) => [
        series.metric['instance'] === nobody,
        series.value[1],
      ])
      .sort(),
    [
      [false, '1'],
      [true, '0'],
    ],
  );
  const { activeTargets } = (await json(`${api}/targets`)).data;
  assert.deepEqual(
    activeTargets.map((target: { health: string }) => target.health),
    ['up', 'down'],
  );
  assert.match(activeTargets[1].lastError, /ECONNREFUSED/);
  const exemplars = (await json(`${api}/query_exemplars?query=http_server_request_duration_seconds_bucket`)).data;
  assert.equal(exemplars[0].exemplars[0].labels.trace_id, TRACE_ID);
  assert.deepEqual((await json(`${api}/label/http_route/values`)).data, ['/checkout']);
  assert.ok((await json(`${api}/labels`)).data.includes('http_route'));
  assert.equal(
    (await json(`${api}/metadata?metric=http_server_request_duration_seconds`)).data
      .http_server_request_duration_seconds[0].type,
    'histogram',
  );
  assert.equal((await json(`${api}/series?match[]=up`)).data.length, 2);
  assert.equal((await json(`${api}/status/buildinfo`)).status, 'success');
  const form = await fetch(`${api}/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: `up{instance!~"${nobody}"}` }),
  });
  assert.equal(((await form.json()) as any).data.result.length, 1);
});

test('services announce themselves by a target file; a broken file keeps its last good content', async () => {
  await using metrics = await metricsServer();
  await using stack = await runningStack({ scrapeMillis: 100 });
  const targets = join(stack.directory, 'targets');
  const states = async () =>
    (await json(`${stack.url}/prometheus/api/v1/targets`)).data.activeTargets as {
      labels: Record<string, string>;
      health: string;
    }[];
  assert.deepEqual(await states(), []);
  mkdirSync(targets);
  const put = (text: string) => {
    writeFileSync(join(targets, 'shop.tmp'), text);
    renameSync(join(targets, 'shop.tmp'), join(targets, 'shop.json'));
  };
  put(
    JSON.stringify([
      { targets: [new URL(metrics.url).host], labels: { job: 'shop', instance: 'shop-1', environment: 'test' } },
    ]),
  );
  await eventually(async () => (await states())[0]?.health === 'up', 'the scrape');
  assert.deepEqual((await states())[0]!.labels, { job: 'shop', instance: 'shop-1', environment: 'test' });
  put('[{ broken');
  await eventually(() => stack.warnings.some((warning) => warning.startsWith('SIGHTLINE_W_TARGETS')), 'the warning');
  assert.equal((await states()).length, 1);
  put('[]');
  await eventually(async () => (await states()).length === 0, 'the end of the target');
});

test('requests that were not meant for this stack are refused', async () => {
  await using stack = await runningStack();
  const { port } = new URL(stack.url);
  const ask = (headers: Record<string, string>, path = '/api/sightline/recent') =>
    new Promise<number>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `[::1]:${port}`,
    'stack',
    'app.localhost',
    'host.docker.internal:4380',
  ])
    assert.equal(await ask({ host }), 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'a@b', 'evil.example.'])
    assert.equal(await ask({ host }), 403, host);
  for (const path of ['/', '/zipkin/api/v2/services', '/elasticsearch/', '/prometheus/api/v1/labels'])
    assert.equal(await ask({ host: 'evil.example' }, path), 403, path);
  assert.equal(await ask({ host: 'localhost', origin: 'https://evil.example' }), 403);
  assert.equal(await ask({ host: 'localhost', origin: 'http://localhost' }), 200);
  assert.equal(await ask({ host: 'localhost', 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(
    await ask({ host: 'localhost', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }),
    200,
    'a link to the screens works',
  );
  const preflight = await fetch(`${stack.url}/elasticsearch/_bulk`, { method: 'OPTIONS' });
  assert.equal(preflight.headers.get('access-control-allow-origin'), null);
});

test('the screens are whole, and nothing foreign may run in them', async () => {
  await using stack = await runningStack();
  for (const path of ['/', '/correlation/a%2Fb', '/app.js', '/style.css']) {
    const response = await fetch(stack.url + path);
    await response.arrayBuffer();
    assert.equal(response.status, 200, path);
    const policy = response.headers.get('content-security-policy')!;
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  }
  for (const path of ['/nothing', '/../package.json', '/..%2f..%2fpackage.json', '/correlation/a/b'])
    assert.equal((await fetch(stack.url + path)).status, 404, path);
  assert.equal((await fetch(`${stack.url}/-/ready`)).status, 200);
  const own = await (await fetch(`${stack.url}/metrics`)).text();
  assert.match(own, /^sightline_stack_spans_received_total 0$/m);
  assert.deepEqual(
    lintMetrics([{ source: 'own', text: own, format: 'text' }]).flatMap(({ findings }) => findings),
    [],
  );
});

test('native ports speak the same at root; a taken one is named and left out', async () => {
  const taken = createTcpServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await using stack = await runningStack({
    nativePorts: { zipkin: 0, elasticsearch: 0, prometheus: port, otlp: 0, statsd: 0 },
  });
  taken.close();
  assert.deepEqual(
    stack.warnings.map((warning) => warning.split(' ').slice(0, 4).join(' ')),
    [`SIGHTLINE_W_NATIVE_PORT: port ${port} (prometheus)`],
  );
  assert.deepEqual(Object.keys(stack.nativePorts), ['zipkin', 'elasticsearch', 'otlp', 'statsd']);
  const { zipkin, elasticsearch, statsd } = stack.nativePorts;
  assert.deepEqual(await json(`http://127.0.0.1:${zipkin}/api/v2/services`), []);
  assert.equal((await json(`http://127.0.0.1:${zipkin}/health`)).status, 'UP');
  assert.equal((await fetch(`http://127.0.0.1:${elasticsearch}/`)).headers.get('x-elastic-product'), 'Elasticsearch');
  const socket = createSocket('udp4');
  socket.send('prod.host.shop.handlers.list.ok:3|c', statsd!, '127.0.0.1');
  await eventually(
    async () =>
      /^sightline_stack_statsd_lines_received_total 1$/m.test(await (await fetch(`${stack.url}/metrics`)).text()),
    'the packet',
  );
  socket.close();
});

test('a target that answers rubbish, too slowly or not at all is down with its reason; others go on', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/rubbish') response.end('<html>');
    else if (request.url === '/failing') response.writeHead(500).end();
    else response.end('fine 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using stack = await runningStack({
    scrape: ['/rubbish', '/failing', '/fine'].map((path) => groupOfUrl(base + path)),
    scrapeMillis: 100,
  });
  const targets = await eventually(async () => {
    const { activeTargets } = (await json(`${stack.url}/prometheus/api/v1/targets`)).data;
    return activeTargets.every((target: { health: string }) => target.health !== 'unknown') && activeTargets;
  }, 'the scrapes');
  assert.deepEqual(
    targets.map((target: { health: string }) => target.health),
    ['down', 'down', 'up'],
  );
  assert.match(targets[0].lastError, /line 1: not a sample/);
  assert.match(targets[1].lastError, /HTTP status 500/);
  server.closeAllConnections();
  server.close();
});

/** The real backends themselves: each starts, takes what it is made for, and is gone after `stop()`. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { eventually } from '../support/wait.ts';
import { available } from './directory.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { promtoolCheckMetrics, startPrometheus } from './prometheus.ts';
import { startStatsdExporter } from './statsd-exporter.ts';
import { startZipkin } from './zipkin.ts';

async function isGone(url: string): Promise<void> {
  await assert.rejects(fetch(url), `${url} still answers`);
}

test('zipkin takes a span and gives it back', { skip: available('zipkin') }, async () => {
  const zipkin = await startZipkin();
  const traceId = '463ac35c9f6413ad48485a3953bb6124';
  const span = { traceId, id: 'a2fb4a1d1a96d312', timestamp: Date.now() * 1000, duration: 1, tags: { key: 'value' } };
  const response = await fetch(`${zipkin.url}/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([span]),
  });
  assert.equal(response.status, 202);
  const [found] = await eventually('the span', async () => {
    const spans = await zipkin.trace(traceId);
    return spans.length > 0 ? spans : undefined;
  });
  assert.equal(found?.tags?.['key'], 'value');
  await zipkin.stop();
  await isGone(zipkin.url);
});

test('elasticsearch takes a document and finds it', { skip: available('elasticsearch') }, async () => {
  const elasticsearch = await startElasticsearch();
  await elasticsearch.request('PUT', '/things/_doc/1?refresh=true', { name: 'one' });
  assert.equal(await elasticsearch.count('things', { match: { name: 'one' } }), 1);
  assert.deepEqual(await elasticsearch.search('things', { match_all: {} }), [{ name: 'one' }]);
  await elasticsearch.stop();
  await isGone(elasticsearch.url);
});

test('prometheus scrapes what statsd_exporter was told', {
  skip: available('prometheus', 'statsd-exporter'),
}, async () => {
  const statsd = await startStatsdExporter();
  const prometheus = await startPrometheus({ targets: [new URL(statsd.url).host] });
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) =>
    socket.send('things:3|c', statsd.udpPort, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
  );
  socket.close();
  await eventually('the counter', async () => ((await prometheus.sum('things')) === 3 ? true : undefined));
  await prometheus.stop();
  await statsd.stop();
  await isGone(prometheus.url);
  await isGone(statsd.url);
});

test('promtool tells good names from bad ones', { skip: available('promtool') }, async () => {
  const good = '# HELP things_total Things.\n# TYPE things_total counter\nthings_total 1\n';
  assert.deepEqual(await promtoolCheckMetrics(good), { code: 0, output: '' });
  const bad = await promtoolCheckMetrics('# TYPE things counter\nthings 1\n');
  assert.equal(bad.code, 3);
  assert.match(bad.output, /should have "_total" suffix/);
});

/** The figures of docs/cost.md are measured, and plausible; the page is what the script makes of figures. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { type Measurement, measure } from '../../scripts/cost/measure.ts';
import { costPage } from '../../scripts/cost/page.ts';
import { CONTROLS, REQUESTS } from '../../scripts/cost/scenarios.ts';

const COUNT = 60;

describe('measured', () => {
  const measured: Record<string, Measurement> = {};
  before(async () => {
    const tenth = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    const runs: Record<string, [path: string, env: Record<string, string>]> = {
      hello: ['/hello', {}],
      log: ['/log', {}],
      noAccess: ['/log', { SIGHTLINE_ACCESS_LOG: 'off' }],
      tenth: ['/log', tenth],
      tenthKept: ['/error', { ...tenth, SIGHTLINE_TRACES_KEEP: 'errors' }],
      tenthFailed: ['/error', tenth],
      otlp: [
        '/hello',
        { OTEL_TRACES_EXPORTER: 'otlp', SIGHTLINE_LOGS: 'otlp', SIGHTLINE_METRICS: 'prometheus,statsd' },
      ],
    };
    for (const [name, [path, env]] of Object.entries(runs))
      measured[name] = await measure({ path: () => path, requests: COUNT, env });
  });
  const of = (name: string): Measurement => measured[name]!;

  test('a span and an access line a request, and one more line where the app writes one', () => {
    assert.equal(of('hello').records, COUNT * 2);
    assert.equal(of('log').records, COUNT * 3);
    assert.ok(of('log').elasticsearch.raw > of('hello').elasticsearch.raw);
    assert.ok(of('log').journal > of('hello').journal);
  });

  test('the journal holds what leaves; compressed is less', () => {
    for (const { journal, elasticsearch, zipkin } of [of('hello'), of('log'), of('noAccess')]) {
      assert.ok(journal > (elasticsearch.raw + zipkin.raw) / 2, String(journal));
      for (const { raw, gzip } of [elasticsearch, zipkin]) assert.ok(raw > 0 && gzip > 0 && gzip < raw);
    }
  });

  test('each control saves', () => {
    assert.equal(of('noAccess').records, COUNT * 2);
    assert.ok(of('noAccess').elasticsearch.raw < of('log').elasticsearch.raw);
    assert.ok(of('tenth').zipkin.raw < of('log').zipkin.raw / 2);
    assert.ok(of('tenth').records < COUNT * 2.5 && of('tenth').records >= COUNT * 2);
    assert.ok(of('tenthKept').zipkin.raw > of('tenthFailed').zipkin.raw * 2, 'failed requests are kept');
  });

  test('OTLP is counted under its own names, pages of metrics for all', () => {
    const { otlpTraces, otlpLogs, zipkin, elasticsearch, prometheus, openMetrics } = of('otlp');
    assert.deepEqual([zipkin.raw, elasticsearch.raw], [0, 0]);
    for (const { raw, gzip } of [otlpTraces, otlpLogs, prometheus, openMetrics]) assert.ok(raw > 0 && gzip < raw);
    assert.ok(otlpTraces.raw < of('hello').zipkin.raw, 'binary is smaller than text');
  });

  test('the page that is committed is of this script', () => {
    const row = (name: string, title: string) => ({ title, measured: of(name), stock: of(name), otlp: of('otlp') });
    const page = costPage(
      {
        requests: REQUESTS.map(({ title }) => row('hello', title)),
        controls: CONTROLS.map(({ title }) => row('log', title)),
        oneRoute: of('hello'),
        allRoutes: of('hello'),
        routes: 10,
        dialects: ['hierarchy', 'dogstatsd', 'influx'].map((title) => row('otlp', title)),
        failsEvery: 50,
      },
      500,
    );
    const committed = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');
    // Words alone: figures are of the day they were measured.
    const words = (text: string) => text.replace(/-?\d+(?:\.\d+)?(?: %)?|–/g, '#').replaceAll('# / #', '#');
    assert.equal(words(committed), words(page));
  });
});

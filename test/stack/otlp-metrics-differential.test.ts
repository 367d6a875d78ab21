/** The same metrics by OTLP into a real Prometheus and into the stack: the same series and values, or a listed difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '../backends/directory.ts';
import { startPrometheus } from '../backends/prometheus.ts';
import { eventually } from '../support/wait.ts';
import { runningStack } from './running-stack.ts';

const CUMULATIVE = 2;

const NAMES = [
  'http.server.request.duration',
  'plain',
  'total.requests',
  'a.total.b',
  '9lives',
  'with space & more',
  'trailing_',
  '__double__under',
  'ratio.of.ratio',
  'system.memory.usage_bytes',
  'bytes.sent',
  'per_second.speed',
  'a:b:c',
  'ümlaut',
];
const UNITS = [
  '',
  '1',
  's',
  'ms',
  'By',
  'By/s',
  '%',
  '{order}',
  '{order}/s',
  'm/s',
  'foo',
  'foo-bar',
  'foo__bar_',
  'Cel',
  '1/s',
  's/1',
  '/s',
  'KiBy/m',
  ' s ',
  '/',
  'a/b/c',
  '_',
];
const LABELS = [
  'plain',
  'http.route',
  '9th',
  '_private',
  '__reserved__',
  '__a.b__',
  'a..b',
  'a__b',
  'a.b',
  'Ü',
  'job',
  'instance',
  'le',
];

function metrics(nowMillis: number): object {
  const timeUnixNano = `${nowMillis}000000`;
  const attributes = (names: readonly string[]) =>
    names.map((key, index) => ({ key, value: { stringValue: `value ${index}` } }));
  const common = { timeUnixNano, startTimeUnixNano: `${nowMillis - 60_000}000000` };
  const point = (value: number) => ({ ...common, asDouble: value });
  const all: object[] = [];
  for (const [nameIndex, name] of NAMES.entries())
    for (const [unitIndex, unit] of UNITS.entries()) {
      const value = nameIndex * 100 + unitIndex + 0.5;
      const distinct = { attributes: attributes([`n${nameIndex}`, `u${unitIndex}`]) };
      all.push(
        { name, unit, gauge: { dataPoints: [{ ...point(value), ...distinct }] } },
        {
          name: `c.${name}`,
          unit,
          sum: {
            isMonotonic: true,
            aggregationTemporality: CUMULATIVE,
            dataPoints: [{ ...point(value), ...distinct }],
          },
        },
        {
          name: `u.${name}`,
          unit,
          sum: { aggregationTemporality: CUMULATIVE, dataPoints: [{ ...common, asInt: '-7', ...distinct }] },
        },
      );
    }
  for (const label of LABELS)
    all.push({ name: 'labelled', gauge: { dataPoints: [{ ...point(1), attributes: attributes([label]) }] } });
  all.push(
    { name: 'joined', gauge: { dataPoints: [{ ...point(1), attributes: attributes(['a.b', 'a_b', 'a-b']) }] } },
    {
      name: 'values',
      gauge: {
        dataPoints: [
          {
            ...point(1),
            attributes: [
              { key: 'yes', value: { boolValue: true } },
              { key: 'whole', value: { intValue: '9007199254740993' } },
              { key: 'half', value: { doubleValue: 0.5 } },
              { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '7' }] } } },
              { key: 'empty', value: { stringValue: '' } },
            ],
          },
        ],
      },
    },
    {
      name: 'latency',
      unit: 's',
      description: 'How long',
      histogram: {
        aggregationTemporality: CUMULATIVE,
        dataPoints: [
          {
            ...common,
            count: '7',
            sum: 3.25,
            bucketCounts: ['1', '2', '3', '1'],
            explicitBounds: [0.005, 1, 2.5e7],
            attributes: attributes(['route']),
          },
          { ...common, count: '3', bucketCounts: [], explicitBounds: [], attributes: attributes(['nothing']) },
          {
            ...common,
            count: '2',
            sum: 1e21,
            bucketCounts: ['1', '1'],
            explicitBounds: [1e-7],
            attributes: attributes(['tiny']),
          },
        ],
      },
    },
    {
      name: 'rpc',
      unit: 'ms',
      summary: {
        dataPoints: [
          {
            ...common,
            count: '4',
            sum: 10,
            quantileValues: [
              { quantile: 0.5, value: 2 },
              { quantile: 0.99, value: 4 },
            ],
          },
        ],
      },
    },
  );
  return {
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'shop' } },
            { key: 'service.namespace', value: { stringValue: 'acme' } },
            { key: 'service.instance.id', value: { stringValue: 'i-1' } },
            { key: 'service.version', value: { stringValue: '1.2' } },
            { key: 'host.name', value: { stringValue: 'h' } },
          ],
        },
        scopeMetrics: [{ scope: { name: 'meter', version: '1' }, metrics: all }],
      },
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'bare' } }] },
        scopeMetrics: [{ metrics: [{ name: 'lonely', gauge: { dataPoints: [point(1)] } }] }],
      },
    ],
  };
}

interface Result {
  readonly metric: Record<string, string>;
  readonly value: [number, string];
}

async function seriesAt(api: string, seconds: number): Promise<string[]> {
  const query = encodeURIComponent('{__name__=~".+"}');
  const response = await fetch(`${api}/api/v1/query?query=${query}&time=${seconds}`);
  const { data } = (await response.json()) as { data: { result: Result[] } };
  return data.result
    .map(({ metric, value }) => `${JSON.stringify(Object.entries(metric).sort())} ${Number(value[1])}`)
    .sort();
}

test('names, units, labels and values are those of Prometheus 3', { skip: available('prometheus') }, async () => {
  await using stack = await runningStack();
  const prometheus = await startPrometheus({ otlpReceiver: true });
  try {
    const nowMillis = Date.now();
    const body = JSON.stringify(metrics(nowMillis));
    const headers = { 'content-type': 'application/json' };
    const theirs = await fetch(`${prometheus.url}/api/v1/otlp/v1/metrics`, { method: 'POST', headers, body });
    assert.equal(theirs.status, 200, await theirs.text());
    const ours = await fetch(`${stack.url}/otlp/v1/metrics`, { method: 'POST', headers, body });
    assert.deepEqual([ours.status, await ours.json()], [200, {}]);
    const seconds = nowMillis / 1000 + 1;
    const expected = await eventually('the series', async () => {
      const found = await seriesAt(prometheus.url, seconds);
      return found.length > 0 ? found : undefined;
    });
    const actual = await seriesAt(`${stack.url}/prometheus`, seconds);
    assert.ok(expected.length > NAMES.length * UNITS.length * 2, `${expected.length} series`);
    assert.deepEqual(
      {
        onlyHere: actual.filter((one) => !expected.includes(one)),
        onlyThere: expected.filter((one) => !actual.includes(one)),
      },
      { onlyHere: [], onlyThere: [] },
    );
    assert.equal(actual.length, expected.length);
  } finally {
    await prometheus.stop();
  }
});

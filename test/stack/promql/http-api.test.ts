import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startQueryServer } from './query-server.ts';

const AT = 1_790_000_000_000;
const SECONDS = AT / 1000;

/** One sample every ten seconds up to `AT`. */
function series(labels: Record<string, string>, values: readonly number[]) {
  return values.map((value, index) => ({
    labels,
    value,
    timestamp: AT - (values.length - 1 - index) * 10_000,
  }));
}

const SAMPLES = [
  ...series({ __name__: 'orders_total', shop: 'a' }, [0, 10, 20, 30, 40, 50, 60]),
  ...series({ __name__: 'orders_total', shop: 'b' }, [7, 7, 7, 7, 7, 7, 1e21]),
  ...series({ __name__: 'queue', shop: 'a' }, [1, 2, Number.NaN, Number.NEGATIVE_INFINITY, 1e-7, -0, 0.1]),
];

interface Answer {
  readonly http: number;
  readonly body: any;
}

async function asking(test_: (ask: (path: string, form?: Record<string, string>) => Promise<Answer>) => Promise<void>) {
  await using server = await startQueryServer(SAMPLES, { now: () => AT });
  await test_(async (path, form) => {
    const init = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
    const response = await fetch(`${server.url}/api/v1/${path}`, init);
    return { http: response.status, body: await response.json() };
  });
  assert.deepEqual(server.bugs, []);
}

test('instant and range queries answer in Prometheus’s shape, by GET and by form', async () => {
  await asking(async (ask) => {
    assert.deepEqual(await ask('query?query=1%2B1'), {
      http: 200,
      body: { status: 'success', data: { resultType: 'scalar', result: [SECONDS, '2'] } },
    });
    assert.deepEqual((await ask('query', { query: '"a"', time: '1.5' })).body.data, {
      resultType: 'string',
      result: [1.5, 'a'],
    });
    assert.deepEqual((await ask('query', { query: 'sum by (shop) (rate(orders_total{shop="a"}[30s]))' })).body.data, {
      resultType: 'vector',
      result: [{ metric: { shop: 'a' }, value: [SECONDS, '1'] }],
    });
    assert.deepEqual((await ask('query', { query: 'orders_total{shop="a"}[20s]' })).body.data, {
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'orders_total', shop: 'a' },
          values: [
            [SECONDS - 10, '50'],
            [SECONDS, '60'],
          ],
        },
      ],
    });
    const range = { start: String(SECONDS - 60), end: new Date(AT).toISOString(), step: '10' };
    assert.deepEqual((await ask('query_range', { query: 'queue', ...range })).body.data.result[0].values, [
      [SECONDS - 60, '1'],
      [SECONDS - 50, '2'],
      [SECONDS - 40, 'NaN'],
      [SECONDS - 30, '-Inf'],
      [SECONDS - 20, '1e-07'],
      [SECONDS - 10, '0'],
      [SECONDS, '0.1'],
    ]);
    assert.deepEqual((await ask('query_range', { query: '2', ...range, step: '30s' })).body.data.result, [
      {
        metric: {},
        values: [
          [SECONDS - 60, '2'],
          [SECONDS - 30, '2'],
          [SECONDS, '2'],
        ],
      },
    ]);
  });
});

test('warnings, infos, limits and other parameters', async () => {
  await asking(async (ask) => {
    const warned = (await ask('query', { query: 'quantile(2, rate(queue[1m]))' })).body;
    assert.deepEqual(warned.warnings, ['PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)']);
    assert.match(warned.infos[0], /^PromQL info: metric might not be a counter, .*"queue" \(1:18\)$/);
    const limited = (await ask('query', { query: 'orders_total', limit: '1' })).body;
    assert.deepEqual([limited.data.result.length, limited.warnings], [1, ['results truncated due to limit']]);
    assert.equal(
      (await ask('query', { query: 'queue', lookback_delta: '5s', time: String(SECONDS + 6) })).body.data.result.length,
      0,
    );
    assert.equal((await ask('format_query', { query: 'sum(x)by(y)' })).body.data, 'sum by (y) (x)');
    const tree = (await ask('parse_query', { query: '-rate(x{a!="b"}[5m]) > bool 2' })).body.data;
    assert.deepEqual(
      [tree.type, tree.op, tree.bool, tree.matching, tree.lhs.expr.func.name, tree.lhs.expr.args[0].range],
      ['binaryExpr', '>', true, null, 'rate', 300_000],
    );
    const selected = await ask('series', { 'match[]': '{__name__=~"o.*", shop="b"}', start: String(SECONDS - 60) });
    assert.deepEqual(selected.body.data, [{ __name__: 'orders_total', shop: 'b' }]);
    assert.deepEqual(
      (await ask('query_exemplars', { query: 'histogram_quantile(0.9, rate(a[5m])) / b' })).body.data,
      [],
    );
  });
});

test('what is wrong is told with the status and in the words of Prometheus', async () => {
  const range = { start: '0', end: '60', step: '10' };
  const timestamp = (name: string, text: string) =>
    `invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`;
  const cases: readonly (readonly [
    path: string,
    form: Record<string, string>,
    http: number,
    type: string,
    error: string,
  ])[] = [
    [
      'query',
      {},
      400,
      'bad_data',
      'invalid parameter "query": unknown position: parse error: no expression found in input',
    ],
    [
      'query',
      { query: 'sum(' },
      400,
      'bad_data',
      'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    ],
    [
      'query',
      { query: 'x[step()]' },
      400,
      'bad_data',
      'invalid parameter "query": 2:8: duration must be greater than 0',
    ],
    ['query', { query: 'x', time: 'soon' }, 400, 'bad_data', timestamp('time', 'soon')],
    ['query', { query: 'x', limit: '-1' }, 400, 'bad_data', 'invalid parameter "limit": limit must be non-negative'],
    [
      'query',
      { query: 'x', timeout: '5q' },
      400,
      'bad_data',
      'invalid parameter "timeout": cannot parse "5q" to a valid duration',
    ],
    [
      'query',
      { query: 'orders_total', timeout: '0.000001' },
      503,
      'timeout',
      'query timed out in expression evaluation',
    ],
    [
      'query',
      { query: 'label_join(x, "a", "b", "\\xff")' },
      422,
      'execution',
      'invalid source label name in label_join(): \\xff',
    ],
    [
      'query',
      { query: 'orders_total * on () orders_total' },
      422,
      'execution',
      'found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="orders_total", shop="a"}, {__name__="orders_total", shop="b"}];many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    ['query_range', { query: 'x' }, 400, 'bad_data', timestamp('start', '')],
    ['query_range', { query: 'x', ...range, end: '' }, 400, 'bad_data', timestamp('end', '')],
    [
      'query_range',
      { query: 'x', ...range, start: '61' },
      400,
      'bad_data',
      'invalid parameter "end": end timestamp must not be before start time',
    ],
    [
      'query_range',
      { query: 'x', ...range, step: '' },
      400,
      'bad_data',
      'invalid parameter "step": cannot parse "" to a valid duration',
    ],
    [
      'query_range',
      { query: 'x', ...range, step: '0' },
      400,
      'bad_data',
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    [
      'query_range',
      { query: 'x', ...range, end: '11001', step: '1' },
      400,
      'bad_data',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    ],
    [
      'query_range',
      { query: 'x[5m]', ...range },
      400,
      'bad_data',
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ],
    [
      'query_range',
      { query: 'count_over_time(vector(1)[1d:1ms])', ...range },
      422,
      'execution',
      'query processing would load too many samples into memory in query execution',
    ],
    [
      'format_query',
      { query: ')' },
      400,
      'bad_data',
      `invalid parameter "query": 1:2: parse error: unexpected right parenthesis ')'`,
    ],
    ['series', {}, 400, 'bad_data', 'no match[] parameter provided'],
    [
      'series',
      { 'match[]': '{a=~".*"}' },
      400,
      'bad_data',
      'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    ],
    [
      'labels',
      { 'match[]': 'rate(x)' },
      400,
      'bad_data',
      'invalid parameter "match[]": 1:5: parse error: unexpected "("',
    ],
  ];
  await asking(async (ask) => {
    for (const [path, form, http, errorType, error] of cases)
      assert.deepEqual(
        await ask(path, form),
        { http, body: { status: 'error', errorType, error } },
        `${path} ${JSON.stringify(form)}`,
      );
    assert.equal((await ask('query_range', { query: '1', ...range, end: '11000', step: '1' })).http, 200);
  });
});

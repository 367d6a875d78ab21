import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pushPath } from '../../lib/codec/push-path.ts';
import { runningStack } from './running-stack.ts';

const PAGE = '# HELP rows_total Rows.\n# TYPE rows_total counter\nrows_total{job="mine",kind="a"} 42\n';

test('what is pushed can be asked for, with the labels of the path; mistakes are 400', async () => {
  await using stack = await runningStack();
  const push = (path: string, body: string, method = 'PUT') =>
    fetch(`${stack.url}/pushgateway${path}`, { method, ...(method !== 'DELETE' && { body }) }).then(
      ({ status }) => status,
    );
  assert.equal(await push(pushPath('@acme/nightly', 'server 1'), PAGE), 200);
  assert.equal(await push('/metrics/job/other', PAGE.replace('42', '1'), 'POST'), 200);
  const response = await fetch(`${stack.url}/prometheus/api/v1/query?query=rows_total`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  assert.deepEqual(
    data.result.map(({ metric, value }) => [metric['job'], metric['instance'], metric['kind'], value[1]]).toSorted(),
    [
      ['@acme/nightly', 'server 1', 'a', '42'],
      ['other', undefined, 'a', '1'],
    ],
  );
  for (const [path, body] of [
    ['/metrics/job', PAGE],
    ['/metrics/job/', PAGE],
    ['/metrics/job/x/instance', PAGE],
    ['/metrics/job/x/9/y', PAGE],
    ['/metrics/job/x/y/%ff', PAGE],
    ['/metrics/job/x', 'no page'],
    ['/metrics/job/x', 'a 1 1234\n'],
    ['/metrics/job/x', 'a 1\na 2\n'],
  ] as const)
    assert.equal(await push(path, body), 400, path);
  assert.equal(await push('/metrics/job/x', '', 'DELETE'), 202);
  assert.equal(await push('/nothing', PAGE), 404);
});

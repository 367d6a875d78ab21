/** A full store is said in each backend's own words, with the time to come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElasticsearchApi } from '../../lib/stack/api/elasticsearch-api.ts';
import { createZipkinApi } from '../../lib/stack/api/zipkin-api.ts';
import { Listener, newBodyBudget } from '../../lib/stack/http/listener.ts';
import { type Store, StoreBusy } from '../../lib/stack/store/store.ts';

test('429 from Elasticsearch, 503 from Zipkin, both with Retry-After; a bug is a 500 and is reported', async () => {
  let failure: Error = new StoreBusy('the queue of the store is full');
  const refuse = () => Promise.reject(failure);
  const store = { appendLogs: refuse, appendSpans: refuse } as unknown as Store;
  const bugs: unknown[] = [];
  const listener = new Listener({
    mounts: [
      { prefix: '/es', api: createElasticsearchApi({ store }) },
      { prefix: '/zipkin', api: createZipkinApi({ store }) },
    ],
    ownNames: [],
    budget: newBodyBudget(),
    onBug: (error) => bugs.push(error),
  });
  const { port } = await listener.listen(0, '127.0.0.1');
  const bulk = () =>
    fetch(`http://127.0.0.1:${port}/es/_bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"create":{"_index":"x"}}\n{}\n',
    });
  const spans = () =>
    fetch(`http://127.0.0.1:${port}/zipkin/api/v2/spans`, { method: 'POST', body: '[{"traceId":"1","id":"1"}]' });
  const [logs, traces] = [await bulk(), await spans()];
  assert.deepEqual(
    [logs.status, logs.headers.get('retry-after'), ((await logs.json()) as { error: { type: string } }).error.type],
    [429, '1', 'es_rejected_execution_exception'],
  );
  assert.deepEqual(
    [traces.status, traces.headers.get('retry-after'), await traces.text()],
    [503, '1', 'the queue of the store is full'],
  );
  assert.deepEqual(bugs, []);
  failure = new Error('disk I/O error');
  assert.equal((await spans()).status, 500);
  assert.deepEqual(bugs, [failure]);
  await listener.close();
});

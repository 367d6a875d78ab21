import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runningStack, sendSample } from '../stack/running-stack.ts';
import { CORRELATION_ID, TRACE_ID } from '../stack/sample-request.ts';
import { sightline } from './command-line.ts';

const TREE = `
POST /checkout  502  184 ms  3 services · 5 spans · 6 log lines · 6 errors
ID ${CORRELATION_ID}  started 2026-11-22T10:00:00.000Z

    +0.0 ms storefront POST /checkout  184 ms  error 502
    +1.2 ms   · info  storefront  checkout
    +4.0 ms   storefront → POST  176 ms  error 502
    +8.0 ms     orders POST /orders  168 ms  error 502
    +9.0 ms       · info  orders  order received
   +12.0 ms       orders → POST  158 ms
   +16.0 ms         payments POST /charges  150 ms  error the bank gave 503 twice
   +17.0 ms           · info  payments  charging
   +70.3 ms           · warn  payments  bank answered 503, next attempt in 51 ms
    +165 ms           · error payments  charge failed: the bank gave 503 twice
    +183 ms   · error storefront  POST /checkout failed: orders answered 502
`.trimStart();

test('the time line as a tree, by correlation ID and by trace ID', async () => {
  await using stack = await runningStack();
  await sendSample(stack.url, Date.parse('2026-11-22T10:00:00Z') * 1000);
  const env = { SIGHTLINE_STACK_URL: `${stack.url}/` };
  const found = await sightline(['find', CORRELATION_ID], { env });
  assert.deepEqual([found.code, found.stderr], [0, '']);
  assert.equal(found.stdout, `${TREE}${stack.url}/correlation/${encodeURIComponent(CORRELATION_ID)}\n`);
  assert.equal(
    (await sightline(['find', TRACE_ID], { env })).stdout.split('\n').length,
    found.stdout.split('\n').length,
  );
  const json = JSON.parse((await sightline(['find', CORRELATION_ID, '--json'], { env })).stdout);
  assert.deepEqual([json.id, json.spans.length, json.logs.length], [CORRELATION_ID, 5, 6]);
  assert.match((await sightline(['find', '--', '-an-id'], { env })).stderr, /SIGHTLINE_E_NOT_FOUND: got ID "-an-id"/);
  const missing = await sightline(['find', 'nothing here'], { env });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^SIGHTLINE_E_NOT_FOUND: got ID "nothing here", wanted .*; look at http/);
});

test('control characters of a log line do not reach the terminal', async () => {
  await using stack = await runningStack();
  const body = `${JSON.stringify({ create: { _index: 'logs-x-dev' } })}\n${JSON.stringify({ '@timestamp': new Date().toISOString(), 'correlation.id': 'hostile', message: 'a\x1b[2J\x07b\r\nc\u202Ed' })}\n`;
  await fetch(`${stack.url}/elasticsearch/_bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  const found = await sightline(['find', 'hostile'], { env: { SIGHTLINE_STACK_URL: stack.url } });
  assert.equal(found.code, 0);
  assert.ok(found.stdout.includes('a\\u001b[2J\\u0007b\\u000d c\\u202ed'), found.stdout);
});

/** The receiver of `sightline/testing` against the product, and its faults on the wire. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import {
  assertLog,
  assertSpan,
  assertTrace,
  faults,
  matchers,
  type Receiver,
  startObserved,
  startReceiver,
} from '../../lib/testing/index.ts';
import { createProject } from '../support/project.ts';

const project = createProject({
  name: 'shop',
  type: 'module',
  files: {
    'app.js': [
      "import { createServer } from 'node:http';",
      "import { log } from 'sightline';",
      'const server = createServer((request, response) => {',
      "  log.info({ order: { id: 7 } }, 'order read');",
      "  response.end('ok');",
      '});',
      "server.listen(0, () => console.log('listening', server.address().port));",
    ].join('\n'),
  },
});

async function receiverFor(t: TestContext): Promise<Receiver> {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  return receiver;
}

suite('all protocols tell the same', () => {
  const ways: readonly (readonly [string, string, (receiver: Receiver) => Record<string, string | undefined>])[] = [
    ['elasticsearch', 'zipkin', () => ({})],
    [
      'logstash',
      'zipkin',
      (receiver) => ({ SIGHTLINE_LOGS: 'logstash', SIGHTLINE_LOGSTASH_URL: receiver.logstashUrl }),
    ],
    ['otlp', 'otlp', (receiver) => ({ ...receiver.otlpEnvironment, OTEL_EXPORTER_ZIPKIN_ENDPOINT: undefined })],
    [
      'otlp',
      'otlp',
      (receiver) => ({
        ...receiver.otlpEnvironment,
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: undefined,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      }),
    ],
  ];
  for (const [logs, spans, env] of ways) {
    const variables = env({ logstashUrl: '', otlpEnvironment: {} } as Receiver);
    test(`logs by ${logs}, spans by ${spans} ${variables['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? ''}`, async (t) => {
      const receiver = await receiverFor(t);
      const shop = startObserved({
        receiver,
        cwd: project,
        args: ['app.js'],
        env: { ...env(receiver), SIGHTLINE_METRICS: 'prometheus,statsd,push' },
      });
      t.after(() => shop[Symbol.asyncDispose]());
      const [, port] = await shop.line(/listening (\d+)/);
      await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-correlation-id': 'order-7' } });
      await assertLog(receiver, 'order-7', { message: 'order read', 'log.level': 'info', 'order.id': 7 });
      await assertLog(receiver, 'order-7', { 'http.response.status_code': 200, 'service.name': 'shop' });
      await assertSpan(receiver, 'order-7', {
        kind: 'SERVER',
        service: 'shop',
        tags: { 'correlation.id': 'order-7', 'http.response.status_code': '200' },
      });
      await assertTrace(receiver, 'order-7', { services: ['shop'], logs: 2 });
      const { logs: lines, spans: seen, traceIds } = receiver.evidence('order-7');
      assert.deepEqual([lines.length, seen.length, traceIds.length], [2, 1, 1]);
      assert.deepEqual([lines[0]?.via, seen[0]?.via], [logs, spans]);
      assert.deepEqual(receiver.evidence(traceIds[0]).logs, lines, 'a trace ID leads to the same');
      const ended = await shop.stop();
      assert.deepEqual([ended.signal, ended.stderr], ['SIGTERM', '']);
      assert.match(receiver.pushes.at(-1)?.path ?? '', /^\/metrics\/job\/shop\/instance\//);
      await receiver.until('StatsD', () => receiver.statsd.find((line) => line.includes('.shop.')));
    });
  }
});

test('a failed assertion says what came instead; a matcher says the same', async (t) => {
  const receiver = await receiverFor(t);
  const body = `{"create":{"_id":"1"}}\n{"message":"other","log.level":"warn","correlation.id":"a","service":{"name":"shop"}}\n`;
  await fetch(`${receiver.elasticsearchUrl}/logs-shop-test/_bulk`, { method: 'POST', body });
  const brief = { timeoutMillis: 1 };
  await assert.rejects(
    assertLog(receiver, 'a', { message: /charged/ }, brief),
    /wanted a log line under a with \{ message: \/charged\/ \}; got\n {2}\{ 'log.level': 'warn', 'service.name': 'shop', message: 'other' \}/,
  );
  await assert.rejects(assertSpan(receiver, 'a', {}, brief), /wanted a span under a .*; got nothing/);
  await assert.rejects(assertTrace(receiver, 'a', { services: ['bank'] }, brief), /0 spans, wanted 1; nothing of bank/);
  const negated = await matchers.toHaveLog.call({ isNot: true }, receiver, 'a', { 'log.level': 'warn' });
  assert.equal(negated.pass, true);
  assert.match(negated.message(), /wanted no log line under a/);
  await assert.rejects(
    receiver.until('rain', () => undefined, brief),
    /waited 1 ms in vain for rain; 1 log lines, 0 spans and 0 StatsD lines came in 1 requests/,
  );
});

test('a trace with a parent that never came, or in two parts, is none', async (t) => {
  const receiver = await receiverFor(t);
  const send = (...spans: object[]) =>
    fetch(receiver.zipkinUrl, { method: 'POST', body: JSON.stringify(spans) }).then((answer) => answer.status);
  const tags = { 'correlation.id': 'a' };
  assert.equal(await send({ traceId: 't1', id: '1', parentId: '0', name: 'get', tags }), 202);
  await assert.rejects(assertTrace(receiver, 'a', {}, { timeoutMillis: 1 }), /the parent 0 of .* has not come/);
  await send({ traceId: 't1', id: '0', name: 'root' });
  await assertTrace(receiver, 'a', { spans: 2 });
  await send({ traceId: 't2', id: '5', name: 'get', tags });
  await assert.rejects(assertTrace(receiver, 'a', {}, { timeoutMillis: 1 }), /2 traces \(t1, t2\), wanted one/);
});

suite('faults on the wire', () => {
  const post = (receiver: Receiver, body = '[]') =>
    fetch(receiver.zipkinUrl, { method: 'POST', body, redirect: 'manual' });
  const bulk = (receiver: Receiver, ids: readonly string[]) =>
    fetch(`${receiver.elasticsearchUrl}/logs/_bulk`, {
      method: 'POST',
      body: ids.map((id) => `{"create":{"_id":"${id}"}}\n{}\n`).join(''),
    }).then((answer) => answer.json() as Promise<{ errors: boolean; items: { create: { status: number } }[] }>);

  test('answers', async (t) => {
    const receiver = await receiverFor(t);
    receiver.fail(
      /spans/,
      faults.tooManyRequests(2),
      faults.unavailable(),
      undefined,
      faults.badGateway,
      faults.webPage,
      faults.redirect('http://127.0.0.1:1/'),
      faults.refused(403),
    );
    const seen = [];
    for (let at = 0; at < 8; at += 1) {
      const { status, headers } = await post(receiver);
      seen.push(
        [status, headers.get('retry-after') ?? headers.get('location') ?? headers.get('content-type')].join(' '),
      );
    }
    assert.deepEqual(seen, [
      '429 2',
      '503 ',
      '202 application/json',
      '502 text/html; charset=utf-8',
      '200 text/html; charset=utf-8',
      '302 http://127.0.0.1:1/',
      '403 ',
      '202 application/json',
    ]);
  });

  test('an outage lasts until it ends, for its path alone, and counts what it hit', async (t) => {
    const receiver = await receiverFor(t);
    const outage = receiver.outage(faults.unavailable(), { path: /spans/ });
    assert.deepEqual([(await post(receiver)).status, (await post(receiver)).status], [503, 503]);
    assert.equal((await bulk(receiver, ['1'])).errors, false);
    outage.end();
    assert.equal((await post(receiver)).status, 202);
    assert.equal(outage.hits(), 2);
    receiver.outage(faults.unavailable());
    receiver.heal();
    assert.equal((await post(receiver)).status, 202);
  });

  test('a size limit, single records, a lost and a late answer', async (t) => {
    const receiver = await receiverFor(t);
    const limit = receiver.outage(faults.tooLarge(10));
    assert.equal((await post(receiver, '[]')).status, 202);
    assert.equal((await post(receiver, JSON.stringify([{ id: 'larger' }]))).status, 413);
    limit.end();
    receiver.fail(/_bulk/, faults.partial(2, 400), 'lose-answer', faults.slow(20));
    const partial = await bulk(receiver, ['a', 'b', 'c', 'd']);
    assert.deepEqual(
      partial.items.map(({ create }) => create.status),
      [201, 400, 201, 400],
    );
    await assert.rejects(bulk(receiver, ['b']), /fetch failed/);
    assert.equal((await bulk(receiver, ['b'])).items[0]?.create.status, 409);
    assert.deepEqual(
      receiver.documents.map((document) => document['_id']),
      ['a', 'c', 'b'],
    );
    assert.equal(receiver.conflicts(), 1);
  });

  test('down refuses connections; up takes them on the same port; hang and reset give no answer', async (t) => {
    const receiver = await receiverFor(t);
    await receiver.down();
    await assert.rejects(post(receiver), (error: Error & { cause?: { code?: string } }) => {
      assert.equal(error.cause?.code, 'ECONNREFUSED');
      return true;
    });
    await receiver.up();
    assert.equal((await post(receiver)).status, 202);
    receiver.fail(/spans/, faults.reset, faults.hang);
    await assert.rejects(post(receiver), /fetch failed/);
    const hanging = fetch(receiver.zipkinUrl, { method: 'POST', body: '[]', signal: AbortSignal.timeout(300) });
    await assert.rejects(hanging, { name: 'TimeoutError' });
  });
});

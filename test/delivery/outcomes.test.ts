import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import type { DeadLetter } from '../../lib/delivery/journal/dead-letter.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { retryAfterMillis } from '../../lib/delivery/worker/http-post.ts';
import { eventually } from '../support/wait.ts';
import { assertBalanced, counts, document, QUICK, receiverFor, settled, sinkOptions, span } from './sink-fixture.ts';

/** A backend that the test plays itself. */
async function backend(
  t: TestContext,
  answer: (
    body: string,
    path: string,
    headers: Record<string, unknown>,
  ) => { status: number; headers?: Record<string, string>; body?: string },
): Promise<string> {
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { status, headers, body: text } = answer(body, request.url ?? '', request.headers);
    response.writeHead(status, headers).end(text);
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function open(t: TestContext, options: JournalSinkOptions) {
  const sink = createJournalSink(options);
  t.after(() => sink.close(0));
  return sink;
}

function deadLetters(options: JournalSinkOptions): DeadLetter[] {
  const [service] = readdirSync(options.directory);
  return readFileSync(join(options.directory, service!, 'dead-letters.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const bulkDocuments = (body: string): { id: string; number: number }[] => {
  const lines = body.trimEnd().split('\n');
  return lines.flatMap((line, at) =>
    at % 2 === 1 ? [{ id: JSON.parse(lines[at - 1]!).create._id, number: JSON.parse(line).number }] : [],
  );
};

test('each document of a _bulk request has its own outcome', async (t) => {
  const taken = new Map<string, number>();
  const attempts = new Map<number, number>();
  const url = await backend(t, (body, path) => {
    assert.match(path, /^\/es\/logs-shop-production\/_bulk\?filter_path=/);
    const items = bulkDocuments(body).map(({ id, number }) => {
      const attempt = (attempts.get(number) ?? 0) + 1;
      attempts.set(number, attempt);
      if (number % 10 === 3)
        return { create: { status: 400, error: { type: 'document_parsing_exception', reason: 'field [x]' } } };
      if (number % 10 === 5 && attempt <= 3)
        return {
          create: {
            status: attempt === 2 ? 503 : 429,
            error: { type: 'es_rejected_execution_exception', reason: 'busy' },
          },
        };
      if (taken.has(id)) return { create: { status: 409, error: { type: 'version_conflict_engine_exception' } } };
      taken.set(id, number);
      return { create: { status: 201 } };
    });
    return { status: 200, body: JSON.stringify({ errors: true, items }) };
  });
  const options = sinkOptions(
    { elasticsearchUrl: `${url}/es`, zipkinUrl: url, statsdUrl: '' },
    { spans: undefined, statsd: undefined },
  );
  const sink = open(t, options);
  for (let at = 0; at < 100; at += 1) sink.log(document(at), false);
  const status = await settled(sink);
  assert.deepEqual(status.logs, counts({ accepted: 100, delivered: 90, deadLettered: 10 }));
  assert.equal(status.couriers.logs, 'healthy', 'single documents are no outage');
  assert.equal(taken.size, 90);
  assert.equal(attempts.get(3), 1);
  assert.equal(attempts.get(5), 4);
  const letters = deadLetters(options);
  assert.deepEqual(
    letters.map(({ record }) => JSON.parse(record).number),
    [3, 13, 23, 33, 43, 53, 63, 73, 83, 93],
  );
  assert.equal(letters[0]!.reason, '400 document_parsing_exception: field [x]');
  assert.equal(letters[0]!.signal, 'logs');
  assert.equal(letters[0]!.destination, `${url}/es`);
});

test('poison among spans is found by halving and set aside with its reason; all others arrive', async (t) => {
  const taken: string[] = [];
  const url = await backend(t, (body) => {
    const spans = JSON.parse(body) as { id: string; tags: Record<string, string> }[];
    if (spans.some(({ tags }) => tags['poison'] !== undefined)) return { status: 400, body: 'bad span' };
    taken.push(...spans.map(({ id }) => id));
    return { status: 202 };
  });
  const options = sinkOptions(
    { elasticsearchUrl: '', zipkinUrl: url, statsdUrl: '' },
    { logs: undefined, statsd: undefined },
  );
  const sink = open(t, options);
  for (let at = 0; at < 128; at += 1) sink.span(span(at, at === 17 || at === 90 ? { poison: true } : {}));
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 128, delivered: 126, deadLettered: 2 }));
  assert.equal(new Set(taken).size, 126);
  assert.equal(taken.length, 126);
  assert.deepEqual(
    deadLetters(options).map(({ reason, record }) => [reason, JSON.parse(record).id]),
    [
      ['HTTP 400 bad span', span(17).spanId],
      ['HTTP 400 bad span', span(90).spanId],
    ],
  );
});

test('a body limit: batches are split until they fit, and what alone is too large is set aside', async (t) => {
  const sizes: number[] = [];
  const url = await backend(t, (body) => {
    if (body.length > 5000) return { status: 413 };
    sizes.push(JSON.parse(body).length);
    return { status: 202 };
  });
  const sink = open(
    t,
    sinkOptions({ elasticsearchUrl: '', zipkinUrl: url, statsdUrl: '' }, { logs: undefined, statsd: undefined }),
  );
  for (let at = 0; at < 200; at += 1) sink.span(span(at, at === 7 ? { big: 'x'.repeat(6000) } : {}));
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 200, delivered: 199, deadLettered: 1 }));
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    199,
  );
});

test('batches are bounded by bytes, and two are under way at once', async (t) => {
  let largest = 0;
  let underWay = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    largest = Math.max(largest, bytes);
    setTimeout(() => {
      underWay -= 1;
      response.writeHead(202).end();
    }, 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const sink = open(
    t,
    sinkOptions(
      { elasticsearchUrl: '', zipkinUrl: url, statsdUrl: '' },
      { logs: undefined, statsd: undefined, tuning: { ...QUICK, batchBytes: 20_000 } },
    ),
  );
  for (let at = 0; at < 2000; at += 1) sink.span(span(at));
  const status = await settled(sink);
  assert.equal(status.spans.delivered, 2000);
  assert.ok(largest <= 21_000, `${largest} bytes`);
  assert.equal(most, 2);
});

test('Retry-After is waited for, also by a flush', async (t) => {
  const times: number[] = [];
  const url = await backend(t, () => {
    times.push(performance.now());
    return times.length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 202 };
  });
  const sink = open(
    t,
    sinkOptions({ elasticsearchUrl: '', zipkinUrl: url, statsdUrl: '' }, { logs: undefined, statsd: undefined }),
  );
  sink.span(span(1));
  sink.appendNow();
  sink.start();
  await eventually('the first attempt', () => (times.length === 1 ? true : undefined));
  await sink.flush(20_000);
  assert.equal(times.length, 2);
  assert.ok(times[1]! - times[0]! >= 990);
});

test('what Retry-After may say', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterMillis('5', now), 5000);
  assert.equal(retryAfterMillis('0', now), 0);
  assert.equal(retryAfterMillis('Thu, 01 Jan 2026 00:00:10 GMT', now), 10_000);
  assert.equal(retryAfterMillis('Wed, 31 Dec 2025 00:00:10 GMT', now), undefined);
  assert.equal(retryAfterMillis('99999', now), 300_000);
  assert.equal(retryAfterMillis('soon', now), undefined);
  assert.equal(retryAfterMillis(undefined, now), undefined);
});

test('a proxy that misses TLS or a client certificate says 400, and that is no word about the records', async (t) => {
  const pages = [
    'No required SSL certificate was sent',
    'The SSL certificate error',
    'The plain HTTP request was sent to HTTPS port',
    'Client sent an HTTP request to an HTTPS server.',
  ];
  const answers = pages.map((page) => ({ status: 400, body: `<title>400 ${page}</title>` }));
  const url = await backend(t, () => answers.shift() ?? { status: 202 });
  const sink = open(
    t,
    sinkOptions({ elasticsearchUrl: '', zipkinUrl: url, statsdUrl: '' }, { logs: undefined, statsd: undefined }),
  );
  for (let at = 0; at < 4; at += 1) sink.span(span(at));
  assert.deepEqual((await settled(sink)).spans, counts({ accepted: 4, delivered: 4 }));
  assert.equal(answers.length, 0);
});

test('records that are too old are dropped and counted', async (t) => {
  const sink = open(
    t,
    sinkOptions(
      { elasticsearchUrl: 'http://127.0.0.1:1', zipkinUrl: 'http://127.0.0.1:1', statsdUrl: '' },
      { statsd: undefined, maxAgeMillis: 1 },
    ),
  );
  sink.log(document(1), true);
  sink.span(span(1));
  const status = await settled(sink);
  assert.deepEqual(status.logs, counts({ accepted: 1, dropped: { expired: 1 } }));
  assert.deepEqual(status.spans, counts({ accepted: 1, dropped: { expired: 1 } }));
});

test('credentials: an API key wins, a password is basic, one in the address is used and never shown', async (t) => {
  const seen: unknown[] = [];
  const url = await backend(t, (body, _path, headers) => {
    seen.push(headers['authorization'], headers['x-tenant']);
    return {
      status: 200,
      body: JSON.stringify({ items: bulkDocuments(body).map(() => ({ create: { status: 201 } })) }),
    };
  });
  const notices: string[] = [];
  for (const logs of [
    { url, apiKey: 'a2V5', username: 'u', password: 'p', headers: { 'x-tenant': 'a' } },
    { url, username: 'u', password: 'p' },
    { url: url.replace('http://', 'http://user:s%C3%A9cret@') },
  ]) {
    const sink = open(
      t,
      sinkOptions(
        { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
        {
          spans: undefined,
          statsd: undefined,
          logs: { stream: 'logs-a-b', ...logs },
          onNotice: (text) => notices.push(text),
        },
      ),
    );
    sink.log(document(1), true);
    await settled(sink);
  }
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  assert.deepEqual(seen, ['ApiKey a2V5', 'a', basic('u:p'), undefined, basic('user:sécret'), undefined]);
});

test('a signal without an address takes nothing and counts nothing', async (t) => {
  const options = sinkOptions(
    { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
    { logs: undefined, spans: undefined, statsd: undefined },
  );
  const sink = open(t, options);
  sink.log(document(1), true);
  sink.span(span(1));
  sink.statsd(['a:1|c']);
  await sink.flush(1000);
  const status = sink.status();
  assert.deepEqual(status.logs, counts());
  assert.deepEqual(status.spans, counts());
  assert.deepEqual(status.couriers, { logs: 'off', spans: 'off' });
  assert.throws(() => readdirSync(options.directory), /ENOENT/, 'nothing was opened');
});

test('a directory that cannot be made: counted, said once, nothing thrown', async (t) => {
  const receiver = await receiverFor(t);
  const notices: string[] = [];
  const options = sinkOptions(receiver, { onNotice: (text) => notices.push(text) });
  writeFileSync(options.directory, 'a file');
  const sink = open(t, options);
  for (let at = 0; at < 5; at += 1) sink.log(document(at), true);
  sink.span(span(1));
  const status = sink.status();
  assertBalanced(status);
  assert.deepEqual(status.logs, counts({ accepted: 5, dropped: { disk_error: 5 } }));
  assert.deepEqual(status.spans, counts({ accepted: 1, dropped: { disk_error: 1 } }));
  assert.equal(status.journalBytes, 0);
  assert.equal(notices.length, 1);
  assert.match(
    notices[0]!,
    /^SIGHTLINE_E_JOURNAL: the journal in .* cannot be written \(.*\); records are dropped and counted\. Set SIGHTLINE_DATA_DIR/,
  );
});

test('a journal that is deleted while it is in use: what was in it is counted as lost, and delivery goes on', async (t) => {
  const receiver = await receiverFor(t);
  const faults = Array.from({ length: 10_000 }, () => ({ status: 503 }));
  receiver.fail(/_bulk/, ...faults);
  const options = sinkOptions(receiver, { spans: undefined });
  const sink = open(t, options);
  for (let at = 0; at < 10; at += 1) sink.log(document(at), true);
  await sink.flush(200);
  rmSync(options.directory, { recursive: true });
  // The writer looks once a second whether its journal is still there.
  await eventually('a new journal', () => {
    sink.log(document(99), true);
    try {
      return readdirSync(options.directory)[0];
    } catch {
      return undefined;
    }
  });
  receiver.heal();
  const status = await settled(sink);
  assert.ok((status.logs.dropped['lost'] ?? 0) >= 10, JSON.stringify(status.logs));
  assert.ok(status.logs.delivered >= 1);
});

test('after close nothing is taken, and it is counted', async (t) => {
  const receiver = await receiverFor(t);
  const sink = open(t, sinkOptions(receiver));
  sink.log(document(1), true);
  await sink.close(5000);
  sink.log(document(2), true);
  sink.span(span(1));
  assert.deepEqual(sink.status().logs, counts({ accepted: 2, delivered: 1, dropped: { closed: 1 } }));
  assert.deepEqual(sink.status().spans, counts({ accepted: 1, dropped: { closed: 1 } }));
  await sink.flush(1000);
  sink.drainSync(1000);
  await sink.close(1000);
});

test('close and flush keep their deadline while a backend hangs', async (t) => {
  const receiver = await receiverFor(t);
  receiver.fail(/_bulk/, 'hang', 'hang', 'hang');
  const sink = createJournalSink(sinkOptions(receiver, { tuning: { ...QUICK, requestTimeoutMillis: 60_000 } }));
  sink.log(document(1), true);
  const before = performance.now();
  await sink.flush(100);
  await sink.close(200);
  // Far below the time limit of the request: generous, because the machine may be busy.
  assert.ok(performance.now() - before < 20_000);
  assert.deepEqual(sink.status().logs, counts({ accepted: 1, onDisk: 1 }));
});

test('quiet: an address that nobody asked for is spoken of once', async (t) => {
  const notices: string[] = [];
  const sink = open(
    t,
    sinkOptions(
      { elasticsearchUrl: 'http://127.0.0.1:1', zipkinUrl: 'http://127.0.0.1:1', statsdUrl: '' },
      { spans: undefined, statsd: undefined, quiet: true, onNotice: (text) => notices.push(text) },
    ),
  );
  sink.log(document(1), true);
  await eventually('the notice', () => (notices.length > 0 ? true : undefined));
  await sink.flush(300);
  assert.equal(notices.length, 1);
});

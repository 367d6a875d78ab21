import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { JournalSinkOptions, OtlpDestination } from '../../lib/delivery/delivery-options.ts';
import type { DeadLetter } from '../../lib/delivery/journal/dead-letter.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { decodeOtlp } from '../../lib/testing/otlp-decode.ts';
import { assertBalanced, counts, document, settled, sinkOptions, span } from './sink-fixture.ts';

interface Answer {
  readonly status: number;
  readonly body?: Buffer | string;
  readonly contentType?: string;
}

/** A collector that the test plays. */
async function collector(
  t: TestContext,
  answer: (request: Record<string, any>, headers: IncomingHttpHeaders) => Answer,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const message = request.url === '/v1/traces' ? 'TracesData' : 'LogsData';
    const { status, body: text, contentType } = answer(decodeOtlp(message, body), request.headers);
    response.writeHead(status, { 'content-type': contentType ?? 'application/x-protobuf' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function open(t: TestContext, url: string, change: Partial<OtlpDestination> = {}) {
  const to = (signal: string): OtlpDestination => ({
    kind: 'otlp',
    url: `${url}/v1/${signal}`,
    protocol: 'http/protobuf',
    gzip: false,
    ...change,
  });
  const options = sinkOptions(
    { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
    { logs: to('logs'), spans: to('traces'), statsd: undefined },
  );
  const sink = createJournalSink(options);
  t.after(() => sink.close(0));
  return { sink, options };
}

function deadLetters(options: JournalSinkOptions): DeadLetter[] {
  const [service] = readdirSync(options.directory);
  return readFileSync(join(options.directory, service!, 'dead-letters.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const spansOf = (request: Record<string, any>): Record<string, any>[] =>
  (request['resourceSpans'] ?? []).flatMap(({ scopeSpans }: any) => scopeSpans.flatMap(({ spans }: any) => spans));
const recordsOf = (request: Record<string, any>): Record<string, any>[] =>
  (request['resourceLogs'] ?? []).flatMap(({ scopeLogs }: any) => scopeLogs[0].logRecords);

/** `partial_success { rejected_spans: count, error_message: "no" }`. */
const partial = (count: number) => Buffer.from([0x0a, 0x06, 0x08, count, 0x12, 0x02, 0x6e, 0x6f]);

test('what a collector takes only in part is counted, and nothing is sent twice', async (t) => {
  let sent = 0;
  const url = await collector(t, (request) => {
    sent += spansOf(request).length;
    return { status: 200, body: partial(3) };
  });
  const { sink } = open(t, url);
  for (let at = 0; at < 20; at += 1) sink.span(span(at));
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 20, delivered: 17, dropped: { rejected: 3 } }));
  assert.equal(sent, 20);
  assert.equal(status.couriers.spans, 'healthy');
});

test('a batch that is rejected as a whole is set aside with the words of the collector', async (t) => {
  const url = await collector(t, (request) => ({ status: 200, body: partial(spansOf(request).length) }));
  const { sink, options } = open(t, url);
  for (let at = 0; at < 3; at += 1) sink.span(span(at));
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 3, deadLettered: 3 }));
  const letters = deadLetters(options);
  assert.equal(letters[0]!.reason, 'rejected: no');
  // A dead letter can be sent by hand: `{"resourceSpans":[…]}`.
  assert.equal(JSON.parse(letters[0]!.record).scopeSpans[0].spans[0].spanId, span(0).spanId);
});

test('poison among spans and logs is found by halving; a document that cannot be read keeps nothing else back', async (t) => {
  const taken: string[] = [];
  const url = await collector(t, (request) => {
    const names = spansOf(request).map(({ name, spanId }) => `${name} ${spanId}`);
    if (names.some((name) => name.startsWith('poison'))) return { status: 400, body: 'bad', contentType: 'text/plain' };
    taken.push(...names, ...recordsOf(request).map(({ body }) => body.stringValue));
    return { status: 200 };
  });
  const { sink, options } = open(t, url);
  for (let at = 0; at < 50; at += 1) {
    sink.span(at === 17 ? { ...span(at), name: 'poison' } : span(at));
    sink.log(at === 30 ? 'no document' : document(at), false);
  }
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 50, delivered: 49, deadLettered: 1 }));
  assert.deepEqual(status.logs, counts({ accepted: 50, delivered: 49, deadLettered: 1 }));
  assert.equal(new Set(taken).size, 98);
  assert.equal(taken.length, 98);
  const reasons = deadLetters(options).map(({ signal, reason }) => `${signal}: ${reason}`);
  assert.match(reasons.sort().join('\n'), /^logs: cannot be read: SyntaxError.*\nspans: HTTP 400 bad$/);
});

test('headers and compression as they were given', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const url = await collector(t, (_request, headers) => {
    seen.push(headers);
    return { status: 200 };
  });
  const { sink } = open(t, url, { gzip: true, headers: { 'api-key': 'a=b' } });
  sink.span(span(1, { text: 'x'.repeat(5000) }));
  await settled(sink);
  assert.equal(seen[0]!['content-encoding'], 'gzip');
  assert.equal(seen[0]!['api-key'], 'a=b');
  assert.equal(seen[0]!['content-type'], 'application/x-protobuf');
  await sink.close(2000);
  assertBalanced(sink.status());
});

test('a span that is too large for the journal is cut and stays readable for a collector', async (t) => {
  let received: Record<string, any> | undefined;
  const url = await collector(t, (request) => {
    received = spansOf(request)[0];
    return { status: 200 };
  });
  const { sink } = open(t, url);
  const events = [{ name: 'exception', timeMicros: 1000, attributes: { list: ['x'.repeat(200_000), 'short'] } }];
  sink.span({ ...span(1, { text: 'y'.repeat(300_000), codes: [1, 2] }), events });
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: 1, delivered: 1 }));
  assert.equal(received?.['spanId'], span(1).spanId);
  const [text, codes] = received!['attributes'];
  assert.match(text.value.stringValue, /^y+…\[cut by sightline\]$/);
  assert.deepEqual(codes.value.arrayValue.values, [{ intValue: '1' }, { intValue: '2' }]);
  const [long, short] = received!['events'][0].attributes[0].value.arrayValue.values;
  assert.match(long.stringValue, /^x+…\[cut by sightline\]$/);
  assert.equal(short.stringValue, 'short');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { type Fault, type Receiver, startReceiver } from '../support/receiver.ts';
import { eventually } from '../support/wait.ts';
import { assertBalanced, counts, document, QUICK, receiverFor, settled, sinkOptions, span } from './sink-fixture.ts';

const RECORDS = 200;

/** Who takes logs and spans, and what arrived there, by number. */
interface Backends {
  readonly name: string;
  readonly path: RegExp;
  readonly options: (receiver: Receiver) => Partial<JournalSinkOptions>;
  /** Numbers of the log documents that a backend keeps, in order; where copies are told apart by their ID, each once. */
  readonly logs: (receiver: Receiver) => readonly number[];
  /** Each span as it came, repeated ones included: its ID and all of it. */
  readonly spans: (receiver: Receiver) => readonly { readonly id: string; readonly text: string }[];
}

/** What an index keeps that stores a document once under its ID. */
function onceEach(
  documents: readonly Record<string, any>[],
  idOf: (document: Record<string, any>) => string,
): number[] {
  return [...new Map(documents.map((document) => [idOf(document), document['number'] as number])).values()];
}

const BACKENDS: readonly Backends[] = [
  {
    name: 'Elasticsearch and Zipkin',
    path: /_bulk|spans/,
    options: () => ({}),
    logs: (receiver) => receiver.documents.map((line) => line['number']),
    spans: (receiver) => receiver.spans.map((received) => ({ id: received.id, text: JSON.stringify(received) })),
  },
  {
    name: 'Logstash by http',
    path: /logstash|spans/,
    options: (receiver) => ({ logs: { kind: 'logstash', url: receiver.logstashUrl } }),
    logs: (receiver) => onceEach(receiver.logstash, (document) => document['event.id']),
    spans: (receiver) => receiver.spans.map((received) => ({ id: received.id, text: JSON.stringify(received) })),
  },
  ...(['http/protobuf', 'http/json'] as const).map(
    (protocol): Backends => ({
      name: `OTLP ${protocol}`,
      path: /v1.logs|v1.traces/,
      options: (receiver) => ({
        logs: { kind: 'otlp', url: `${receiver.otlpUrl}/v1/logs`, protocol, gzip: false },
        spans: { kind: 'otlp', url: `${receiver.otlpUrl}/v1/traces`, protocol, gzip: protocol === 'http/json' },
      }),
      logs: (receiver) => {
        const records = receiver.otlpLogs.flatMap(({ scopeLogs }) => scopeLogs[0].logRecords);
        const documents = records.map(({ attributes }) =>
          Object.fromEntries(
            attributes.map(({ key, value }: any) => [key, value.stringValue ?? Number(value.intValue)]),
          ),
        );
        return onceEach(documents, (document) => document['log.record.uid']);
      },
      spans: (receiver) =>
        receiver.otlpSpans
          .flatMap(({ scopeSpans }) => scopeSpans[0].spans)
          .map((received) => ({ id: received.spanId, text: JSON.stringify(received) })),
    }),
  ),
];

/** Each fault hits both backends, several requests in a row, from the first one on. */
const FAULTS: readonly { readonly name: string; readonly faults: readonly Fault[] }[] = [
  { name: 'nothing wrong', faults: [] },
  { name: 'connection reset before the body', faults: ['reset', 'reset', 'reset'] },
  { name: 'answer lost after everything was taken', faults: ['lose-answer', 'lose-answer'] },
  { name: 'no answer', faults: ['hang', 'hang'] },
  { name: '429', faults: [{ status: 429 }, { status: 429 }, { status: 429 }] },
  { name: '429 with Retry-After: 0', faults: [{ status: 429, headers: { 'retry-after': '0' } }] },
  { name: '503', faults: Array.from({ length: 8 }, () => ({ status: 503, body: 'busy' })) },
  { name: '500, 502, 504, 408', faults: [{ status: 500 }, { status: 502 }, { status: 504 }, { status: 408 }] },
  {
    name: 'redirect',
    faults: [
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      { status: 308, headers: { location: '/' } },
    ],
  },
  { name: 'wrong credentials for a while', faults: [{ status: 401 }, { status: 403 }] },
  { name: 'not found for a while', faults: [{ status: 404 }] },
  {
    name: 'a web page with 200',
    faults: [{ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>sign in</html>' }],
  },
  { name: '413 for everything but small batches', faults: [{ status: 413 }, { status: 413 }, { status: 413 }] },
];

const cells = BACKENDS.flatMap((backends) => FAULTS.map((fault) => ({ backends, ...fault })));
for (const { backends, name, faults } of cells) {
  test(`${backends.name}, ${name}: nothing lost, logs exactly once, spans at least once, the ledger balances`, async (t) => {
    const receiver = await receiverFor(t);
    for (const path of backends.path.source.split('|')) receiver.fail(new RegExp(path), ...faults);
    const tuning = faults.includes('hang') ? { ...QUICK, requestTimeoutMillis: 300 } : QUICK;
    const sink = createJournalSink(sinkOptions(receiver, { tuning, ...backends.options(receiver) }));
    t.after(() => sink.close(0));
    for (let at = 0; at < RECORDS; at += 1) {
      sink.log(document(at), at % 3 === 0);
      sink.span(span(at));
    }
    const status = await settled(sink);
    assert.deepEqual(status.logs, counts({ accepted: RECORDS, delivered: RECORDS }));
    assert.deepEqual(status.spans, counts({ accepted: RECORDS, delivered: RECORDS }));
    assert.deepEqual(status.couriers, { logs: 'healthy', spans: 'healthy' });
    assert.deepEqual(status.lastErrors, {});
    assert.deepEqual(
      backends.logs(receiver),
      Array.from({ length: RECORDS }, (_, at) => at),
      'each once, in order',
    );
    const spans = backends.spans(receiver);
    assert.equal(new Set(spans.map(({ id }) => id)).size, RECORDS);
    if (name.startsWith('answer lost') && backends === BACKENDS[0])
      assert.ok(receiver.conflicts() > 0, 'the test did lose an answer');
    // Sent again byte for byte.
    const bodies = new Map<string, string>();
    for (const { id, text } of spans) {
      assert.equal(bodies.get(id) ?? text, text);
      bodies.set(id, text);
    }
    await sink.close(2000);
    assertBalanced(sink.status());
  });
}

test('a backend that is down when the first records come, and comes up', async (t) => {
  const receiver = await startReceiver();
  const { port } = new URL(receiver.url);
  await receiver.close();
  const notices: string[] = [];
  const sink = createJournalSink(sinkOptions(receiver, { onNotice: (text) => notices.push(text) }));
  t.after(() => sink.close(0));
  for (let at = 0; at < RECORDS; at += 1) {
    sink.log(document(at), true);
    sink.span(span(at));
  }
  await sink.flush(200);
  const during = await eventually('both couriers to fail', () => {
    const status = sink.status();
    // An outage is spoken of when the attempt after the first one has failed too.
    return notices.length === 2 && status.lastErrors.logs !== undefined && status.lastErrors.spans !== undefined
      ? status
      : undefined;
  });
  assertBalanced(during);
  assert.deepEqual(during.logs, counts({ accepted: RECORDS, onDisk: RECORDS }));
  assert.deepEqual(during.couriers, { logs: 'failing', spans: 'failing' });
  assert.match(during.lastErrors.logs ?? '', /ECONNREFUSED/);
  assert.ok(during.oldestUnsentSeconds > 0);
  assert.ok(during.journalBytes > 0);

  const again = await receiverFor(t, Number(port));
  const status = await settled(sink);
  assert.equal(status.logs.delivered, RECORDS);
  assert.equal(status.oldestUnsentSeconds, 0);
  assert.equal(again.documents.length, RECORDS);
  assert.equal(again.spans.length, RECORDS);
  await sink.close(2000);
  await eventually('the notices', () => (notices.length >= 4 ? true : undefined));
  const said = (pattern: RegExp) => notices.filter((text) => pattern.test(text)).length;
  assert.equal(said(/^logs: .* does not take them \(.*ECONNREFUSED/), 1, notices.join('\n'));
  assert.equal(said(/^traces: .* does not take them/), 1);
  assert.equal(said(/^logs: .* takes them again after [0-9.]+ s; \d+ records waited$/), 1);
  assert.equal(notices.length, 4, notices.join('\n'));
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { allLetters } from '../../lib/delivery/journal/dead-letter-files.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { available } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { startZipkin } from '../backends/zipkin.ts';
import { eventually } from '../support/wait.ts';
import { counts, document, QUICK, settled, sinkOptions, span } from './sink-fixture.ts';

/** More than one batch, and spans of every shape that the encoder knows. */
const RECORDS = 500;
const TUNING = { ...QUICK, requestTimeoutMillis: 10_000, batchBytes: 20_000 };

for (const kind of ['elasticsearch', 'opensearch'] as const) {
  test(`real ${kind}: every line once in the data stream, a mapping error set aside`, {
    skip: available(kind),
  }, async (t) => {
    const elasticsearch = await startElasticsearch([], kind);
    t.after(() => elasticsearch.stop());
    await elasticsearch.request('PUT', '/_index_template/sightline-test', {
      index_patterns: ['logs-shop-production'],
      data_stream: {},
      priority: 500,
      template: { mappings: { properties: { number: { type: 'long' } } } },
    });
    const options = sinkOptions(
      { elasticsearchUrl: elasticsearch.url, zipkinUrl: '', statsdUrl: '' },
      { spans: undefined, statsd: undefined, tuning: TUNING },
    );
    const sink = createJournalSink(options);
    t.after(() => sink.close(0));
    for (let at = 0; at < RECORDS; at += 1) sink.log(document(at), at % 7 === 0);
    sink.log(document(RECORDS, { number: 'no number' }), true);
    const status = await settled(sink);
    assert.deepEqual(status.logs, counts({ accepted: RECORDS + 1, delivered: RECORDS, deadLettered: 1 }));
    const [service = ''] = readdirSync(options.directory);
    const [letter, ...more] = allLetters(join(options.directory, service));
    assert.equal(more.length, 0);
    assert.equal(letter?.reason, `the field "number" is 'no number' here, but of type long in the index`);
    assert.match(
      letter?.response ?? '',
      /^400 (?:document|mapper)_parsing_exception: .*failed to parse field \[number\]/,
    );
    await elasticsearch.refresh();
    const found = await elasticsearch.search('logs-shop-production', { match_all: {} });
    assert.deepEqual(
      found.map((line) => line['number']).sort((a, b) => a - b),
      Array.from({ length: RECORDS }, (_, at) => at),
    );
    // It is a data stream, not an index that happens to have this name.
    const { hits } = await elasticsearch.request('POST', '/logs-shop-production/_search', { size: 1 });
    assert.match(hits.hits[0]._index, /^\.ds-logs-shop-production-/);
    await findsWhatIsErased(elasticsearch);
  });

  /** What docs/privacy.md erases by a query: the documents of one correlation ID and no others, whatever the mapping of their stream. */
  async function findsWhatIsErased(elasticsearch: Awaited<ReturnType<typeof startElasticsearch>>): Promise<void> {
    const page = readFileSync(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
    const [, streams = '', body = ''] =
      /"\$ELASTICSEARCH\/(\S+)\/_delete_by_query"[^']*'[^']*' \\\n {2}-d '(.*)'/.exec(page) ?? [];
    const now = new Date().toISOString();
    for (const stream of ['logs-shop-production', 'logs-plain-production']) {
      for (const id of ['order-1', 'order-2', 'order-11'])
        await elasticsearch.request('POST', `/${stream}/_doc`, {
          '@timestamp': now,
          message: 'm',
          'correlation.id': id,
        });
    }
    await elasticsearch.refresh();
    // The module that deletes by query is not in every installation; what it deletes is what the query finds.
    const found = await elasticsearch.search(streams, JSON.parse(body.replace('THE-ID', 'order-1')).query);
    assert.deepEqual(
      found.map((line) => line['correlation.id']),
      ['order-1', 'order-1'],
    );
  }
}

test('real Zipkin: every span, with what the encoder puts into it', { skip: available('zipkin') }, async (t) => {
  const zipkin = await startZipkin();
  t.after(() => zipkin.stop());
  const options = sinkOptions(
    { elasticsearchUrl: '', zipkinUrl: `${zipkin.url}/api/v2/spans`, statsdUrl: '' },
    { logs: undefined, statsd: undefined, tuning: TUNING },
  );
  const sink = createJournalSink(options);
  t.after(() => sink.close(0));
  const traceId = '1af7651916cd43dd8448eb211c80319c';
  for (let at = 0; at < RECORDS; at += 1)
    sink.span({ ...span(at, { at, 'text "quoted"': 'ä\n\u2028😀', lone: '\ud800' }), traceId });
  sink.span({
    ...span(RECORDS, { 'server.address': 'billing.internal', 'server.port': 443 }),
    traceId,
    kind: 2,
    statusCode: 2,
    durationMicros: 0,
    events: [
      {
        name: 'exception',
        timeMicros: Date.now() * 1000,
        attributes: { 'exception.type': 'TypeError', 'exception.message': 'no', 'exception.stacktrace': 'at x' },
      },
    ],
    links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), attributes: {} }],
  });
  const status = await settled(sink);
  assert.deepEqual(status.spans, counts({ accepted: RECORDS + 1, delivered: RECORDS + 1 }));
  const found = await eventually('all spans', async () => {
    const spans = await zipkin.trace(traceId);
    return spans.length === RECORDS + 1 ? spans : undefined;
  });
  const byId = new Map(found.map((candidate) => [candidate.id, candidate]));
  assert.equal(byId.size, RECORDS + 1);
  assert.equal(byId.get(span(3).spanId)?.tags?.['at'], '3');
  assert.equal(byId.get(span(3).spanId)?.tags?.['text "quoted"'], 'ä\n\n😀');
  const failed = byId.get(span(RECORDS).spanId) as any;
  assert.equal(failed.tags['error'], 'no');
  assert.equal(failed.tags['exception.stacktrace'], 'at x');
  assert.equal(failed.tags['otlp.link.0'], `${'a'.repeat(32)}|${'b'.repeat(16)}||{}|0`);
  assert.equal(failed.duration, 1);
  assert.equal(failed.remoteEndpoint.serviceName, 'billing.internal');
  const [searched] = await zipkin.traces({ serviceName: 'shop', annotationQuery: 'exception.type=TypeError' });
  assert.equal(searched?.[0]?.traceId, traceId);
});

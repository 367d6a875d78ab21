/** What every `Store` keeps to, whatever it is built on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordOf } from '../../lib/stack/ingest/zipkin-spans.ts';
import type { LogRecord, Sample, Store } from '../../lib/stack/store/store.ts';
import type { ZipkinSpan } from '../../lib/stack/zipkin-span.ts';

export type StoreFactory = (options: {
  now: () => number;
  maxAgeMillis: number;
  maxBytes: number;
  maxQueuedBytes?: number;
}) => Promise<Store>;

const HOUR = 3_600_000;
const AT = 1_800_000_000_000;
const MICROS = AT * 1000;
const DEFAULTS = { now: () => AT, maxAgeMillis: HOUR, maxBytes: 512 * 1024 ** 2 };

export const span = (part: Partial<ZipkinSpan> & { id: string }): ZipkinSpan => ({
  traceId: '0123456789abcdef0123456789abcdef',
  name: 'GET /Orders/:id',
  kind: 'SERVER',
  timestamp: MICROS,
  duration: 5000,
  localEndpoint: { serviceName: 'Shop' },
  ...part,
});

export const log = (part: Partial<LogRecord> & { documentId: string }): LogRecord => ({
  stream: 'logs-shop-test',
  create: true,
  timestamp: MICROS,
  service: 'shop',
  level: 'info',
  traceId: undefined,
  correlationId: undefined,
  body: JSON.stringify({
    '@timestamp': new Date(AT).toISOString(),
    message: `line ${part.documentId}`,
    'log.level': 'info',
    http: { status: 200 },
  }),
  ...part,
});

const sample = (name: string, labels: Record<string, string>, value: number, timestamp = AT): Sample => ({
  labels: { __name__: name, ...labels },
  value,
  timestamp,
});

/** Declares the tests of the contract. */
export function storeContract(name: string, open: StoreFactory): void {
  const using = (
    title: string,
    body: (store: Store) => Promise<void>,
    options: Partial<Parameters<StoreFactory>[0]> = {},
  ): void =>
    void test(`${name}: ${title}`, async () => {
      const store = await open({ ...DEFAULTS, ...options });
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });

  using('a span that is sent twice is kept once; a changed one is kept too', async (store) => {
    await store.appendSpans([recordOf(span({ id: '00000000000000a1' }))]);
    await store.appendSpans([
      recordOf(span({ id: '00000000000000a1' })),
      recordOf(span({ id: '00000000000000a1', duration: 9 })),
    ]);
    assert.equal((await store.trace('0123456789abcdef0123456789abcdef')).length, 2);
    assert.deepEqual(await store.trace('f'.repeat(32)), []);
  });

  using('spans come back as they were sent, in order of time', async (store) => {
    const late = span({ id: '00000000000000a2', timestamp: MICROS + 5, tags: { ünïcode: '\u0000"\\' } });
    await store.appendSpans([recordOf(late), recordOf(span({ id: '00000000000000a1' }))]);
    const bodies = (await store.trace(late.traceId)).map((body) => JSON.parse(body) as ZipkinSpan);
    assert.deepEqual(bodies, [span({ id: '00000000000000a1' }), late]);
  });

  using('names are lower case, distinct and sorted', async (store) => {
    await store.appendSpans([
      recordOf(span({ id: '00000000000000a1' })),
      recordOf(span({ id: '00000000000000a2', name: 'b', remoteEndpoint: { serviceName: 'Db' } })),
      recordOf(span({ id: '00000000000000a3', localEndpoint: { serviceName: 'api' } })),
      recordOf({ traceId: '1'.repeat(32), id: '00000000000000a4' }),
    ]);
    assert.deepEqual(await store.services(), ['api', 'shop']);
    assert.deepEqual(await store.spanNames('SHOP'), ['b', 'get /orders/:id']);
    assert.deepEqual(await store.remoteServices('shop'), ['db']);
    assert.deepEqual(await store.spanNames('nobody'), []);
  });

  using('a repeated document: create conflicts, index replaces', async (store) => {
    assert.deepEqual(
      (await store.appendLogs([log({ documentId: 'a' }), log({ documentId: 'a' })])).map((outcome) => outcome.result),
      ['created', 'conflict'],
    );
    const [again] = await store.appendLogs([log({ documentId: 'a', create: false, body: '{"message":"new"}' })]);
    assert.deepEqual([again!.result, again!.version], ['updated', 2]);
    const found = await store.searchLogs({ streams: [], predicate: { kind: 'all' }, order: 'asc', size: 10, from: 0 });
    assert.deepEqual(
      found.hits.map((hit) => hit.body),
      ['{"message":"new"}'],
    );
    assert.equal((await store.appendLogs([log({ documentId: 'a', stream: 'logs-other-test' })]))[0]!.result, 'created');
  });

  using('a search pages, orders and filters by stream, column and content', async (store) => {
    await store.appendLogs(
      Array.from({ length: 5 }, (_, index) =>
        log({ documentId: `d${index}`, timestamp: MICROS + index, correlationId: index % 2 === 0 ? 'even' : 'odd' }),
      ),
    );
    await store.appendLogs([log({ documentId: 'x', stream: 'logs-other-test', timestamp: MICROS + 99 })]);
    const ids = async (part: Partial<Parameters<Store['searchLogs']>[0]>) => {
      const found = await store.searchLogs({
        streams: ['logs-shop-*'],
        predicate: { kind: 'all' },
        order: 'asc',
        size: 10,
        from: 0,
        ...part,
      });
      return [found.total, ...found.hits.map((hit) => hit.documentId)];
    };
    assert.deepEqual(await ids({}), [5, 'd0', 'd1', 'd2', 'd3', 'd4']);
    assert.deepEqual(await ids({ order: 'desc', size: 2, from: 1 }), [5, 'd3', 'd2']);
    assert.deepEqual(await ids({ predicate: { kind: 'equals', field: 'correlation.id', value: 'odd' } }), [
      2,
      'd1',
      'd3',
    ]);
    assert.deepEqual(await ids({ predicate: { kind: 'range', field: '@timestamp', gt: MICROS, lte: MICROS + 2 } }), [
      2,
      'd1',
      'd2',
    ]);
    assert.deepEqual(
      await ids({ predicate: { kind: 'equals', field: 'http.status', value: '200' }, size: 2, from: 2 }),
      [5, 'd2', 'd3'],
    );
    assert.deepEqual(
      await ids({
        predicate: { kind: 'not', of: { kind: 'words', field: 'message', words: ['d3'], how: 'any' } },
        size: 0,
      }),
      [4],
    );
    assert.deepEqual(await ids({ streams: [] }), [6, 'd0', 'd1', 'd2', 'd3', 'd4', 'x']);
    assert.deepEqual(await store.streams(), [
      { stream: 'logs-other-test', documents: 1 },
      { stream: 'logs-shop-test', documents: 5 },
    ]);
  });

  async function instant(store: Store, query: string, at = AT): Promise<string[]> {
    const answer = await store.promql({ query, start: at, end: at, step: 0 });
    assert.ok(answer.ok && answer.value.type === 'vector', JSON.stringify(answer));
    return answer.value.series.map(({ labels, values }) => `${labels['job']}=${values[0]}`);
  }

  using('metrics: the last value within five minutes, matched by labels', async (store) => {
    await store.appendMetrics({
      families: [{ name: 'up', type: 'gauge', help: 'h', unit: '' }],
      samples: [
        sample('up', { job: 'a' }, 0, AT - 1000),
        sample('up', { job: 'a' }, 1),
        sample('up', { job: 'b' }, Number.NaN),
        sample('up', { job: 'old' }, 1, AT - 300_000),
        sample('other', { job: 'a' }, Number.POSITIVE_INFINITY),
      ],
    });
    const up = { name: '__name__', operator: '=', value: 'up' } as const;
    assert.deepEqual(await instant(store, 'up'), ['a=1', 'b=NaN']);
    assert.deepEqual(await instant(store, 'up', AT - 1), ['a=0', 'old=1']);
    assert.deepEqual(await instant(store, 'up{job=~"b|c"}'), ['b=NaN']);
    assert.deepEqual(await instant(store, '{job="a"}'), ['a=1', 'a=Infinity']);
    assert.deepEqual(await instant(store, 'sum without (job) (count_over_time(up[2s] offset -1ms))'), ['undefined=3']);
    assert.deepEqual(await store.families(), [{ name: 'up', type: 'gauge', help: 'h', unit: '' }]);
    assert.equal((await store.series([[up]], { start: AT - 500, end: AT })).length, 2);
  });

  using('metrics: a series that is marked as ended is gone at once, and may come back', async (store) => {
    const stale = { ...sample('up', { job: 'a' }, Number.NaN, AT + 1000), stale: true };
    await store.appendMetrics({
      families: [],
      samples: [sample('up', { job: 'a' }, 1), stale, sample('up', { job: 'a' }, 2, AT + 2000)],
    });
    assert.deepEqual(await instant(store, 'up', AT + 999), ['a=1']);
    assert.deepEqual(await instant(store, 'up', AT + 1000), []);
    assert.deepEqual(await instant(store, 'up', AT + 2000), ['a=2']);
    assert.deepEqual(await instant(store, 'count_over_time(up[1m])', AT + 2000), ['a=2']);
  });

  using('metrics: what is wrong with a query is in the answer', async (store) => {
    const ask = (query: string) => store.promql({ query, start: AT, end: AT + 1000, step: 1000 });
    assert.deepEqual(await ask('sum('), {
      ok: false,
      type: 'bad_data',
      error: 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    });
    assert.deepEqual(await ask('label_replace(up, "a", "b", "c", "(")'), {
      ok: false,
      type: 'execution',
      error: 'invalid regular expression in label_replace(): (',
    });
  });

  using('an exemplar that is scraped again is kept once, and leads to its trace', async (store) => {
    const traceId = 'a'.repeat(32);
    const withExemplar = (timestamp: number): Sample => ({
      ...sample('x_bucket', { le: '1.0' }, 1, timestamp),
      exemplar: { labels: { trace_id: traceId }, value: 0.5, timestamp },
    });
    await store.appendMetrics({ families: [], samples: [withExemplar(AT)] });
    await store.appendMetrics({ families: [], samples: [withExemplar(AT + 5000)] });
    const found = await store.exemplars([{ name: '__name__', operator: '=', value: 'x_bucket' }], {
      start: AT - 1,
      end: AT + 9999,
    });
    assert.deepEqual(found, [
      { seriesLabels: { __name__: 'x_bucket', le: '1.0' }, labels: { trace_id: traceId }, value: 0.5, timestamp: AT },
    ]);
    assert.equal((await store.correlate(traceId))?.exemplars.length, 1);
  });

  using('one ID leads to its traces, spans and lines; an unknown one to nothing', async (store) => {
    const one = '1'.repeat(32);
    const two = '2'.repeat(32);
    await store.appendSpans([
      recordOf(span({ traceId: one, id: '00000000000000a1', tags: { 'correlation.id': 'cart/7' } })),
      recordOf(span({ traceId: one, id: '00000000000000a2', parentId: '00000000000000a1', timestamp: MICROS + 1 })),
      recordOf(span({ traceId: two, id: '00000000000000a3', tags: { 'correlation.id': 'other' } })),
    ]);
    await store.appendLogs([
      log({ documentId: 'by-id', correlationId: 'cart/7', timestamp: MICROS + 9 }),
      log({ documentId: 'by-trace', traceId: one, timestamp: MICROS + 3 }),
      log({ documentId: 'both', traceId: one, correlationId: 'cart/7', timestamp: MICROS + 6 }),
      log({ documentId: 'stranger', traceId: two }),
    ]);
    const found = (await store.correlate('cart/7'))!;
    assert.deepEqual(found.traceIds, [one]);
    assert.deepEqual(
      found.logs.map((hit) => hit.documentId),
      ['by-trace', 'both', 'by-id'],
    );
    assert.equal(found.spans.length, 2);
    const byTrace = (await store.correlate(one.toUpperCase()))!;
    assert.deepEqual([byTrace.spans.length, byTrace.logs.length, byTrace.correlationIds], [2, 2, ['cart/7']]);
    assert.equal(await store.correlate('nothing'), undefined);
    assert.equal(await store.correlate('f'.repeat(32)), undefined);
  });

  using('recent requests: newest first, with their root, services and errors', async (store) => {
    const at = (index: number) => MICROS + index * 1_000_000;
    for (let index = 0; index < 5; index += 1) {
      const traceId = String(index + 1).repeat(32);
      await store.appendSpans([
        recordOf(
          span({
            traceId,
            id: '00000000000000b2',
            parentId: '00000000000000b1',
            timestamp: at(index) + 5,
            localEndpoint: { serviceName: 'db' },
            tags: { error: '' },
          }),
        ),
        recordOf(
          span({
            traceId,
            id: '00000000000000b1',
            timestamp: at(index),
            name: `GET /${index}`,
            tags: { 'correlation.id': `c${index}` },
          }),
        ),
      ]);
    }
    const recent = await store.recent(2);
    assert.deepEqual(
      recent.map((request) => [
        request.correlationId,
        (JSON.parse(request.rootSpan) as ZipkinSpan).name,
        request.services,
        request.spans,
        request.errors,
      ]),
      [
        ['c4', 'GET /4', ['Shop', 'db'], 2, 1],
        ['c3', 'GET /3', ['Shop', 'db'], 2, 1],
      ],
    );
  });

  let clock = AT;
  using(
    'what is older than the retention goes, by the time it came in',
    async (store) => {
      clock = AT;
      await store.appendSpans([recordOf(span({ id: '00000000000000a1' }))]);
      await store.appendMetrics({ families: [], samples: [sample('up', {}, 1, AT)] });
      clock = AT + HOUR / 2;
      // Its own time is long ago: a journal that was held up must not be deleted on arrival.
      await store.appendLogs([log({ documentId: 'late', timestamp: MICROS - 5 * HOUR * 1000 })]);
      clock = AT + HOUR;
      await store.prune();
      assert.equal((await store.statistics()).spans, 1, 'as old as the retention is kept');
      clock = AT + HOUR + 1;
      await store.prune();
      const { spans, logs, samples, series } = await store.statistics();
      assert.deepEqual({ spans, logs, samples, series }, { spans: 0, logs: 1, samples: 0, series: 0 });
      await store.appendMetrics({ families: [], samples: [sample('up', {}, 2, clock)] });
      assert.deepEqual(await instant(store, 'up', clock), ['undefined=2']);
    },
    { now: () => clock },
  );

  let ticking = AT;
  using(
    'more than the byte bound: the oldest goes, the newest stays',
    async (store) => {
      ticking = AT;
      const text = 'x'.repeat(10_000);
      for (let batch = 0; batch < 60; batch += 1) {
        ticking += 60_000;
        await store.appendLogs(
          Array.from({ length: 100 }, (_, index) =>
            log({
              documentId: `${batch}-${index}`,
              correlationId: `batch-${batch}`,
              body: JSON.stringify({ message: text }),
            }),
          ),
        );
      }
      await store.prune();
      const { bytes, logs } = await store.statistics();
      assert.ok(bytes <= 32 * 1024 ** 2, `${bytes} bytes are kept`);
      assert.ok(logs > 500, `${logs} documents are left`);
      assert.equal(await store.correlate('batch-0'), undefined);
      assert.equal((await store.correlate('batch-59'))?.logs.length, 100);
    },
    { now: () => ticking, maxBytes: 32 * 1024 ** 2, maxAgeMillis: 24 * HOUR },
  );

  using(
    'a full queue refuses instead of growing, and takes again afterwards',
    async (store) => {
      const body = JSON.stringify({ message: 'x'.repeat(40_000) });
      const first = store.appendLogs([log({ documentId: 'a', body })]);
      await assert.rejects(store.appendLogs([log({ documentId: 'b', body })]), { name: 'StoreBusy' });
      await first;
      assert.equal((await store.appendLogs([log({ documentId: 'b', body })]))[0]!.result, 'created');
    },
    { maxQueuedBytes: 60_000 },
  );

  using('after close nothing is taken, and close again is fine', async (store) => {
    await store.close();
    await assert.rejects(store.appendSpans([recordOf(span({ id: '00000000000000a1' }))]));
    await store.close();
  });
}

/** What services and tools send to the local stack: taken, or refused by name, never by an accident. */
import assert from 'node:assert/strict';
import { lintMetrics } from '../../../lib/codec/lint/lint-metrics.ts';
import { readYaml } from '../../../lib/stack/config/yaml-subset.ts';
import { BulkMalformed, takeBulk } from '../../../lib/stack/ingest/elasticsearch-bulk.ts';
import { ExpositionMalformed, parseExposition } from '../../../lib/stack/ingest/exposition-parser.ts';
import { readTargetGroups } from '../../../lib/stack/ingest/scrape-discovery.ts';
import { discoverTargets, plainJob } from '../../../lib/stack/ingest/scrape-targets.ts';
import { StatsdAggregate } from '../../../lib/stack/ingest/statsd-aggregate.ts';
import { readZipkinSpans, SpansMalformed } from '../../../lib/stack/ingest/zipkin-spans.ts';
import type { LogRecord, Store } from '../../../lib/stack/store/store.ts';
import { metricsPage, sampleRequest } from '../../stack/sample-request.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileJson, mutateJson } from '../hostile-json.ts';
import { hostileText, mutate, plainText } from '../hostile-text.ts';
import { assertUnpolluted } from '../oracles.ts';
import type { Random } from '../random.ts';

const SAMPLE = sampleRequest(1_790_000_000_000_000);
const YAML = `global:
  scrape_interval: 5s # quick
scrape_configs:
  - job_name: "shop"
    metrics_path: /metrics
    static_configs:
      - targets: ['127.0.0.1:9470', "localhost:9471"]
        labels: {}
      - targets:
          - a:1
`;
/** Lines that make statistics of tags, samples, signs and several values. */
const STATSD = [
  'orders.created:3|c',
  'depth:-4|g',
  'depth:+4|g',
  'wait:320|ms|@0.1',
  'wait:1:2:3|h|#queue:mail,shop:eu|c:abc',
  'users:4f|s',
  'orders,shop=eu,kind=card:1|c',
  'd:1|d|@0.5|#a|T1656581400',
];

/** Runs `read`; only errors of the given classes are answers. */
function answered<Result>(
  read: () => Result,
  ...classes: readonly (new (
    ...args: never[]
  ) => Error)[]
): Result | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof Error && error.message !== '', String(error));
    if (classes.length > 0)
      assert.ok(
        classes.some((one) => error instanceof one),
        error.stack,
      );
    assert.ok(!(error instanceof RangeError && /call stack/i.test(error.message)), error.stack);
    return undefined;
  }
}

function zipkin(random: Random): number {
  let text = JSON.stringify(
    mutateJson(
      random,
      random.times(random.below(4), () => random.pick(SAMPLE.spans)),
      random.pick([4, 12, 40]),
    ),
  );
  if (random.oneIn(4)) text = mutate(random, text);
  for (const record of answered(() => readZipkinSpans(text), SpansMalformed) ?? []) {
    assert.match(record.traceId, /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/);
    assert.match(record.spanId, /^[0-9a-f]{16}$/);
    assert.ok(Number.isSafeInteger(record.timestamp) && Number.isSafeInteger(record.duration));
    JSON.parse(record.body);
  }
  return text.length;
}

async function bulk(random: Random): Promise<number> {
  const lines: string[] = [];
  for (let left = random.size(6); left > 0; left -= 1) {
    const action = {
      [random.pick(['create', 'index', 'create', 'update', 'delete'])]: random.oneIn(3)
        ? hostileJson(random, 1)
        : { _index: 'logs-shop-test', _id: random.oneIn(3) ? hostileJson(random, 1) : plainText(random) },
    };
    lines.push(
      JSON.stringify(random.oneIn(8) ? hostileJson(random) : action),
      JSON.stringify(mutateJson(random, random.pick(SAMPLE.documents), random.pick([4, 20]))),
    );
  }
  let text = `${lines.join('\n')}\n`;
  if (random.oneIn(3)) text = mutate(random, text);
  const records: LogRecord[] = [];
  const store = {
    appendLogs: async (given: readonly LogRecord[]) => {
      records.push(...given);
      return given.map(() => ({ result: 'created', version: 1, sequence: 1 }));
    },
  } as unknown as Store;
  try {
    const items = await takeBulk(text, {
      store,
      defaultIndex: random.oneIn(2) ? 'logs-a-b' : undefined,
      nowMillis: 1_790_000_000_000,
    });
    for (const item of items) assert.equal(typeof item.body['status'], 'number', 'every action has its outcome');
    for (const record of records)
      assert.ok(Number.isFinite(record.timestamp) && Buffer.byteLength(record.documentId) <= 512);
  } catch (error) {
    assert.ok(error instanceof BulkMalformed, (error as Error).stack);
  }
  return text.length;
}

function statsd(random: Random): number {
  const aggregate = new StatsdAggregate();
  let size = 0;
  for (let left = random.size(30); left > 0; left -= 1) {
    const packet = random
      .times(random.between(1, 4), () =>
        random.oneIn(6) ? hostileText(random, 500) : mutate(random, random.pick(STATSD)),
      )
      .join('\n');
    size += packet.length;
    aggregate.take(packet);
  }
  const { families, samples } = aggregate.flush(5);
  for (const { name } of families) assert.match(name, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
  for (const { labels } of samples)
    for (const name of Object.keys(labels)) assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_]*$/);
  assertUnpolluted();
  return size * 4;
}

function page(random: Random): number {
  const text = random.oneIn(6) ? hostileText(random) : mutate(random, metricsPage());
  for (const format of ['text', 'openmetrics'] as const) {
    const read = answered(() => parseExposition(text, format), ExpositionMalformed);
    for (const { labels } of read?.samples ?? []) assert.match(labels['__name__'] ?? '', /^[a-zA-Z_:]/);
    const [result] = lintMetrics([{ source: 'page', text, format }]);
    for (const { line, column, message } of result?.findings ?? [])
      assert.ok(line >= 1 && column >= 1 && message !== '' && message.length < 2000);
    if (read === undefined)
      assert.ok(
        (result?.findings.length ?? 0) > 0 || text.trim() === '' || format === 'openmetrics',
        'what the stack refuses, lint names',
      );
  }
  return text.length * 2;
}

function configuration(random: Random): number {
  const yaml = random.oneIn(5) ? hostileText(random, 2000) : mutate(random, YAML);
  answered(() => readYaml(yaml), Error);
  const targets = JSON.stringify(
    mutateJson(random, [{ targets: ['127.0.0.1:9470'], labels: { job: 'shop', __scheme__: 'http' } }], 4),
  );
  const groups = answered(() => readTargetGroups(targets), Error) ?? [];
  const job = plainJob('fuzz', () => groups);
  for (const { url } of discoverTargets([job], () => {}).active) assert.match(new URL(url).protocol, /^https?:$/);
  return yaml.length * 4 + targets.length;
}

export const STACK_INGEST: FuzzTarget = {
  name: 'stack-ingest',
  shortCases: 600,
  async run(random) {
    const size = await random.pick([zipkin, bulk, statsd, page, configuration])(random);
    assertUnpolluted();
    return size;
  },
};

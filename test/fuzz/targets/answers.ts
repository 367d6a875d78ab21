/** What backends, other processes and disks give back: read or refused, never believed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCleanBulkResponse, parseBulkResponse } from '../../../lib/codec/es-bulk.ts';
import { parsePartialSuccess } from '../../../lib/codec/otlp.ts';
import { readProtobuf } from '../../../lib/codec/protobuf.ts';
import { RecordKind } from '../../../lib/delivery/journal/record-kind.ts';
import {
  encodeHeader,
  HEADER_BYTES,
  RECORD_HEADER_BYTES,
  sealRecord,
  segmentName,
} from '../../../lib/delivery/journal/segment-format.ts';
import { SegmentReader } from '../../../lib/delivery/journal/segment-reader.ts';
import { MetricAggregate } from '../../../lib/metrics/aggregate.ts';
import { unpackFamilies } from '../../../lib/metrics/aggregate-wire.ts';
import { renderPage } from '../../../lib/metrics/exposition.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileJson } from '../hostile-json.ts';
import { hostileName, hostileText, mutate, mutateBytes, plainText } from '../hostile-text.ts';
import { assertUnpolluted } from '../oracles.ts';
import type { Random } from '../random.ts';

function bulkAnswer(random: Random): number {
  const count = random.below(6);
  const items = random.times(count, () => ({
    create: random.oneIn(4)
      ? {
          status: random.pick([201, 409, 429, 400, 503]),
          error: random.oneIn(2)
            ? { type: hostileJson(random, 1), reason: hostileJson(random, 2) }
            : hostileJson(random, 1),
        }
      : { status: 201 },
  }));
  let text = JSON.stringify(
    random.oneIn(5)
      ? hostileJson(random)
      : { errors: false, items: random.oneIn(4) ? [...items, hostileJson(random)] : items },
  );
  if (random.oneIn(3)) text = mutate(random, text);
  isCleanBulkResponse(text, count);
  const outcomes = parseBulkResponse(text, count);
  assert.ok(outcomes === undefined || outcomes.length === count);
  for (const outcome of outcomes ?? [])
    assert.ok(outcome.kind === 'delivered' || outcome.reason.length <= 600, 'a reason is bounded');
  return text.length;
}

function collectorAnswer(random: Random): number {
  const message = hostileText(random, 300);
  const json = JSON.stringify({
    partialSuccess: random.oneIn(3)
      ? hostileJson(random)
      : { rejectedSpans: hostileJson(random, 0), errorMessage: message },
  });
  const body = Buffer.from(random.oneIn(2) ? mutate(random, json) : json);
  const partial = parsePartialSuccess('application/json', body);
  assert.ok(partial === undefined || (partial.rejected > 0 && typeof partial.message === 'string'));
  const inner = Buffer.concat([
    Buffer.from([8, 3, 18, Math.min(127, Buffer.byteLength(message))]),
    Buffer.from(message).subarray(0, 127),
  ]);
  const bytes = mutateBytes(random, Buffer.concat([Buffer.from([10, Math.min(127, inner.length)]), inner]));
  parsePartialSuccess('application/x-protobuf', bytes);
  try {
    for (const { field } of readProtobuf(bytes)) assert.ok(Number.isFinite(field));
  } catch (error) {
    assert.ok(error instanceof RangeError, String(error));
  }
  return body.length + bytes.length;
}

/** A worker of another version sends its metrics. */
async function clusterAnswer(random: Random): Promise<number> {
  const point = (): unknown =>
    random.oneIn(4)
      ? hostileJson(random, 2)
      : {
          kind: random.pick(['number', 'histogram', 'summary']),
          labelNames: random.oneIn(5) ? hostileJson(random, 1) : ['a'],
          labelValues: random.oneIn(5) ? hostileJson(random, 1) : [hostileText(random, 40)],
          value: random.oneIn(4) ? hostileJson(random, 0) : random.below(9),
          bounds: [1, 2],
          bucketCounts: random.oneIn(4) ? hostileJson(random, 1) : [1, 2, 3],
          sum: random.pick([1, 'Infinity', null]),
          exemplars: hostileJson(random, 1),
        };
  const family = (): unknown =>
    random.oneIn(5)
      ? hostileJson(random, 2)
      : {
          name: plainText(random),
          type: random.pick(['counter', 'gauge', 'histogram', 'summary', 'info', 'other']),
          help: hostileText(random, 60),
          points: random.times(random.size(5), point),
        };
  const wire = JSON.stringify(random.times(random.size(6), family));
  const families = unpackFamilies(JSON.parse(wire));
  const aggregate = new MetricAggregate({ seriesLimit: 3 });
  for (const source of ['1', '2', '3']) aggregate.put(source, families);
  aggregate.retire('2');
  for (const accept of [undefined, 'application/openmetrics-text; version=1.0.0'])
    assert.equal(typeof (await renderPage(async () => aggregate.families(), accept)).body, 'string');
  return wire.length * 12;
}

let directory: string | undefined;

/** A journal that a disk has damaged: what is read was written, and no more is missing than is said. */
function journal(random: Random): number {
  directory ??= temporaryDirectory('fuzz-journal');
  const texts = random.times(random.between(1, 20), (at) => `${at} ${hostileName(random)}`);
  const header = encodeHeader({
    segment: 1,
    fingerprint: 'ab'.repeat(16),
    journalId: 'cd'.repeat(8),
    writerId: 'ef'.repeat(8),
    createdMillis: 5,
    firstNumbers: { [RecordKind.LOG]: 1, [RecordKind.SPAN]: 1 },
  } as never);
  assert.equal(header.length, HEADER_BYTES);
  const records = texts.map((text, at) => {
    const payload = Buffer.from(text);
    const bytes = Buffer.alloc(RECORD_HEADER_BYTES + payload.length);
    payload.copy(bytes, RECORD_HEADER_BYTES);
    sealRecord(bytes, 0, RecordKind.LOG, at + 1, 5, payload.length);
    return bytes;
  });
  const whole = Buffer.concat([header, ...records]);
  const damaged = random.oneIn(6) ? whole : mutateBytes(random, whole);
  writeFileSync(join(directory, segmentName(1)), damaged);
  const written = new Set(texts.map((text) => Buffer.from(text).toString()));
  const reader = new SegmentReader({
    path: directory,
    kind: RecordKind.LOG,
    start: undefined,
    segments: () => [1],
    limit: () => undefined,
    onDamage: () => {},
  });
  let read = 0;
  let lost = 0;
  try {
    for (let turns = 0; turns < 100; turns += 1) {
      const batch = reader.read(random.size(2000));
      if (batch === undefined) break;
      for (let at = 0; at < batch.records.length; at += 1) {
        const payload = batch.records.recordAt(at).payload.toString();
        assert.ok(written.has(payload), `a record that nobody wrote: ${payload.slice(0, 100)}`);
        read += 1;
      }
      lost += batch.lost;
      assert.ok(turns < 99, 'reading does not end');
    }
  } finally {
    reader.close();
  }
  assert.ok(lost >= 0 && read <= texts.length);
  if (damaged === whole) assert.deepEqual([read, lost], [texts.length, 0]);
  return damaged.length * 40;
}

export const ANSWERS: FuzzTarget = {
  name: 'answers',
  shortCases: 600,
  async run(random) {
    const size = await random.pick([bulkAnswer, collectorAnswer, clusterAnswer, journal])(random);
    assertUnpolluted();
    return size;
  },
};

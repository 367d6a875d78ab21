/** `REPLAY_MB=512 node --test test/delivery/replay.test.ts` measures the largest backlog that a journal keeps by default. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { destinationFingerprint } from '../../lib/delivery/delivery-options.ts';
import { journalName, serviceDirectory } from '../../lib/delivery/journal/journal-directory.ts';
import { JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import { SharedLedger } from '../../lib/delivery/shared-ledger.ts';
import { startChild } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { document, RESOURCE, sinkOptions } from './sink-fixture.ts';

const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;
const BACKLOG_BYTES = Number(process.env['REPLAY_MB'] ?? 48) * 1024 ** 2;
/** What replay may add to the memory of the process, whatever the backlog: the worker, its heap, chunks and requests under way. */
const MAX_GROWTH_BYTES = 200 * 1024 ** 2;
const LINE_BYTES = 1000;

const APP = `
  import { monitorEventLoopDelay } from 'node:perf_hooks';
  const { createJournalSink } = await import(process.env.SINK);
  const sink = createJournalSink({ ...JSON.parse(process.env.OPTIONS), onNotice: () => {} });
  const before = process.memoryUsage.rss();
  let most = before;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // The same loop with nothing to send, for comparison: how busy the machine is.
  for (let at = 0; at < 50; at += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  const idleP99 = delay.percentile(99) / 1e6;
  delay.reset();
  const began = performance.now();
  sink.start();
  const expected = Number(process.env.EXPECT);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    most = Math.max(most, process.memoryUsage.rss());
    const { logs } = sink.status();
    if (logs.accepted >= expected && logs.onDisk === 0) break;
  }
  const seconds = (performance.now() - began) / 1000;
  const { logs } = sink.status();
  await sink.close(5000);
  console.log(JSON.stringify({ growth: most - before, seconds, idleP99, delayP99: delay.percentile(99) / 1e6, delivered: logs.delivered }));
`;

test('a backlog is sent at bounded memory, whatever its size', { timeout: 300_000 }, async (t) => {
  let received = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      let lines = 0;
      for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) lines += 1;
      received += lines / 2;
      const item = '{"create":{"status":201}}';
      response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' }).end(
        `{"errors":false,"items":[${Array(lines / 2)
          .fill(item)
          .join()}]}`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const elasticsearchUrl = `http://127.0.0.1:${port}`;
  const closed = { elasticsearchUrl, zipkinUrl: 'http://127.0.0.1:1', statsdUrl: 'udp://127.0.0.1:1' };
  const { onNotice: _, ...options } = sinkOptions(closed, { maxBytes: 1024 ** 3, tuning: {} });
  const directory = serviceDirectory(options.directory, RESOURCE.serviceName, destinationFingerprint(options));
  const writer = new JournalWriter({
    root: options.directory,
    directory,
    fingerprint: destinationFingerprint(options),
    maxBytes: options.maxBytes,
    ledger: new SharedLedger(),
    onDrop: (_signal, reason) => assert.fail(reason),
    onOpen: () => {},
    onTrouble: () => {},
  });
  let records = 0;
  for (let bytes = 0; bytes < BACKLOG_BYTES; bytes += LINE_BYTES) {
    writer.append(RecordKind.LOG, document(records, { text: 'x'.repeat(LINE_BYTES - 100) }));
    records += 1;
  }
  const journal = writer.close()!;
  renameSync(journal.path, join(dirname(journal.path), journalName(undefined, journal.journalId)));

  const path = join(temporaryDirectory('replay'), 'app.mjs');
  writeFileSync(path, APP);
  const env = { SINK: SOURCE, OPTIONS: JSON.stringify(options), EXPECT: String(records) };
  const ended = await startChild({ args: [path], env, timeoutMillis: 240_000 }).ended;
  assert.equal(ended.code, 0, ended.stderr);
  const { growth, seconds, idleP99, delayP99, delivered } = JSON.parse(ended.stdout);
  t.diagnostic(
    `${records} records: ${seconds.toFixed(1)} s, memory +${Math.round(growth / 1024 ** 2)} MiB, event loop p99 ${delayP99.toFixed(1)} ms, ${idleP99.toFixed(1)} ms with nothing to send`,
  );
  assert.equal(delivered, records);
  assert.equal(received, records);
  assert.ok(growth < MAX_GROWTH_BYTES, `${growth} bytes`);
});

/**
 * What one span costs the app's thread on its way into the journal: encoding alone, and encoding plus append with one
 * write a turn of the loop. CPU time, so that other processes disturb less; the median of several rounds.
 *
 * node benchmarks/micro/journal.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createZipkinEncoder } from '../../lib/codec/zipkin-v2.ts';
import { JournalWriter } from '../../lib/delivery/journal/journal-writer.ts';
import { RecordKind } from '../../lib/delivery/journal/record-kind.ts';
import { SharedLedger } from '../../lib/delivery/shared-ledger.ts';
import type { Resource } from '../../lib/model/resource.ts';
import type { SpanData } from '../../lib/model/span.ts';

const ROUNDS = 7;
const SPANS = 100_000;
/** Spans and access lines that end in one turn of the loop under load. */
const TURN = 16;

const resource: Resource = {
  serviceName: 'shop',
  serviceVersion: '1.2.3',
  instanceId: '0b9ff1b2-5c1e-4a0e-9a51-3a2b9b1f0d3c',
  environment: 'production',
  hostName: 'host',
  pid: 1,
  attributes: {},
};

function span(at: number): SpanData {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: at.toString(16).padStart(16, '0'),
    parentSpanId: '00f067aa0ba902b7',
    name: 'GET /orders/:id',
    kind: 1,
    startMicros: 1_700_000_000_000_000 + at,
    durationMicros: 1234,
    attributes: {
      'http.request.method': 'GET',
      'url.path': `/orders/${at}`,
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'http.route': '/orders/:id',
      'server.address': '127.0.0.1',
      'server.port': 8080,
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'user_agent.original': 'curl/8.5.0',
      'correlation.id': '0af7651916cd43dd8448eb211c80319c',
    },
    events: [],
    links: [],
    statusCode: 0,
    statusMessage: undefined,
    scopeName: '',
    scopeVersion: '',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
  };
}

const spans = Array.from({ length: 1000 }, (_, at) => span(at));

/** Nanoseconds of CPU a call, the median of the rounds after a warm-up. */
function measure(name: string, body: (at: number) => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let at = 0; at < SPANS; at += 1) body(at);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) rounds.push(((user + system) * 1000) / SPANS);
  }
  rounds.sort((a, b) => a - b);
  const [lowest, median, highest] = [rounds[0]!, rounds[rounds.length >> 1]!, rounds.at(-1)!];
  console.log(`${name.padEnd(44)} ${median.toFixed(0).padStart(6)} ns  [${lowest.toFixed(0)} - ${highest.toFixed(0)}]`);
}

const encode = createZipkinEncoder(resource);
const scratch = Buffer.allocUnsafeSlow(1024 ** 2);
measure('encode a span, flattened', (at) => {
  scratch.write(encode(spans[at % 1000]!));
});

const root = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
const writer = new JournalWriter({
  root: join(root, 'journal'),
  directory: join(root, 'journal', 'shop'),
  fingerprint: '00'.repeat(16),
  maxBytes: 4 * 1024 ** 3,
  ledger: new SharedLedger(),
  onDrop: (_signal, reason) => {
    throw new Error(`dropped: ${reason}`);
  },
  onOpen: () => {},
  onTrouble: () => {},
});
measure(`encode and append, one write for ${TURN}`, (at) => {
  writer.append(RecordKind.SPAN, encode(spans[at % 1000]!));
  if (at % TURN === TURN - 1) writer.flush();
});
measure('encode and append, one write each', (at) => {
  writer.append(RecordKind.SPAN, encode(spans[at % 1000]!));
  writer.flush();
});
const line = JSON.stringify({
  '@timestamp': '2026-01-01T00:00:00.000Z',
  message: 'order placed',
  'trace.id': '0af7651916cd43dd8448eb211c80319c',
  more: 'x'.repeat(300),
});
measure('append a log line, one write each', () => {
  writer.append(RecordKind.LOG, line);
  writer.flush();
});
writer.close();
rmSync(root, { recursive: true, force: true });

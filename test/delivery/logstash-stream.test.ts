import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import type { TelemetrySink } from '../../lib/model/telemetry-sink.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { assertBalanced, counts, document, QUICK, settled, sinkOptions } from './sink-fixture.ts';

const RECORDS = 200;

interface Input {
  readonly port: number;
  readonly lines: string[];
  readonly sockets: Set<Socket>;
  /** Connections that are there stay. */
  stopListening(): void;
  close(): void;
}

/** A tcp input with the codec `json_lines`. */
async function startInput(
  t: TestContext,
  { server = createServer(), port = 0, read = true }: { server?: Server; port?: number; read?: boolean } = {},
): Promise<Input> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  server.on(
    server.constructor.name === 'Server' && 'setSecureContext' in server ? 'secureConnection' : 'connection',
    (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      if (!read) {
        socket.pause();
        return;
      }
      let rest = '';
      socket.on('data', (chunk) => {
        const parts = (rest + chunk.toString()).split('\n');
        rest = parts.pop()!;
        lines.push(...parts);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  t.after(close);
  return {
    port: (server.address() as { port: number }).port,
    lines,
    sockets,
    stopListening: () => server.close(),
    close,
  };
}

function open(
  t: TestContext,
  url: string,
  change: { caFile?: string; requestTimeoutMillis?: number; onNotice?: (text: string) => void } = {},
) {
  const { caFile, onNotice, ...tuning } = change;
  const sink = createJournalSink(
    sinkOptions(
      { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
      {
        logs: { kind: 'logstash', url, caFile },
        spans: undefined,
        statsd: undefined,
        tuning: { ...QUICK, ...tuning },
        ...(onNotice && { onNotice }),
      },
    ),
  );
  t.after(() => sink.close(0));
  return sink;
}

/** Lets it connect, and nobody after that: buffers of the system for each new connection would take more and more. */
async function connectOnce(sink: TelemetrySink, input: Input): Promise<void> {
  sink.log(document(0), true);
  await eventually('a connection', () => (input.sockets.size === 1 ? true : undefined));
  input.stopListening();
}

const numbers = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).number as number);
const all = Array.from({ length: RECORDS }, (_, at) => at);

test('tcp: each record is one line with its ID, in order, and counts as sent, not as delivered', async (t) => {
  const input = await startInput(t);
  const sink = open(t, `tcp://127.0.0.1:${input.port}`);
  for (const at of all) sink.log(document(at, { text: 'line\nend' }), at % 3 === 0);
  const status = await settled(sink);
  assert.deepEqual(status.logs, counts({ accepted: RECORDS, sentUnconfirmed: RECORDS }));
  assert.equal(status.couriers.logs, 'healthy');
  await eventually('all lines', () => (input.lines.length === RECORDS ? true : undefined));
  assert.deepEqual(numbers(input.lines), all);
  const ids = input.lines.map((line) => JSON.parse(line)['event.id'] as string);
  assert.equal(new Set(ids).size, RECORDS);
  assert.match(ids[0]!, /^[0-9a-f]{16}-1$/);
  assert.equal(input.sockets.size, 1, 'one connection that stays open');
  await sink.close(2000);
  assertBalanced(sink.status());
});

test('tcp: nobody listens at first; what waits on disk leaves when somebody does', async (t) => {
  const before = await startInput(t);
  before.close();
  const notices: string[] = [];
  const sink = open(t, `tcp://127.0.0.1:${before.port}`, { onNotice: (text) => notices.push(text) });
  for (const at of all) sink.log(document(at), true);
  const during = await eventually('the courier to fail', () => {
    const status = sink.status();
    return notices.length === 1 && status.lastErrors.logs !== undefined ? status : undefined;
  });
  assert.deepEqual(during.logs, counts({ accepted: RECORDS, onDisk: RECORDS }));
  assert.match(during.lastErrors.logs ?? '', /^tcp:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  const input = await startInput(t, { port: before.port });
  const status = await settled(sink);
  assert.deepEqual(status.logs, counts({ accepted: RECORDS, sentUnconfirmed: RECORDS }));
  await eventually('all lines', () => (input.lines.length >= RECORDS ? true : undefined));
  assert.deepEqual(numbers(input.lines), all);
});

test('tcp: a connection that was closed is made again', async (t) => {
  const input = await startInput(t);
  const sink = open(t, `tcp://127.0.0.1:${input.port}`);
  for (let round = 0; round < 3; round += 1) {
    sink.log(document(round), true);
    await eventually('the line', () => (numbers(input.lines).includes(round) ? true : undefined));
    for (const socket of input.sockets) socket.destroy();
  }
  const status = await settled(sink);
  assert.deepEqual(status.logs, counts({ accepted: 3, sentUnconfirmed: 3 }));
});

test('tcp: a peer that reads nothing is a failure, and nothing that it did not take is called sent', async (t) => {
  const input = await startInput(t, { read: false });
  const sink = open(t, `tcp://127.0.0.1:${input.port}`, { requestTimeoutMillis: 300 });
  await connectOnce(sink, input);
  const text = 'x'.repeat(200_000);
  for (let at = 0; at < 100; at += 1) sink.log(document(at, { text }), false);
  const status = await eventually('the courier to fail', () => {
    const now = sink.status();
    assertBalanced(now);
    return now.lastErrors.logs === undefined ? undefined : now;
  });
  assert.match(status.lastErrors.logs ?? '', /nothing taken within 300 ms|ECONNREFUSED/);
  assert.ok(status.logs.onDisk > 0);
});

test('tls: with the certificate of its authority; without it nothing leaves', async (t) => {
  const directory = temporaryDirectory('tls');
  const key = join(directory, 'key.pem');
  const certificate = join(directory, 'certificate.pem');
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=IP:127.0.0.1,DNS:localhost',
        '-keyout',
        key,
        '-out',
        certificate,
      ],
      { stdio: 'ignore' },
    );
  } catch {
    t.skip('openssl is not installed');
    return;
  }
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) });
  server.on('tlsClientError', () => {});
  const input = await startInput(t, { server });
  const stranger = open(t, `tls://127.0.0.1:${input.port}`);
  stranger.log(document(0), true);
  const failing = await eventually('the courier to fail', () => {
    const status = stranger.status();
    return status.lastErrors.logs === undefined ? undefined : status;
  });
  assert.match(failing.lastErrors.logs ?? '', /certificate/);
  assert.deepEqual(failing.logs, counts({ accepted: 1, onDisk: 1 }));
  await stranger.close(0);
  for (const host of ['127.0.0.1', 'localhost']) {
    const sink = open(t, `tls://${host}:${input.port}`, { caFile: certificate });
    sink.log(document(7), true);
    assert.deepEqual((await settled(sink)).logs, counts({ accepted: 1, sentUnconfirmed: 1 }));
  }
  await eventually('the lines', () => (input.lines.length === 2 ? true : undefined));
  assert.deepEqual(numbers(input.lines), [7, 7]);
});

/** Certificates between the couriers and their backends, by real handshakes: what is wrong is said, and nothing is lost. */
import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, suite, type TestContext, test } from 'node:test';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import type { TlsFiles } from '../../lib/delivery/tls-files.ts';
import type { Signal, TelemetrySink } from '../../lib/model/telemetry-sink.ts';
import type { Receiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { Authority, type Identity, noOpenssl } from './authority.ts';
import { counts, document, QUICK, receiverFor, settled, sinkOptions, span } from './sink-fixture.ts';
import { type Front, startFront } from './tls-front.ts';

const RECORDS = 20;

interface Secured {
  readonly name: string;
  readonly signal: Signal;
  readonly variables: string;
  readonly outcome: 'delivered' | 'sentUnconfirmed';
  destination(port: number, files: TlsFiles): Partial<JournalSinkOptions>;
}

const only = (change: Partial<JournalSinkOptions>): Partial<JournalSinkOptions> => ({
  logs: undefined,
  spans: undefined,
  statsd: undefined,
  ...change,
});
const otlp = (port: number, path: string, files: TlsFiles) =>
  ({
    kind: 'otlp',
    url: `https://127.0.0.1:${port}/otlp/v1/${path}`,
    protocol: 'http/protobuf',
    gzip: false,
    ...files,
  }) as const;

const BACKENDS: readonly Secured[] = [
  {
    name: 'Elasticsearch',
    signal: 'logs',
    variables: 'SIGHTLINE_ELASTICSEARCH_CLIENT_CERTIFICATE_FILE',
    outcome: 'delivered',
    destination: (port, files) =>
      only({ logs: { url: `https://127.0.0.1:${port}/elasticsearch`, stream: 'logs-a-b', ...files } }),
  },
  {
    name: 'Logstash (http)',
    signal: 'logs',
    variables: 'SIGHTLINE_LOGSTASH_CLIENT_CERTIFICATE_FILE',
    outcome: 'delivered',
    destination: (port, files) =>
      only({ logs: { kind: 'logstash', url: `https://127.0.0.1:${port}/logstash`, ...files } }),
  },
  {
    name: 'Logstash (tls)',
    signal: 'logs',
    variables: 'SIGHTLINE_LOGSTASH_CLIENT_CERTIFICATE_FILE',
    outcome: 'sentUnconfirmed',
    destination: (port, files) => only({ logs: { kind: 'logstash', url: `tls://127.0.0.1:${port}`, ...files } }),
  },
  {
    name: 'Zipkin',
    signal: 'spans',
    variables: 'SIGHTLINE_ZIPKIN_CLIENT_CERTIFICATE_FILE',
    outcome: 'delivered',
    destination: (port, files) => only({ spans: { url: `https://127.0.0.1:${port}/zipkin/api/v2/spans`, ...files } }),
  },
  {
    name: 'OTLP (traces)',
    signal: 'spans',
    variables: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    outcome: 'delivered',
    destination: (port, files) => only({ spans: otlp(port, 'traces', files) }),
  },
  {
    name: 'OTLP (logs)',
    signal: 'logs',
    variables: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    outcome: 'delivered',
    destination: (port, files) => only({ logs: otlp(port, 'logs', files) }),
  },
];

/** What is there before, and what is put right afterwards, without a restart. */
interface Trouble {
  readonly name: string;
  readonly says: RegExp;
  /** For tls:// where it differs. */
  spoil(scene: Scene): void;
  mend(scene: Scene): void;
}

interface Scene {
  readonly front: Front;
  /** Where the files of the client are. */
  readonly files: Required<{ [Name in keyof TlsFiles]: string }>;
}

let ours: Authority;
let theirs: Authority;
let good: Identity;
let expired: Identity;
let elsewhere: Identity;
let client: Identity;
let stranger: Identity;

const use = ({ files }: Scene, { certificate, key }: Identity): void => {
  copyFileSync(certificate, files.certificateFile!);
  copyFileSync(key, files.keyFile!);
};

const TROUBLES: readonly Trouble[] = [
  {
    name: 'an authority that did not sign it',
    says: /is signed by nobody that is known here .*; name the PEM file of its authority in /,
    spoil: ({ files }) => copyFileSync(theirs.certificate, files.caFile!),
    mend: ({ files }) => copyFileSync(ours.certificate, files.caFile!),
  },
  {
    name: 'a file of the authority that is not there',
    says: /the file .* cannot be used \(ENOENT.*; correct (?:SIGHTLINE|OTEL)_/,
    spoil: ({ files }) => rmSync(files.caFile!),
    mend: ({ files }) => copyFileSync(ours.certificate, files.caFile!),
  },
  {
    name: 'a certificate that has expired',
    says: /has expired \(CERT_HAS_EXPIRED\); renew it/,
    spoil: ({ front }) => front.show(expired),
    mend: ({ front }) => front.show(good),
  },
  {
    name: 'a certificate for another host',
    says: /is for other names \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    spoil: ({ front }) => front.show(elsewhere),
    mend: ({ front }) => front.show(good),
  },
  {
    name: 'a client certificate of a stranger',
    says: /closed the connection|does not take our client certificate/,
    spoil: (scene) => use(scene, stranger),
    mend: (scene) => use(scene, client),
  },
  {
    name: 'a key that is not that of the certificate',
    says: /the key is not that of the certificate\); correct .* and /,
    spoil: (scene) => use(scene, { certificate: client.certificate, key: stranger.key }),
    mend: (scene) => use(scene, client),
  },
];

/** Takes lines and says nothing, as a tcp input does. */
async function lineServer(t: TestContext): Promise<{ port: number; lines: () => number }> {
  let lines = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      lines += chunk.toString().split('\n').length - 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as { port: number }).port, lines: () => lines };
}

interface Running extends Scene {
  readonly sink: TelemetrySink;
  readonly notices: string[];
  readonly lines: () => number;
  readonly receiver: Receiver;
}

async function open(
  t: TestContext,
  backend: Secured,
  { spoil, named }: { spoil?: Trouble['spoil']; named?: (files: Scene['files']) => TlsFiles } = {},
): Promise<Running> {
  const receiver = await receiverFor(t);
  const input = backend.name === 'Logstash (tls)' ? await lineServer(t) : undefined;
  const front = await startFront(t, {
    to: input?.port ?? Number(new URL(receiver.url).port),
    identity: good,
    clientAuthority: ours.certificate,
  });
  const directory = temporaryDirectory('client');
  const [caFile, certificateFile, keyFile] = ['ca.pem', 'client.pem', 'client.key'].map((name) =>
    join(directory, name),
  );
  const files = { caFile: caFile!, certificateFile: certificateFile!, keyFile: keyFile! };
  const scene = { front, files };
  copyFileSync(ours.certificate, files.caFile);
  use(scene, client);
  spoil?.(scene);
  const notices: string[] = [];
  const sink = createJournalSink(
    sinkOptions(receiver, {
      ...backend.destination(front.port, named?.(files) ?? files),
      onNotice: (text) => notices.push(text),
      tuning: { ...QUICK, backoffBaseMillis: 50, backoffCapMillis: 200 },
    }),
  );
  t.after(() => sink.close(0));
  for (let at = 0; at < RECORDS; at += 1) {
    if (backend.signal === 'logs') sink.log(document(at), true);
    else sink.span(span(at));
  }
  return { ...scene, sink, notices, receiver, lines: input?.lines ?? (() => RECORDS) };
}

async function failing({ sink, notices }: Running, signal: Signal): Promise<string> {
  const status = await eventually('the outage to be said', () =>
    notices.length > 0 && sink.status().lastErrors[signal] !== undefined ? sink.status() : undefined,
  );
  assert.deepEqual(status[signal], counts({ accepted: RECORDS, onDisk: RECORDS }), 'kept');
  assert.equal(notices.length, 1, notices.join('\n'));
  return status.lastErrors[signal]!;
}

suite('TLS', { skip: noOpenssl }, () => {
  before(() => {
    ours = new Authority('ours');
    theirs = new Authority('theirs');
    const names = 'IP:127.0.0.1';
    good = ours.sign('good', { names });
    expired = ours.sign('expired', { names, expired: true });
    elsewhere = ours.sign('elsewhere', { names: 'DNS:elsewhere.example' });
    client = ours.sign('client', { names });
    stranger = theirs.sign('stranger', { names });
  });

  for (const backend of BACKENDS) {
    suite(backend.name, { concurrency: true }, () => {
      test('a certificate of its authority, and ours that it knows', async (t) => {
        const running = await open(t, backend);
        const status = await settled(running.sink);
        assert.deepEqual(status[backend.signal], counts({ accepted: RECORDS, [backend.outcome]: RECORDS }));
        await eventually('all lines', () => (running.lines() === RECORDS ? true : undefined));
        assert.deepEqual(running.notices, []);
      });

      test('no client certificate: kept, and said which options name one', async (t) => {
        const running = await open(t, backend, { named: ({ caFile }) => ({ caFile }) });
        const said = await failing(running, backend.signal);
        assert.match(said, /wants a client certificate|closed the connection without an answer/);
        assert.ok(said.includes(backend.variables), said);
      });

      for (const { name, says, spoil, mend } of TROUBLES) {
        test(`${name}: kept, said once, and delivered when that is mended, without a restart`, async (t) => {
          const running = await open(t, backend, { spoil });
          const said = await failing(running, backend.signal);
          // What the other side just closes is that in any words.
          if (!(backend.outcome === 'sentUnconfirmed' && name.startsWith('a client certificate')))
            assert.match(said, says);
          mend(running);
          const status = await settled(running.sink);
          assert.deepEqual(status[backend.signal], counts({ accepted: RECORDS, [backend.outcome]: RECORDS }));
          await eventually('all lines', () => (running.lines() === RECORDS ? true : undefined));
        });
      }
    });
  }

  test('certificates that are renewed under a running service: the next connection shows the new one', async (t) => {
    const running = await open(t, BACKENDS[0]!);
    await settled(running.sink);
    const before = running.front.accepted();
    use(running, ours.sign('renewed', { names: 'IP:127.0.0.1' }));
    running.sink.log(document(RECORDS), true);
    const status = await settled(running.sink);
    assert.deepEqual(status.logs, counts({ accepted: RECORDS + 1, delivered: RECORDS + 1 }));
    assert.equal(running.front.accepted(), before + 1);
    // Half of a rotation: the last pair that fitted goes on.
    copyFileSync(stranger.key, running.files.keyFile!);
    running.sink.log(document(RECORDS + 1), true);
    assert.equal((await settled(running.sink)).logs.delivered, RECORDS + 2);
    assert.deepEqual(running.notices, []);
  });
});

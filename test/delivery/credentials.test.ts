/** Secrets that are rotated by file under a running courier, and that are found nowhere but in its requests. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { Credentials } from '../../lib/delivery/worker/credentials.ts';
import { FreshFile } from '../../lib/delivery/worker/fresh-file.ts';
import { PushSender } from '../../lib/delivery/worker/push-sender.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { counts, document, QUICK, settled, sinkOptions, span } from './sink-fixture.ts';

/** How one backend is given its secret, and how the secret reaches it. */
interface Guarded {
  readonly name: string;
  readonly signal: 'logs' | 'spans';
  destination(url: string, file: string): Partial<JournalSinkOptions>;
  file(secret: string): string;
  header(secret: string): string;
}

const basic = (secret: string): string => `Basic ${Buffer.from(`shop:${secret}`).toString('base64')}`;
const withUser = (url: string): string => url.replace('http://', 'http://shop@');
const otlp = (url: string, headersFile: string) =>
  ({ kind: 'otlp', url, protocol: 'http/json', gzip: false, headersFile }) as const;

const BACKENDS: readonly Guarded[] = [
  {
    name: 'Elasticsearch, API key',
    signal: 'logs',
    destination: (url, apiKeyFile) => ({ logs: { url, stream: 'logs-a-b', apiKeyFile } }),
    file: (secret) => `${secret}\n`,
    header: (secret) => `ApiKey ${secret}`,
  },
  {
    name: 'Elasticsearch, password',
    signal: 'logs',
    destination: (url, passwordFile) => ({ logs: { url, stream: 'logs-a-b', username: 'shop', passwordFile } }),
    file: (secret) => `${secret}\n`,
    header: basic,
  },
  {
    name: 'Logstash over http',
    signal: 'logs',
    destination: (url, passwordFile) => ({ logs: { kind: 'logstash', url: withUser(url), passwordFile } }),
    file: (secret) => secret,
    header: basic,
  },
  {
    name: 'Zipkin',
    signal: 'spans',
    destination: (url, passwordFile) => ({ spans: { url: withUser(url), passwordFile } }),
    file: (secret) => secret,
    header: basic,
  },
  {
    name: 'OTLP traces',
    signal: 'spans',
    destination: (url, file) => ({ spans: otlp(url, file) }),
    file: (secret) => `# rotated\nAuthorization: Bearer ${secret}\nx-tenant: shop\n`,
    header: (secret) => `Bearer ${secret}`,
  },
  {
    name: 'OTLP logs',
    signal: 'logs',
    destination: (url, file) => ({ logs: otlp(url, file) }),
    file: (secret) => `authorization: Bearer ${secret}`,
    header: (secret) => `Bearer ${secret}`,
  },
];

interface Guard {
  readonly url: string;
  /** What each request had to show. */
  readonly shown: string[];
  /** Only who shows this is let in. */
  admit(header: string): void;
  /** Refuses the records themselves. */
  refuse(): void;
}

/** A backend that repeats what it was shown in each refusal, as some do. */
async function startGuard(t: TestContext): Promise<Guard> {
  const shown: string[] = [];
  let admitted = '';
  let refusing = false;
  const server = createServer(async (request, response) => {
    const { authorization = '' } = request.headers;
    shown.push(authorization);
    let body = '';
    for await (const chunk of request) body += chunk;
    const repeated = `sorry, ${authorization} (${Buffer.from(authorization.slice(6), 'base64')})`;
    if (authorization !== admitted) response.writeHead(401).end(repeated);
    else if (refusing) response.writeHead(400).end(repeated);
    else {
      const items = body
        .split('\n')
        .flatMap((line) => (line.startsWith('{"create"') ? [{ create: { status: 201 } }] : []));
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(items.length > 0 ? JSON.stringify({ items }) : '{}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    shown,
    admit(header) {
      admitted = header;
    },
    refuse() {
      refusing = true;
    },
  };
}

/** As those do who rotate secrets: a new file in the place of the old one. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

for (const backend of BACKENDS) {
  test(`${backend.name}: a rotated secret is used without a restart, a refusal is loud once, and no secret is found`, async (t) => {
    const guard = await startGuard(t);
    const file = join(temporaryDirectory('secret'), 'secret');
    const secrets = ['canaryOne7Zq9xK', 'canaryTwo3Vb8mN', 'canaryThree5Tr2wL'];
    const [first, second, third] = secrets as [string, string, string];
    replace(file, backend.file(first));
    guard.admit(backend.header(first));
    const notices: string[] = [];
    const errors: string[] = [];
    const options = sinkOptions(
      { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
      {
        logs: undefined,
        spans: undefined,
        statsd: undefined,
        onNotice: (text) => notices.push(text),
        tuning: { ...QUICK, backoffBaseMillis: 50, backoffCapMillis: 200 },
        ...backend.destination(guard.url, file),
      },
    );
    const sink = createJournalSink(options);
    t.after(() => sink.close(0));
    let records = 0;
    const record = (): void => {
      records += 1;
      if (backend.signal === 'logs') sink.log(document(records), true);
      else sink.span(span(records));
    };

    record();
    await settled(sink);
    // Rotated before the old one ends: nobody notices.
    replace(file, backend.file(second));
    guard.admit(backend.header(second));
    record();
    await settled(sink);
    assert.deepEqual(notices, []);
    // The other side first, which is an outage until the file follows; while it is missing too.
    guard.admit(backend.header(third));
    record();
    await eventually('several refusals', () => (guard.shown.length >= 6 && notices.length > 0 ? true : undefined));
    const status = sink.status();
    errors.push(status.lastErrors[backend.signal] ?? '');
    assert.deepEqual(status[backend.signal], counts({ accepted: 3, delivered: 2, onDisk: 1 }));
    assert.equal(notices.length, 1, notices.join('\n'));
    assert.match(notices[0]!, /does not take them \(HTTP 401 sorry, /);
    replace(file, backend.file(third));
    await settled(sink);
    await eventually('the good news', () => (notices.length === 2 ? true : undefined));
    // What it refuses for good goes with its words to the dead letters.
    guard.refuse();
    record();
    const last = await settled(sink);
    assert.deepEqual(last[backend.signal], counts({ accepted: 4, delivered: 3, deadLettered: 1 }));
    assert.deepEqual(new Set(guard.shown), new Set(secrets.map((secret) => backend.header(secret))));

    record();
    await sink.close(0);
    const everything = [
      ...filesBelow(options.directory).map((path) => [path, readFileSync(path, 'latin1')]),
      ['notices', notices.join('\n')],
      ['status', JSON.stringify(last)],
      ['errors', errors.join('\n')],
    ];
    assert.ok(everything.length > 4);
    for (const secret of secrets) {
      for (const form of [secret, backend.header(secret).replace(/^\S+ /, '')]) {
        for (const [where, text] of everything) assert.ok(!text!.includes(form), `${form} in ${where}`);
      }
    }
  });
}

test('a push shows the password of now', async (t) => {
  const guard = await startGuard(t);
  const file = join(temporaryDirectory('secret'), 'secret');
  const said: (string | undefined)[] = [];
  const sender = new PushSender({
    url: withUser(`${guard.url}/metrics/job/shop`),
    passwordFile: file,
    timeoutMillis: 20_000,
    onOutcome() {},
    onState: (sentence) => said.push(sentence),
  });
  t.after(() => sender.close());
  const push = async (): Promise<string | undefined> => {
    const before = said.length;
    sender.push({ body: 'a 1\n', replace: true });
    return await eventually('the outcome', () => (said.length > before ? { sentence: said.at(-1) } : undefined)).then(
      ({ sentence }) => sentence,
    );
  };
  assert.match((await push()) ?? '', /secret cannot be used \(ENOENT.*; correct SIGHTLINE_METRICS_PUSH_PASSWORD_FILE/);
  replace(file, 'canaryFour9Qd4xB\n');
  const refused = (await push()) ?? '';
  assert.match(refused, /HTTP 401 sorry, Basic \(secret\) \(shop:\(secret\)\)/);
  guard.admit(basic('canaryFour9Qd4xB'));
  assert.equal(await push(), undefined);
});

test('what a file of a secret may be', () => {
  const directory = temporaryDirectory('secret');
  const path = join(directory, 'secret');
  const file = new FreshFile(path);
  assert.throws(() => file.read(), /ENOENT/);
  writeFileSync(path, '');
  assert.throws(() => file.read(), /is empty/);
  writeFileSync(path, 'one');
  assert.equal(file.read(), 'one');
  // Just being replaced.
  writeFileSync(path, '');
  assert.equal(file.read(), 'one');
  writeFileSync(path, 'x'.repeat(1024 ** 2 + 1));
  assert.equal(file.read(), 'one');
  writeFileSync(path, 'x'.repeat(1024 ** 2));
  assert.equal(file.read().length, 1024 ** 2);
  assert.throws(() => new FreshFile(directory).read(), /is no file/);
});

test('a file wins over a value, an API key over a password, and headers of a file over those that were given', () => {
  const directory = temporaryDirectory('secret');
  const [apiKeyFile, passwordFile, headersFile] = ['key', 'password', 'headers'].map((name) => join(directory, name));
  writeFileSync(apiKeyFile!, 'key of the file');
  writeFileSync(passwordFile!, 'a b:ü');
  writeFileSync(headersFile!, 'X-Tenant: b: c\r\nnonsense\n\n');
  const headers = (options: object, url = 'http://host') =>
    new Credentials({ url: new URL(url), ...options }).headers();
  assert.deepEqual(headers({ apiKey: 'k', apiKeyFile, passwordFile }), { authorization: 'ApiKey key of the file' });
  assert.deepEqual(headers({ username: 'u', password: 'p', passwordFile }), {
    authorization: `Basic ${Buffer.from('u:a b:ü').toString('base64')}`,
  });
  assert.deepEqual(headers({}, 'http://u%20v:p@host'), {
    authorization: `Basic ${Buffer.from('u v:p').toString('base64')}`,
  });
  assert.deepEqual(headers({ headers: { 'x-tenant': 'a', y: '1' }, headersFile }), { 'x-tenant': 'b: c', y: '1' });
  assert.deepEqual(headers({}), {});
});

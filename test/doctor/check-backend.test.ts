/** What `sightline doctor` says about whoever answers at an address, or does not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skewOf } from '../../lib/doctor/ask.ts';
import { checkBackend } from '../../lib/doctor/check-backend.ts';
import type { Destination } from '../../lib/doctor/destinations.ts';
import { available } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { startZipkin } from '../backends/zipkin.ts';
import { freePort } from '../support/ports.ts';

const certificate = (name: string) =>
  fileURLToPath(new URL(`../fixtures/instruments/localhost-${name}.pem`, import.meta.url));

function elasticsearch(url: string, change: Partial<Destination> = {}): Destination {
  return {
    signal: 'logs',
    kind: 'elasticsearch',
    name: 'Elasticsearch',
    url: new URL(url),
    address: url,
    variable: 'SIGHTLINE_ELASTICSEARCH_URL',
    tlsVariables: { ca: 'SIGHTLINE_ELASTICSEARCH_CA_FILE' },
    credentials: 'SIGHTLINE_ELASTICSEARCH_API_KEY',
    headers: {},
    stream: 'logs-shop-test',
    ...change,
  };
}

function zipkin(url: string): Destination {
  const variable = 'OTEL_EXPORTER_ZIPKIN_ENDPOINT';
  return { signal: 'spans', kind: 'zipkin', name: 'Zipkin', url: new URL(url), address: url, variable, headers: {} };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

async function serve(t: TestContext, handler: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(handler))}`;
}

const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

const ELASTIC = { 'x-elastic-product': 'Elasticsearch', 'content-type': 'application/json' };
const PAGE = '{"name":"n","tagline":"You Know, for Search"}';

suite('answers', () => {
  const cases: readonly (readonly [string, RequestListener, string, RegExp, RegExp?])[] = [
    ['Elasticsearch', answering(200, ELASTIC, PAGE), 'ok', /Elasticsearch answers$/],
    ['OpenSearch', answering(200, {}, '{"version":{"distribution":"opensearch"}}'), 'ok', /OpenSearch answers$/],
    ['Elasticsearch that shows nothing', answering(403, ELASTIC, '{}'), 'info', /it does not show more$/],
    [
      'wrong credentials',
      answering(401, ELASTIC, '{"error":"security_exception"}'),
      'failed',
      /wants other credentials \(HTTP 401 .*security_exception/,
      /set or correct SIGHTLINE_ELASTICSEARCH_API_KEY/,
    ],
    ['not allowed, by nobody known', answering(403), 'warn', /does not allow this \(HTTP 403\)/],
    [
      'a redirect',
      answering(302, { location: 'https://elsewhere/' }),
      'failed',
      /redirects to https:\/\/elsewhere\/ \(HTTP 302\)/,
      /^set SIGHTLINE_ELASTICSEARCH_URL to the address/,
    ],
    [
      'a login page',
      answering(200, { 'content-type': 'text/html' }, '<html>Grafana</html>'),
      'failed',
      /another program answers, with HTTP 200 and a web page; it looks like Grafana$/,
      /Elasticsearch was wanted there/,
    ],
    ['Zipkin', answering(404, { 'content-type': 'text/plain' }, 'zipkin'), 'failed', /looks like Zipkin$/],
    ['an ill backend', answering(503, {}, 'unavailable'), 'failed', /busy or ill \(HTTP 503 unavailable\)/],
  ];
  for (const [name, handler, status, text, fix] of cases) {
    test(name, async (t) => {
      const url = await serve(t, handler);
      const [found, ...more] = await checkBackend(elasticsearch(url));
      assert.equal(more.length, 0);
      assert.deepEqual([found?.status, found?.part, found?.subject], [status, 'backend', 'logs']);
      assert.match(found?.text ?? '', text);
      assert.ok(found?.text.startsWith(`Elasticsearch at ${url}: `));
      if (fix !== undefined) assert.match(found?.fix ?? '', fix);
      assert.equal(found?.code, status === 'failed' ? 'SIGHTLINE_E_BACKEND' : undefined);
    });
  }

  test('credentials go to the backend, and into no sentence', async (t) => {
    const seen: (string | undefined)[] = [];
    const url = await serve(t, (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    const found = await checkBackend(elasticsearch(url, { headers: { authorization: 'ApiKey CANARY' } }));
    assert.deepEqual(seen, ['ApiKey CANARY']);
    assert.doesNotMatch(JSON.stringify(found), /CANARY/);
  });

  test('a clock that goes wrong', async (t) => {
    const shifted = (seconds: number): RequestListener =>
      answering(200, { ...ELASTIC, date: new Date(Date.now() + seconds * 1000).toUTCString() }, PAGE);
    const [, late] = await checkBackend(elasticsearch(await serve(t, shifted(-3600))));
    assert.deepEqual([late?.status, late?.fix], ['warn', 'let NTP set both clocks']);
    assert.match(late?.text ?? '', /clock of Elasticsearch is 3[56]\d\d s behind the one here/);
    const [, early] = await checkBackend(elasticsearch(await serve(t, shifted(900))));
    assert.match(early?.text ?? '', /is [89]\d\d s ahead of the one here/);
  });

  test('a second of rounding and the time on the way are no difference', () => {
    const at = (millis: number) => new Date(millis).toUTCString();
    assert.equal(skewOf(at(10_000), 10_999, 11_000), 0);
    assert.equal(skewOf(at(12_000), 10_000, 13_000), 0);
    assert.equal(skewOf(at(20_000), 10_000, 13_000), 7);
    assert.equal(skewOf(at(2000), 10_000, 13_000), -7);
    assert.equal(skewOf(undefined, 0, 0), undefined);
  });
});

suite('no answer', () => {
  const failure = async (destination: Destination): Promise<string> => {
    const [found] = await checkBackend(destination);
    assert.equal(found?.status, 'failed');
    return `${found.text} → ${found.fix}`;
  };

  test('a name that DNS does not know', async () => {
    const said = await failure(elasticsearch('http://no-such-host.invalid:9200'));
    assert.match(
      said,
      /name no-such-host\.invalid is not known to DNS .* → correct the host in SIGHTLINE_ELASTICSEARCH_URL/,
    );
  });

  test('a port on which nobody listens', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    assert.match(await failure(elasticsearch(url)), /nothing listens on 127\.0\.0\.1:\d+ .* → start the backend/);
    assert.match(await failure({ ...elasticsearch(url), variable: 'SIGHTLINE_STACK_URL' }), /npx sightline up/);
  });

  test('a certificate that nobody vouches for, one with a file that does, and a file that is not there', async (t) => {
    const server = createSecureServer(
      { cert: readFileSync(certificate('cert')), key: readFileSync(certificate('key')) },
      answering(200, ELASTIC, PAGE),
    );
    const url = `https://localhost:${await listen(t, server as unknown as Server)}`;
    assert.match(await failure(elasticsearch(url)), /signed by nobody .*SIGHTLINE_ELASTICSEARCH_CA_FILE/);
    const [trusted] = await checkBackend(elasticsearch(url, { caFile: certificate('cert') }));
    assert.equal(trusted?.status, 'ok', trusted?.text);
    const missing = await failure(elasticsearch(url, { caFile: '/nowhere/ca.pem' }));
    assert.match(missing, /file \/nowhere\/ca\.pem is not there .* → correct SIGHTLINE_ELASTICSEARCH_CA_FILE/);
    const plain = await failure(elasticsearch(url.replace('https', 'http')));
    assert.match(plain, /needs https in SIGHTLINE_ELASTICSEARCH_URL/);
  });

  test('TLS towards a port that does not speak it; a port that speaks something else', async (t) => {
    const url = await serve(t, answering(200));
    assert.match(
      await failure(elasticsearch(url.replace('http', 'https'))),
      /does not speak TLS .* → write http instead/,
    );
    const port = await listen(
      t,
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.end('+PONG\r\n');
      }) as unknown as Server,
    );
    assert.match(await failure(elasticsearch(`http://127.0.0.1:${port}`)), /does not answer with HTTP/);
  });
});

test('real Elasticsearch and Zipkin, each also at the address of the other', {
  skip: available('elasticsearch') || available('zipkin'),
}, async (t) => {
  const [real, zip] = await Promise.all([startElasticsearch(), startZipkin()]);
  t.after(() => Promise.all([real.stop(), zip.stop()]));
  const status = async (destination: Destination) => (await checkBackend(destination)).map(({ status }) => status);
  // The distribution for tests has no page at its root, and says its name all the same.
  assert.deepEqual(await status(elasticsearch(real.url)), ['info']);
  assert.deepEqual(await status(zipkin(`${zip.url}/api/v2/spans`)), ['ok']);
  const [crossed] = await checkBackend(elasticsearch(zip.url));
  assert.match(crossed?.text ?? '', /redirects to \/zipkin\/ .*it looks like Zipkin$/);
  const [other] = await checkBackend(zipkin(`${real.url}/api/v2/spans`));
  assert.match(other?.text ?? '', /another program answers, .*it looks like Elasticsearch/);
});

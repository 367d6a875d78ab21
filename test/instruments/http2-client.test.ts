import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { active, ROOT, runIn } from '../../lib/context/context.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { createHostPolicy } from '../../lib/context/hosts.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { npmFixture } from '../backends/npm.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/wait.ts';
import { HEADERS } from './calling.ts';
import { record } from './recorder.ts';

const recorded = record({ hostPolicy: createHostPolicy({ propagate: ['*', '!localhost'] }) });
const requests: { headers: IncomingHttpHeaders; raw: string[] }[] = [];
const sessions: ClientHttp2Session[] = [];
const target = Object.assign(createServer(), { [kOwn]: true });
target.on('stream', (stream, headers, _flags, raw) => {
  requests.push({ headers, raw });
  const path = headers[':path'] ?? '/';
  stream.on('error', () => {});
  if (path === '/reset') stream.close(2);
  else if (path === '/half') {
    stream.respond({ ':status': 200 });
    stream.write('half');
    setTimeout(() => stream.destroy(new Error('half')), 5);
  } else if (path === '/hang') return;
  else if (path === '/gone') stream.session?.destroy();
  else if (path.startsWith('/status/')) stream.respond({ ':status': Number(path.slice(8)) }, { endStream: true });
  else {
    stream.respond({ ':status': 200 });
    stream.end('body');
  }
});
await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
const { port } = target.address() as AddressInfo;

after(() => {
  target.close();
  recorded.instruments.stop();
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  recorded.clear();
  requests.length = 0;
  assert.equal(internalErrors(), 0, 'no bug of ours was caught');
});

const ended = (count: number) =>
  eventually(`${count} ended client requests`, () => (recorded.clientMetrics.length >= count ? true : undefined), {
    pauseMillis: 2,
  });

function session(authority = `http://127.0.0.1:${port}`): ClientHttp2Session {
  const one = connect(authority, { ...(authority.includes('localhost') && { host: '127.0.0.1' }) } as never);
  one.on('error', () => {});
  sessions.push(one);
  return one;
}

function read(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () => resolve(text));
    stream.end();
  });
}

const ask = (headers: OutgoingHttpHeaders, client = session()) => read(client.request(headers));

describe('http2 client', () => {
  test('one CLIENT span, one observation, headers on the wire once', async () => {
    assert.equal(await ask({ ':path': '/a?token=secret' }), 'body');
    await ended(1);
    const [span] = recorded.client();
    assert.equal(recorded.client().length, 1);
    assert.equal(span.name, 'GET');
    assert.equal(span.ends, 1);
    assert.deepEqual(span.attributes, {
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': port,
      'url.full': `http://127.0.0.1:${port}/a?token=[redacted]`,
      'correlation.id': span.spanContext().traceId,
      'http.response.status_code': 200,
    });
    assert.equal(recorded.clientMetrics[0].serverPort, port);
    assert.equal(recorded.clientMetrics[0].statusCode, 200);
    const { headers } = requests[0];
    assert.equal(headers['traceparent'], `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
    for (const name of HEADERS) assert.equal(typeof headers[name], 'string', name);
  });

  test('what the app has passed is not changed, its own headers win, secret ones stay secret', async () => {
    const given = { ':path': '/', 'X-Correlation-Id': 'mine', b3: '0', secret: 's', [sensitiveHeaders]: ['secret'] };
    const before = { ...given };
    await ask(given as OutgoingHttpHeaders);
    assert.deepEqual(given, before);
    const { headers } = requests[0];
    assert.equal(headers['x-correlation-id'], 'mine');
    assert.equal(headers['b3'], '0');
    assert.equal(headers['traceparent'], undefined);
    assert.deepEqual((headers as Record<symbol, unknown>)[sensitiveHeaders], ['secret']);
  });

  test('without headers, and a flat list of them where Node takes one', async () => {
    const client = session();
    await read(client.request());
    assert.equal(requests[0].headers[':path'], '/');
    assert.ok(requests[0].headers['traceparent']);
    if (Number(process.versions.node.split('.')[0]) < 24) return;
    await read(client.request([':path', '/list', 'a', '1', 'X-Correlation-Id', 'mine'] as never));
    assert.deepEqual([requests[1].headers[':path'], requests[1].headers['a']], ['/list', '1']);
    assert.equal(requests[1].headers['x-correlation-id'], 'mine');
    assert.ok(requests[1].headers['traceparent']);
  });

  test('the parent is what runs, and events run where the request was made', async () => {
    const client = session();
    const ids: (string | undefined)[] = [];
    await Promise.all(
      ['a', 'b'].map((id) =>
        correlation.run(id, async () => {
          const stream = client.request({ ':path': `/${id}` });
          for (const event of ['response', 'data', 'end', 'close']) {
            stream.on(event, () => ids.push(active().correlationId === id ? id : 'wrong'));
          }
          await read(stream);
        }),
      ),
    );
    assert.deepEqual(ids.toSorted(), ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b']);
    assert.deepEqual(requests.map(({ headers }) => headers['x-correlation-id']).toSorted(), ['a', 'b']);
  });

  test('4xx and 5xx are errors of a client', async () => {
    const client = session();
    for (const status of [404, 503, 204]) await ask({ ':path': `/status/${status}` }, client);
    await ended(3);
    assert.deepEqual(
      recorded.clientMetrics.map(({ errorType }) => errorType),
      ['404', '503', undefined],
    );
  });

  test('every bad end ends once, and says which', async () => {
    const closed = await freePort();
    const ends: [string, () => Promise<unknown>, unknown, unknown][] = [
      ['reset', () => ask({ ':path': '/reset' }), 'ERR_HTTP2_STREAM_ERROR', undefined],
      ['half an answer', () => ask({ ':path': '/half' }), 'ERR_HTTP2_STREAM_ERROR', 200],
      ['refused', () => ask({}, session(`http://127.0.0.1:${closed}`)), 'ECONNREFUSED', undefined],
      [
        'aborted by signal',
        () => read(session().request({ ':path': '/hang' }, { signal: AbortSignal.timeout(20) })),
        'ABORT_ERR',
        undefined,
      ],
      [
        'closed by the app',
        async () => {
          const stream = session().request({ ':path': '/hang' });
          setTimeout(() => stream.close(8), 10);
          await read(stream);
          throw new Error('closed');
        },
        'aborted',
        undefined,
      ],
      [
        'a session that is over',
        async () => {
          const client = session();
          client.destroy();
          await read(client.request({}));
        },
        'ERR_HTTP2_INVALID_SESSION',
        undefined,
      ],
    ];
    let done = 0;
    for (const [name, act, errorType, statusCode] of ends) {
      await assert.rejects(act(), name);
      done += 1;
      await ended(done);
      const metric = recorded.clientMetrics[done - 1];
      assert.deepEqual([metric.errorType, metric.statusCode], [errorType, statusCode], name);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(recorded.clientMetrics.length, done);
    assert.ok(recorded.client().every((span) => span.ends === 1 && span.status.code === 2));
  });

  test('an answer that nobody reads ends with its stream', async () => {
    const stream = session().request({ ':path': '/status/200' });
    stream.end();
    await ended(1);
    assert.equal(recorded.clientMetrics[0].statusCode, 200);
    assert.equal(recorded.clientMetrics[0].errorType, undefined);
  });

  test('excluded hosts get no headers; suppressed work and our own sessions are not observed', async () => {
    await ask({}, session(`http://localhost:${port}`));
    await ended(1);
    for (const name of HEADERS) assert.equal(requests[0].headers[name], undefined);
    const suppressed = ROOT.setValue(Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true);
    await runIn(suppressed, () => ask({}));
    await ask({}, Object.assign(session(), { [kOwn]: true }));
    assert.equal(recorded.client().length, 1);
    assert.equal(requests[2].headers['traceparent'], undefined);
  });
});

const undici = npmFixture('undici-7');
test('undici over HTTP/2 is observed once', { skip: undici.missing }, async () => {
  const { createRequire } = await import('node:module');
  const { H2CClient } = createRequire(`${undici.directory}/x.js`)('undici');
  const dispatcher = new H2CClient(`http://127.0.0.1:${port}`);
  const { body } = await dispatcher.request({ path: '/u', method: 'GET' });
  await body.text();
  await ended(1);
  await dispatcher.destroy();
  assert.equal(recorded.client().length, 1);
  assert.equal(typeof requests[0]?.headers['traceparent'], 'string');
});

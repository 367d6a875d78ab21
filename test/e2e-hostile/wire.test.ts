/** HTTP as it happens: whatever an app and its clients do with a connection, it goes the same way observed and alone. */
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { bareAndObserved, type Outcome, type Scenario } from './compare.ts';
import { converse, withoutOurs } from './raw.ts';
import {
  ABORTS_APP,
  HTTP2_APP,
  HTTPS_APP,
  NEVER_ENDED_APP,
  PROXY_APP,
  SHAPES_APP,
  WEBSOCKET_APP,
} from './wire-sources.ts';

const ws = npmFixture('ws');

const SHAPES = [
  'text',
  'implicit',
  'length',
  'array',
  'nested',
  'empty',
  'unchanged',
  'trailers',
  'hints',
  'processing',
  'own-id',
  'flushed',
  'no-date',
  'events',
  'twice',
  'late-header',
  'bad-header',
  'bad-status',
  'names',
  'unread',
  'destroy',
  'half-destroy',
  'nothing',
];

const stop = (port: number): Promise<unknown> => send(`http://127.0.0.1:${port}/stop`).catch(() => undefined);

async function shapes(port: number): Promise<unknown> {
  const answers: Record<string, string> = {};
  for (const shape of SHAPES) {
    for (const [method, version] of [
      ['GET', '1.1'],
      ['HEAD', '1.1'],
      ['GET', '1.0'],
    ]) {
      const chunk = `${method} /${shape} HTTP/${version}\r\nhost: shop\r\nconnection: close\r\n\r\n`;
      answers[`${method} ${shape} ${version}`] = withoutOurs(await converse({ port, chunks: [chunk] }));
    }
  }
  const post = (path: string, lines: string, body: string): string =>
    `POST ${path} HTTP/1.1\r\nhost: shop\r\n${lines}\r\n\r\n${body}`;
  const conversations: Record<string, readonly string[]> = {
    pipelined: [
      SHAPES.slice(0, 10)
        .map((shape, n) => `GET /${shape} HTTP/1.1\r\nhost: shop\r\n${n === 9 ? 'connection: close\r\n' : ''}\r\n`)
        .join(''),
    ],
    'pipelined bodies': [
      post('/body', 'content-length: 3', 'one') + post('/body', 'content-length: 3\r\nconnection: close', 'two'),
    ],
    'kept alive': [
      'GET /text HTTP/1.1\r\nhost: shop\r\n\r\n',
      'GET /text HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n',
    ],
    'slow body': [post('/body', 'content-length: 6\r\nconnection: close', ''), 'a', 'b', 'c', 'd', 'e', 'f'],
    'chunked body': [post('/body', 'transfer-encoding: chunked\r\nconnection: close', ''), '3\r\nabc\r\n', '0\r\n\r\n'],
    'a body nobody reads': [post('/unread', 'content-length: 70000\r\nconnection: close', 'x'.repeat(70_000))],
    'expect continue': [post('/body', 'expect: 100-continue\r\ncontent-length: 3\r\nconnection: close', ''), 'abc'],
    'expect continue refused': [post('/refuse', 'expect: 100-continue\r\ncontent-length: 3\r\nconnection: close', '')],
    'expect something else': [post('/body', 'expect: cake\r\ncontent-length: 0\r\nconnection: close', '')],
  };
  for (const [name, chunks] of Object.entries(conversations))
    answers[name] = withoutOurs(await converse({ port, chunks }));
  await stop(port);
  return answers;
}

function goAway(port: number, chunk: string, reset: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    const go = (): void => void (reset ? socket.resetAndDestroy() : socket.destroy());
    if (chunk.startsWith('POST') || chunk.includes('/waiting')) setTimeout(go, 20);
    else socket.once('data', go);
  });
}

async function aborts(port: number): Promise<unknown> {
  for (const reset of [false, true]) {
    await goAway(port, 'POST /upload HTTP/1.1\r\nhost: shop\r\ncontent-length: 100\r\n\r\nabc', reset);
    await goAway(port, 'GET /download HTTP/1.1\r\nhost: shop\r\n\r\n', reset);
    await goAway(port, 'GET /large HTTP/1.1\r\nhost: shop\r\n\r\n', reset);
    await goAway(port, 'GET /waiting HTTP/1.1\r\nhost: shop\r\n\r\n', reset);
  }
  const told = await eventually('all aborted requests to be over', async () => {
    const answer = JSON.parse((await send(`http://127.0.0.1:${port}/told`)).body);
    return answer.open === 0 && answer.told.filter((line: string) => line.includes('response close')).length === 8
      ? answer
      : undefined;
  });
  await stop(port);
  return told;
}

function takeAndGo(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    const method = path === '/head' ? 'HEAD' : 'GET';
    const head = `${method} ${path} HTTP/1.1\r\nhost: shop\r\nx-correlation-id: gone-${path.slice(1)}\r\n\r\n`;
    const socket = connect(port, '127.0.0.1', () => socket.write(head));
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
      if (method === 'HEAD' || path === '/empty' || answer.includes('four')) socket.destroy();
    });
    socket.on('close', () => resolve());
  });
}

async function websockets(port: number): Promise<unknown> {
  const { WebSocket } = createRequire(join(ws.directory, 'x.js'))('ws') as { WebSocket: any };
  const echoed: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { 'x-correlation-id': 'over-websocket' } });
    client.on('error', reject);
    client.on('upgrade', (response: { rawHeaders: string[]; statusCode: number }) => {
      const names = response.rawHeaders.filter((_: string, index: number) => index % 2 === 0);
      echoed.push(`${response.statusCode} ${names.join(' ')}`);
    });
    client.on('open', () => {
      for (const message of ['text', Buffer.alloc(100_000, 7), '{}']) client.send(message);
    });
    client.on('message', (data: Buffer, binary: boolean) => {
      echoed.push(`${binary} ${data.length}`);
      if (echoed.length === 4) client.close(4001);
    });
    client.on('close', () => resolve());
  });
  const refused = await converse({
    port,
    chunks: ['GET /refused HTTP/1.1\r\nhost: shop\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
  });
  await stop(port);
  return { echoed, refused };
}

async function http2Client(port: number): Promise<unknown> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const ask = (path: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, 'x-correlation-id': 'over-http2' });
      let head: Record<string, unknown> = {};
      let body = '';
      stream.on('response', (headers) => {
        const { date: _volatile, 'x-correlation-id': _ours, ...theirs } = headers;
        head = theirs;
      });
      stream.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      stream.on('end', () => resolve({ head: Object.entries(head), body }));
      stream.on('error', reject);
    });
  const answers = [await ask('/a'), await ask('/b')];
  await ask('/stop');
  await new Promise<void>((resolve) => session.close(resolve));
  return answers;
}

async function httpsClient(port: number): Promise<unknown> {
  const ask = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false },
        (response) => {
          response.setEncoding('utf8').on('data', (text) => resolve(`${response.statusCode} ${text}`));
        },
      );
      request.on('error', reject);
      request.end();
    });
  const answers = [await ask('/secret')];
  const plain = await converse({ port, chunks: ['GET / HTTP/1.1\r\n\r\n'] });
  await ask('/stop');
  return [answers, plain];
}

async function proxies(port: number): Promise<unknown> {
  const tunnelled = await converse({
    port,
    chunks: [
      'CONNECT shop:80 HTTP/1.1\r\nhost: shop:80\r\n\r\n',
      'GET /inside HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n',
    ],
  });
  const forwarded = await converse({
    port,
    chunks: ['GET /forwarded HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n'],
  });
  await stop(port);
  return [tunnelled, forwarded].map(withoutOurs);
}

const SCENARIOS: readonly (Omit<Scenario, 'node'> & {
  readonly name: string;
  readonly missing?: string | undefined;
})[] = [
  { name: 'shapes of a response, bodies, expectations', files: { 'app.cjs': SHAPES_APP }, client: shapes },
  {
    name: 'an app that answers Expect itself',
    files: { 'app.cjs': SHAPES_APP },
    args: ['app.cjs', 'check-continue'],
    client: shapes,
  },
  { name: 'clients that go away', files: { 'app.cjs': ABORTS_APP }, client: aborts },
  {
    name: 'WebSocket by ws',
    files: { 'app.cjs': WEBSOCKET_APP },
    linked: { ws: join(ws.directory, 'node_modules', 'ws') },
    missing: ws.missing,
    client: websockets,
  },
  { name: 'HTTP/2', files: { 'app.cjs': HTTP2_APP }, client: http2Client },
  {
    name: 'TLS',
    files: {
      'app.cjs': HTTPS_APP,
      'key.pem': fixture('instruments/localhost-key.pem'),
      'cert.pem': fixture('instruments/localhost-cert.pem'),
    },
    client: httpsClient,
  },
  { name: 'proxies', files: { 'app.cjs': PROXY_APP }, client: proxies },
];

function check(bare: Outcome, observed: Outcome): void {
  assert.deepEqual(observed, bare);
  assert.equal(bare.code, 0, bare.stderr);
}

for (const node of [NODE_OWN, NODE_OLDEST] as readonly NodeRuntime[]) {
  suite(`on the wire, Node ${node.version}`, { skip: node.missing, concurrency: 2 }, () => {
    let receiver: Receiver;
    before(async () => {
      receiver = await startReceiver();
    });
    after(() => receiver.close());

    for (const { name, missing, ...scenario } of SCENARIOS) {
      test(name, { skip: missing }, async () => {
        const { bare, observed } = await bareAndObserved({ ...scenario, node }, receiver);
        check(bare, observed);
      });
    }

    // A piped file ends one read after its last byte; here the app never ends, so that it is no matter of luck.
    test('a client that has the whole answer and goes before the app has ended it did not abort', async () => {
      const child = startChild({
        node,
        cwd: createProject({ name: 'never-ended', files: { 'app.cjs': NEVER_ENDED_APP } }),
        args: ['--import', 'sightline/register', 'app.cjs'],
        env: {
          ...receiver.environment,
          SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
          OTEL_SERVICE_NAME: 'never-ended',
        },
      });
      const [, port] = await child.line(/listening (\d+)/);
      for (const path of ['/whole', '/head', '/empty', '/short', '/none']) await takeAndGo(Number(port), path);
      const spans = await eventually('all spans', () => {
        const found = receiver.spans.filter((span) => span.localEndpoint?.serviceName === 'never-ended');
        return found.length >= 5 ? found : undefined;
      });
      await stop(Number(port));
      await child.ended;
      const ends = spans.map(({ tags = {} }) => [
        tags['url.path'],
        tags['http.response.status_code'] ?? tags['error.type'],
      ]);
      assert.deepEqual(Object.fromEntries(ends), {
        '/whole': '200',
        '/head': '200',
        '/empty': '204',
        '/short': 'aborted',
        '/none': 'aborted',
      });
    });
  });
}
